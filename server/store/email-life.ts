/** The rows of an email as its life (model/life.ts): what `step` is asked about. */
import type { Delivery } from '../model/delivery-life.ts'
import type { Hold, Who } from '../model/hold-life.ts'
import type { Life } from '../model/life.ts'
import type { EmailRow } from './emails.ts'
import { type HoldRow, editorsOf } from './holds.ts'
import type { DeliveryRow } from './queue.ts'
import type { Row } from './schema.ts'

/** What was looked up beside the email; what is left out is not asked about. `hold`: its newest, `approvals`: those of that hold. */
type Beside = { hold?: HoldRow | undefined; approvals?: readonly Row<'hold_approvals'>[]; writers?: readonly Who[] }

/** @param now epoch ms */
export const lifeOf = (email: EmailRow, now: number, { hold, approvals = [], writers = [] }: Beside = {}): Life => ({
  status: email.status,
  hash: email.direction === 'inbound' ? email.raw_hash : email.content_hash,
  writers,
  waits: email.due_at !== null && email.due_at > now,
  hold: hold === undefined ? null : holdLife(hold, approvals, now),
  // Before it is sent there is none, and afterwards the deliverer looks for it (outbound/released.ts).
  release: null,
})

const holdLife = (hold: HoldRow, approvals: readonly Row<'hold_approvals'>[], now: number): Hold => ({
  state: hold.state,
  hash: hold.content_hash,
  people: hold.people,
  yes: approvals.filter((one) => one.content_hash === hold.content_hash).map(({ voter_id }) => voter_id),
  editors: editorsOf(hold),
  isOver: hold.expires_at <= now,
})

/** @param now epoch ms */
export const deliveryLife = (row: DeliveryRow, now: number): Delivery => ({
  state: row.state,
  lease: row.lease,
  hasLapsed: row.leased_until !== null && row.leased_until <= now,
  isTakenBack: row.cancel_requested_at !== null,
  mayBeAccepted: row.may_be_accepted === 1,
})
