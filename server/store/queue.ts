import { type Kysely, type Transaction, sql } from 'kysely'
import type { SystemActor } from '../model/actor.ts'
import { type AttemptId, type DeliveryId, type EmailId, newId } from '../model/ids.ts'
import type { Store } from './db.ts'
import { appendLogs } from './log.ts'
import { insertPrepared, prepare, prepareChange } from './prepared.ts'
import type { Database, NewRow, Row } from './schema.ts'
import { isStopped, listStops } from './stops.ts'

export type DeliveryRow = Row<'deliveries'>
export type DeliveryState = DeliveryRow['state']

/** A delivery under lease, and the attempt that was written down before it is made. */
export type Claim = Omit<DeliveryRow, 'lease' | 'leased_until'> & { lease: string; leased_until: number; attempt_id: AttemptId }

const outbound: SystemActor = { kind: 'system', part: 'outbound' }

export const insertDeliveries = async (tx: Transaction<Database>, rows: readonly NewRow<'deliveries'>[]): Promise<void> => {
  await Promise.all(rows.map((row) => insertPrepared(tx, 'deliveries', row)))
}

/** One per recipient, in the order they were queued. */
export const deliveriesOf = (db: Kysely<Database>, emailId: EmailId): Promise<DeliveryRow[]> =>
  db.selectFrom('deliveries').selectAll().where('email_id', '=', emailId).orderBy('id').execute()

/** True when nothing of the email is left to be delivered, and nothing of it failed. */
export const isWhollyDelivered = async (db: Kysely<Database>, emailId: EmailId): Promise<boolean> =>
  (await notDelivered(db, { emailId })).length === 0

const notDelivered = prepare((db, { emailId }: { emailId: EmailId }) =>
  db.selectFrom('deliveries').select('id').where('email_id', '=', emailId).where('state', '!=', 'delivered').limit(1),
)

export const deliveryById = (db: Kysely<Database>, id: DeliveryId): Promise<DeliveryRow | undefined> =>
  db.selectFrom('deliveries').selectAll().where('id', '=', id).executeTakeFirst()

/** How many wait in all. */
export async function countQueued(db: Kysely<Database>): Promise<number> {
  const row = await db
    .selectFrom('deliveries')
    .select((one) => one.fn.countAll().as('count'))
    .where('state', '=', 'queued')
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/** Every attempt at one delivery, oldest first. */
export const attemptsOf = (db: Kysely<Database>, deliveryId: DeliveryId): Promise<Row<'attempts'>[]> =>
  db.selectFrom('attempts').selectAll().where('delivery_id', '=', deliveryId).orderBy('number').execute()

/** When the next attempt after `after` (epoch ms) is due, or when the next lease lapses; null when nothing is queued for later. */
export async function nextDue(db: Kysely<Database>, after = -1): Promise<number | null> {
  return (await firstAfter(db, { after }))[0]?.next_attempt_at ?? null
}

const firstAfter = prepare((db, { after }: { after: number }) =>
  db
    .selectFrom('deliveries')
    .select('next_attempt_at')
    .where('state', '=', 'queued')
    .where('next_attempt_at', '>', after)
    .orderBy('next_attempt_at')
    .limit(1),
)

/** Leases those of `ids` that are still due, and not stopped: [] when others were faster. Times: epoch ms.
 *
 *  The attempt is counted, written down and logged in the same transaction, before anything is dialled, and the row is not due again until
 *  the lease has lapsed: a crash costs a delay, not a flood at somebody's MX. A dead worker's lease lapses, so a row may be tried twice: a
 *  duplicate beats a loss (RFC 5321 §6.1). What became of such an attempt nobody knows, so from then on the remote may have the message. */
export function claimDue(store: Store, q: { ids: readonly DeliveryId[]; now: number; leaseMs: number; lease: string }): Promise<Claim[]> {
  if (q.ids.length === 0) return Promise.resolve([])
  return store.transaction(async (tx) => {
    const until = q.now + q.leaseMs
    const ids = await stillDue(tx, store.engine, q)
    if (ids.length === 0) return []
    const leased = await tx
      .updateTable('deliveries')
      .set((set) => ({
        attempts: set('attempts', '+', 1),
        next_attempt_at: until,
        leased_until: until,
        may_be_accepted: sql<number>`case when lease is null then may_be_accepted else 1 end`,
        lease: q.lease,
      }))
      .where('id', 'in', ids)
      .returningAll()
      .execute()
    const claims = leased
      .map((row): Claim => ({ ...row, lease: q.lease, leased_until: until, attempt_id: newId('attempt', q.now) }))
      .toSorted((one, other) => (one.id < other.id ? -1 : 1))
    await Promise.all(claims.map((claim) => insertPrepared(tx, 'attempts', intention(claim, q.now))))
    await appendLogs(
      tx,
      claims.map((claim) => attempted(claim, q.now)),
    )
    return claims
  })
}

/** On PostgreSQL rows that another worker is taking are passed over; SQLite has one writer, so the transaction alone is exclusive.
 *  The stops are read here again: once one is committed, nothing begins that it forbids. */
async function stillDue(
  tx: Transaction<Database>,
  engine: Store['engine'],
  q: { ids: readonly DeliveryId[]; now: number },
): Promise<DeliveryId[]> {
  const rows = tx
    .selectFrom('deliveries')
    .select(['id', 'account_id', 'world', 'mailbox_id', 'domain'])
    .where('id', 'in', [...q.ids])
    .where('state', '=', 'queued')
    .where('next_attempt_at', '<=', q.now)
    .where('cancel_requested_at', 'is', null)
  const [stops, due] = await Promise.all([listStops(tx), (engine === 'postgres' ? rows.forUpdate().skipLocked() : rows).execute()])
  return due.filter((row) => !isStopped(stops, row)).map(({ id }) => id)
}

const intention = (claim: Claim, now: number): NewRow<'attempts'> => ({
  id: claim.attempt_id,
  delivery_id: claim.id,
  number: claim.attempts,
  host: null,
  remote_address: null,
  tls: null,
  signatures: null,
  reply: null,
  outcome: null,
  started_at: now,
  ended_at: null,
})

const attempted = (claim: Claim, now: number) => ({
  at: now,
  actor: outbound,
  tenancy: { accountId: claim.account_id, world: claim.world },
  action: 'delivery.attempted' as const,
  resourceType: 'delivery' as const,
  resourceId: claim.id,
  metadata: { email_id: claim.email_id, release_id: claim.release_id, attempt_id: claim.attempt_id, number: claim.attempts },
  details: { recipient: claim.forward_path },
})

/** Keeps a lease that is still ours alive until `until` (epoch ms). @returns false when it is not ours any more. */
export async function renewLease(db: Kysely<Database>, claim: Pick<Claim, 'id' | 'lease'>, until: number): Promise<boolean> {
  const result = await db
    .updateTable('deliveries')
    .set({ leased_until: until, next_attempt_at: until })
    .where('id', '=', claim.id)
    .where('lease', '=', claim.lease)
    .where('state', '=', 'queued')
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** For a process that knows it is the only one to deliver: the leases of its predecessor lapse now. `retryAt` gives the time of the next
 *  attempt (epoch ms). @returns how many there were */
export async function lapseLeases(tx: Transaction<Database>, retryAt: (attempts: number) => number): Promise<number> {
  const rows = await tx
    .selectFrom('deliveries')
    .select(['id', 'attempts'])
    .where('state', '=', 'queued')
    .where('lease', 'is not', null)
    .execute()
  for (const row of rows) {
    const at = retryAt(row.attempts)
    // The lease itself stays: whoever claims the row sees that an attempt ended without a word.
    await tx.updateTable('deliveries').set({ next_attempt_at: at, leased_until: at }).where('id', '=', row.id).execute()
  }
  return rows.length
}

/** What an attempt showed. `signatures`: all the fields the attempt put in front (outbound/seal.ts). */
export type AttemptFacts = {
  host: string | null
  remoteAddress: string | null
  tls: string | null
  signatures: string | null
  reply: string | null
}

/** `queued` means deferred until `nextAttemptAt` (epoch ms). */
export type Settlement = { bounceClass: string | null; mayBeAccepted: boolean; facts: AttemptFacts } & (
  | { state: 'queued'; nextAttemptAt: number }
  | { state: Exclude<DeliveryState, 'queued'> }
)

/** `lost`: somebody else took it after the lease lapsed; then the attempt keeps its facts, without an outcome, and the delivery is left to the other.
 *  `before`: this attempt's end is recorded already, by a commit whose answer did not arrive; nothing was changed. */
export type Settling = 'settled' | 'lost' | 'before'

/** Records an attempt's end and moves its delivery on, while the lease is still this claim's. Once: a second time changes nothing. */
export async function settleDelivery(tx: Transaction<Database>, claim: Claim, settlement: Settlement, now: number): Promise<Settling> {
  const rows = await settle(tx, {
    id: claim.id,
    held: claim.lease,
    state: settlement.state,
    nextAttemptAt: settlement.state === 'queued' ? settlement.nextAttemptAt : null,
    reply: settlement.facts.reply,
    host: settlement.facts.host,
    bounceClass: settlement.bounceClass,
    mayBeAccepted: settlement.mayBeAccepted ? 1 : 0,
    settledAt: settlement.state === 'queued' ? null : now,
  })
  const isOurs = rows.length > 0
  if (!isOurs && (await isEnded(tx, { id: claim.attempt_id }))) return 'before'
  const { remoteAddress, ...facts } = settlement.facts
  const outcome = isOurs ? attemptOutcome(settlement.state) : null
  await endAttempt(tx, { ...facts, remoteAddress, outcome, endedAt: now, id: claim.attempt_id })
  return isOurs ? 'settled' : 'lost'
}

const isEnded = async (db: Kysely<Database>, attempt: { id: AttemptId }): Promise<boolean> => (await outcomeOf(db, attempt)).length > 0

const outcomeOf = prepare((db, { id }: { id: AttemptId }) =>
  db.selectFrom('attempts').select('outcome').where('id', '=', id).where('outcome', 'is not', null),
)

type NewState = Pick<DeliveryRow, 'id' | 'state'> & {
  held: string
  nextAttemptAt: number | null
  reply: string | null
  host: string | null
  bounceClass: string | null
  mayBeAccepted: 0 | 1
  settledAt: number | null
}

const settle = prepare((db, one: NewState) =>
  db
    .updateTable('deliveries')
    .set({
      state: one.state,
      next_attempt_at: sql<number>`coalesce(${one.nextAttemptAt}, next_attempt_at)`,
      lease: null,
      leased_until: null,
      last_reply: one.reply,
      last_host: one.host,
      bounce_class: one.bounceClass,
      may_be_accepted: sql<number>`case when ${one.mayBeAccepted} = 1 then 1 else may_be_accepted end`,
      settled_at: one.settledAt,
    })
    .where('id', '=', one.id)
    .where('lease', '=', one.held)
    .where('state', '=', 'queued')
    .returning('id'),
)

const attemptOutcome = (state: DeliveryState): Row<'attempts'>['outcome'] =>
  state === 'delivered' ? 'delivered' : state === 'queued' || state === 'expired' ? 'deferred' : 'failed'

type AttemptEnd = AttemptFacts & { id: AttemptId; outcome: Row<'attempts'>['outcome']; endedAt: number }

const endAttempt = prepareChange((db, { id, host, remoteAddress, tls, signatures, reply, outcome, endedAt }: AttemptEnd) =>
  db
    .updateTable('attempts')
    .set({ host, remote_address: remoteAddress, tls, signatures, reply, outcome, ended_at: endedAt })
    .where('id', '=', id)
    .where('outcome', 'is', null),
)

/** True when an earlier attempt than `number` was deferred at or after `time` (epoch ms). */
export async function wasDeferredSince(db: Kysely<Database>, deliveryId: DeliveryId, number: number, time: number): Promise<boolean> {
  const row = await db
    .selectFrom('attempts')
    .select('id')
    .where('delivery_id', '=', deliveryId)
    .where('number', '<', number)
    .where('outcome', '=', 'deferred')
    .where('ended_at', '>=', time)
    .executeTakeFirst()
  return row !== undefined
}
