/** Somebody who signs in to decide on mail, with everything that is known of them but what they sign in with. */
import { z } from 'zod'
import { personRoles } from '../model/actor.ts'
import { timeText } from '../model/quiet-hours.ts'
import type { PasskeyRow } from '../store/passkeys.ts'
import type { PersonRow } from '../store/people.ts'
import { isoOrNull, isoTime } from './views.ts'

export const Person = z.strictObject({
  id: z.string(),
  role: z.enum(personRoles),
  name: z.string(),
  address: z.string(),
  has_authenticator_program: z.boolean(),
  passkeys: z.array(z.strictObject({ id: z.string(), name: z.string(), created_at: z.string(), last_used_at: z.string().nullable() })),
  quiet_hours: z.strictObject({ time_zone: z.string(), from: z.string(), to: z.string() }).nullable(),
  created_at: z.string(),
  told_at: z.string().nullable().describe('When a letter said last what waits'),
})

export const personView = (row: PersonRow, passkeys: readonly PasskeyRow[]): z.infer<typeof Person> => ({
  id: row.id,
  role: row.role,
  name: row.name,
  address: row.address,
  has_authenticator_program: row.totp_secret !== null,
  passkeys: passkeys.map(passkeyView),
  quiet_hours: quietView(row),
  created_at: isoTime(row.created_at),
  told_at: isoOrNull(row.told_at),
})

/** Between which they want no letters; null: at any time. */
export const quietView = ({ time_zone, quiet_from: from, quiet_to: to }: PersonRow) =>
  time_zone === null || from === null || to === null ? null : { time_zone, from: timeText(from), to: timeText(to) }

export const passkeyView = ({ id, name, created_at, last_used_at }: PasskeyRow) => ({
  id,
  name,
  created_at: isoTime(created_at),
  last_used_at: isoOrNull(last_used_at),
})
