import { z } from 'zod'
import { rejectionCodes, rejectionWords } from '../model/decision.ts'
import type { EmailRow } from '../store/emails.ts'

/** How the waiting of an email ended, in a form that whoever wrote it can act on. */
export const Outcome = z.strictObject({
  kind: z
    .enum(['approved', 'rejected', 'expired', 'superseded', 'cancelled'])
    .describe(
      'expired: nobody decided in time, which is no refusal. superseded: another version took its place. cancelled: it was taken back',
    ),
  by: z.enum(['person', 'key', 'system']).nullable().describe('What kind of actor ended it; null: it is older than this field'),
  code: z.enum(rejectionCodes).nullable().describe('Of a rejection: why, as one of a few words'),
  reason: z.string().nullable().describe('Of a rejection: what the reviewer said'),
  redo_asked: z.boolean().describe('Of a rejection: the reviewer asks for another version'),
  replaced_by: z.string().nullable().describe('The email that took its place'),
  next: z.string().describe('What to do now'),
})
type Outcome = z.infer<typeof Outcome>

type Ended = Pick<
  EmailRow,
  'id' | 'status' | 'approved_at' | 'ended_by' | 'rejection_code' | 'rejection_reason' | 'redo_asked' | 'replaced_by_id'
>

/** Null while it waits, and for what never had to. */
export function outcomeOf(email: Ended): Outcome | null {
  const kind = kindOf(email)
  if (kind === null) return null
  return {
    kind,
    by: email.ended_by,
    code: email.rejection_code,
    reason: email.rejection_reason,
    redo_asked: email.redo_asked === 1,
    replaced_by: email.replaced_by_id,
    next: nextOf(kind, email),
  }
}

function kindOf({ status, approved_at, replaced_by_id }: Ended): Outcome['kind'] | null {
  if (status === 'rejected' || status === 'expired') return status
  // What was withdrawn is replaced by nothing (oversight/supersede.ts).
  if (status === 'cancelled') return replaced_by_id === null ? 'cancelled' : 'superseded'
  return approved_at === null ? null : 'approved'
}

function nextOf(kind: Outcome['kind'], { id, rejection_code, redo_asked, replaced_by_id }: Ended): string {
  if (replaced_by_id !== null) return `Look at ${replaced_by_id}, which is the other version.`
  if (kind === 'rejected' && redo_asked === 1)
    return `Write another version that does what the reviewer says, and submit it with replaces set to ${id}.`
  if (kind === 'rejected')
    return `${rejection_code === null ? 'A reviewer refused it' : rejectionWords[rejection_code]}. Do not submit the same again; a version that puts it right names it with replaces.`
  return nexts[kind]
}

const nexts: Readonly<Record<Exclude<Outcome['kind'], 'rejected'>, string>> = {
  approved: 'Nothing: it is on its way, or leaves at its time.',
  expired: 'Nobody decided. If it is still wanted, submit it again, with replaces set to its id.',
  superseded: 'Nothing: another version took its place.',
  cancelled: 'Nothing: it will not be sent.',
}
