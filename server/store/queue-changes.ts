import { type Kysely, type Transaction, sql } from 'kysely'
import type { DeliveryId, MailboxId } from '../model/ids.ts'
import { prepare } from './prepared.ts'
import type { Database, Row } from './schema.ts'

/** What else may happen to a delivery that waits: taken back, hurried, put off. */

// More than this at a time are seen at the next look.
const mostAtOnce = 1_000

/** The queued deliveries that somebody took back while an attempt was under way. */
export const takenBackOf = async (db: Kysely<Database>): Promise<DeliveryId[]> => (await takenBack(db, {})).map(({ id }) => id)

const takenBack = prepare((db, _none: object) =>
  db
    .selectFrom('deliveries')
    .select('id')
    .where('state', '=', 'queued')
    .where('cancel_requested_at', 'is not', null)
    .orderBy('id')
    .limit(mostAtOnce),
)

/** Deliveries of a mailbox that are neither ended nor taken back, oldest first. */
export const stillQueuedOf = (
  db: Kysely<Database>,
  mailboxId: MailboxId,
  limit: number,
): Promise<Pick<Row<'deliveries'>, 'id' | 'email_id'>[]> =>
  db
    .selectFrom('deliveries')
    .select(['id', 'email_id'])
    .where('state', '=', 'queued')
    .where('mailbox_id', '=', mailboxId)
    .where('cancel_requested_at', 'is', null)
    .orderBy('id')
    .limit(limit)
    .execute()

/** Ends a queued delivery at which no attempt is under way. @returns false when one is, or it has ended. @param now epoch ms */
export async function cancelWaiting(tx: Transaction<Database>, id: DeliveryId, now: number): Promise<boolean> {
  const result = await tx
    .updateTable('deliveries')
    .set({
      state: 'cancelled',
      // A lease that lapsed without a word: the remote may have it.
      may_be_accepted: sql<number>`case when lease is null then may_be_accepted else 1 end`,
      lease: null,
      leased_until: null,
      bounce_class: null,
      settled_at: now,
    })
    .where('id', '=', id)
    .where('state', '=', 'queued')
    .where((row) => row.or([row('leased_until', 'is', null), row('leased_until', '<=', now)]))
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Asks whoever is at it to end it. @returns false when it has ended, or was asked before */
export async function requestCancel(tx: Transaction<Database>, id: DeliveryId, by: string, now: number): Promise<boolean> {
  const result = await tx
    .updateTable('deliveries')
    .set({ cancel_requested_at: now, cancel_requested_by: by })
    .where('id', '=', id)
    .where('state', '=', 'queued')
    .where('cancel_requested_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

export const isTakenBack = async (db: Kysely<Database>, id: DeliveryId): Promise<boolean> =>
  (await db.selectFrom('deliveries').select('id').where('id', '=', id).where('cancel_requested_at', 'is not', null).executeTakeFirst()) !==
  undefined

/** Due now, if no attempt is under way. @returns false when one is, or it has ended */
export async function hurry(tx: Transaction<Database>, id: DeliveryId, now: number): Promise<boolean> {
  const result = await tx
    .updateTable('deliveries')
    .set({ next_attempt_at: now })
    .where('id', '=', id)
    .where('state', '=', 'queued')
    .where((row) => row.or([row('leased_until', 'is', null), row('leased_until', '<=', now)]))
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Moves what is due to `until` (epoch ms), which is no attempt. */
export async function postpone(db: Kysely<Database>, ids: readonly DeliveryId[], until: number, now: number): Promise<void> {
  if (ids.length === 0) return
  await db
    .updateTable('deliveries')
    .set({ next_attempt_at: until })
    .where('id', 'in', [...ids])
    .where('state', '=', 'queued')
    .where('next_attempt_at', '<=', now)
    .execute()
}
