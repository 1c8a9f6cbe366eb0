import type { Kysely, Transaction } from 'kysely'
import { type EventId, type MailboxId, newId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import { noteAnnounced } from './announced.ts'
import { type Facts, factsJson } from './facts.ts'
import { insertPrepared } from './prepared.ts'
import type { Database, Row } from './schema.ts'

export const eventTypes = [
  'message.received',
  'message.sent',
  'message.delivered',
  'message.bounced',
  'message.delayed',
  'message.cancelled',
  'message.failed',
  'message.complained',
  'operator.alarm',
  'message.opened',
  'oversight.pending',
  'oversight.approved_in_part',
  'oversight.approved',
  'oversight.rejected',
  'oversight.expired',
  'oversight.renewed',
  'oversight.superseded',
  'oversight.undone',
  'oversight.edited',
  'oversight.blocked',
  'mailbox.standing_changed',
  'mailbox.mode_lowered',
  'webhook.disabled',
  'webhook.test',
] as const
export type EventType = (typeof eventTypes)[number]

/** `data` has ids and envelope facts; no bodies. `now` is epoch ms. */
export type NewEvent = {
  tenancy: Tenancy
  mailboxId: MailboxId | null
  type: EventType
  data: Facts
  now: number
}

/** Announces something in the transaction that does it, so that nothing is told that did not happen and nothing that happened goes untold. */
export const appendEvent = async (tx: Transaction<Database>, event: NewEvent): Promise<void> => void (await appendNamedEvent(tx, event))

/** @returns its id */
export async function appendNamedEvent(tx: Transaction<Database>, event: NewEvent): Promise<EventId> {
  noteAnnounced(tx)
  const id = newId('event', event.now)
  await insertPrepared(tx, 'events', {
    id,
    account_id: event.tenancy.accountId,
    world: event.tenancy.world,
    mailbox_id: event.mailboxId,
    type: event.type,
    data_json: factsJson(event.data),
    created_at: event.now,
  })
  return id
}

export type EventRow = Row<'events'>

/** Events after `seq`, in order. On PostgreSQL two transactions may commit in another order than they took their numbers, so a reader
 *  that wants each event also looks for the numbers it has missed (events/gaps.ts). */
export const eventsAfter = (db: Kysely<Database>, seq: number, limit: number): Promise<EventRow[]> =>
  db.selectFrom('events').selectAll().where('seq', '>', seq).orderBy('seq').limit(limit).execute()

export const eventById = (db: Kysely<Database>, id: EventId): Promise<EventRow | undefined> =>
  db.selectFrom('events').selectAll().where('id', '=', id).executeTakeFirst()

/** Those of these numbers that are there by now. */
export const eventsBySeq = (db: Kysely<Database>, seqs: readonly number[]): Promise<EventRow[]> =>
  seqs.length === 0
    ? Promise.resolve([])
    : db
        .selectFrom('events')
        .selectAll()
        .where('seq', 'in', [...seqs])
        .orderBy('seq')
        .execute()

/** The last numbers that are there, highest first. */
export const lastSeqs = async (db: Kysely<Database>, limit: number): Promise<number[]> =>
  (await db.selectFrom('events').select('seq').orderBy('seq', 'desc').limit(limit).execute()).map(({ seq }) => seq)

/** The first number that is there; null when none is. */
export const firstSeq = async (db: Kysely<Database>): Promise<number | null> =>
  (await db.selectFrom('events').select('seq').orderBy('seq').limit(1).executeTakeFirst())?.seq ?? null

/** Events of a tenancy behind `high` up to `upTo`, and those of the numbers `missing`, in order. `mailboxIds` null: all, also of no mailbox. */
export async function eventsMissed(
  db: Kysely<Database>,
  tenancy: Tenancy,
  since: { mailboxIds: readonly MailboxId[] | null; high: number; missing: readonly number[]; upTo: number; limit: number },
): Promise<EventRow[]> {
  if (since.mailboxIds?.length === 0) return []
  const own = () => {
    const query = db.selectFrom('events').selectAll().where('account_id', '=', tenancy.accountId).where('world', '=', tenancy.world)
    return since.mailboxIds === null ? query : query.where('mailbox_id', 'in', [...since.mailboxIds])
  }
  const late =
    since.missing.length === 0
      ? []
      : await own()
          .where('seq', 'in', [...since.missing])
          .orderBy('seq')
          .execute()
  const later = await own().where('seq', '>', since.high).where('seq', '<=', since.upTo).orderBy('seq').limit(since.limit).execute()
  return [...late, ...later]
}
