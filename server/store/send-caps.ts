import { type Kysely, type Transaction, sql } from 'kysely'
import { isPostgres } from './engine.ts'
import type { MailboxId } from '../model/ids.ts'
import { prepare } from './prepared.ts'
import type { Database, Row } from './schema.ts'

export type CapKind = Row<'send_caps'>['kind']

/** What was counted in the window of time that began at `start` (epoch ms). */
export type Counted = { start: number; count: number }

/** Whoever counts for a mailbox does so alone until the transaction ends. SQLite has one writer anyway. */
export async function lockForCounting(tx: Transaction<Database>, id: MailboxId): Promise<void> {
  if (!isPostgres(tx)) return
  await tx.selectFrom('mailboxes').select('id').where('id', '=', id).forNoKeyUpdate().executeTakeFirst()
}

/** The caps that are a mailbox's own; null: none of this kind. */
export async function ownCaps(db: Kysely<Database>, id: MailboxId): Promise<Partial<Record<CapKind, number | null>>> {
  return Object.fromEntries((await capsOf(db, { id })).map(({ kind, most }) => [kind, most]))
}

const capsOf = prepare((db, { id }: { id: MailboxId }) => db.selectFrom('send_caps').select(['kind', 'most']).where('mailbox_id', '=', id))

/** @param most null: no cap of this kind; undefined: what the settings say */
export async function setCap(tx: Transaction<Database>, id: MailboxId, kind: CapKind, most: number | null | undefined): Promise<void> {
  await tx.deleteFrom('send_caps').where('mailbox_id', '=', id).where('kind', '=', kind).execute()
  if (most !== undefined) await tx.insertInto('send_caps').values({ mailbox_id: id, kind, most }).execute()
}

/** What was sent in each window that began at or after `since` (epoch ms), the oldest first. */
export const sentSince = (db: Kysely<Database>, id: MailboxId, since: number): Promise<Counted[]> => windowsSince(db, { id, since })

const windowsSince = prepare((db, { id, since }: { id: MailboxId; since: number }) =>
  db
    .selectFrom('send_windows')
    .select(['window_start as start', 'messages as count'])
    .where('mailbox_id', '=', id)
    .where('window_start', '>=', since)
    .orderBy('window_start'),
)

/** How many were written to for the first time, in the same form. */
export const firstContactsSince = (db: Kysely<Database>, id: MailboxId, since: number): Promise<Counted[]> =>
  contactsSince(db, { id, since })

const contactsSince = prepare((db, { id, since }: { id: MailboxId; since: number }) =>
  db
    .selectFrom('first_contacts')
    .select((select) => ['window_start as start', select.fn.countAll<number>().as('count')])
    .where('mailbox_id', '=', id)
    .where('window_start', '>=', since)
    .groupBy('window_start')
    .orderBy('window_start'),
)

/** Those of `addresses` (compared form) that the mailbox knows: it has written to them, they are counted since `since`, or a mail that was proved to
 *  be theirs came in. */
export async function knownRecipients(
  db: Kysely<Database>,
  id: MailboxId,
  addresses: readonly string[],
  since: number,
): Promise<Set<string>> {
  const corresponding = await db
    .selectFrom('correspondents')
    .select('address')
    .where('mailbox_id', '=', id)
    .where('address', 'in', [...addresses])
    .where((any) => any.or([any('sent', '>', 0), any('verified', '>', 0)]))
    .execute()
  const counted = await db
    .selectFrom('first_contacts')
    .select('address')
    .where('mailbox_id', '=', id)
    .where('address', 'in', [...addresses])
    .where('window_start', '>=', since)
    .execute()
  return new Set([...corresponding, ...counted].map(({ address }) => address))
}

/** @param count what is added; `fresh`: addresses that are written to for the first time; `before`: windows that began earlier are forgotten */
export async function countSent(
  tx: Transaction<Database>,
  id: MailboxId,
  { start, count, fresh, before }: Counted & { fresh: readonly string[]; before: number },
): Promise<void> {
  await tx.deleteFrom('send_windows').where('mailbox_id', '=', id).where('window_start', '<', before).execute()
  await tx
    .insertInto('send_windows')
    .values({ mailbox_id: id, window_start: start, messages: count })
    .onConflict((on) =>
      on.columns(['mailbox_id', 'window_start']).doUpdateSet((set) => ({ messages: set('send_windows.messages', '+', count) })),
    )
    .execute()
  if (fresh.length === 0) return
  await tx.deleteFrom('first_contacts').where('mailbox_id', '=', id).where('window_start', '<', before).execute()
  await tx
    .insertInto('first_contacts')
    .values(fresh.map((address) => ({ mailbox_id: id, address, window_start: start })))
    .execute()
}

/** Takes back what was counted in a window. */
export async function uncountSent(tx: Transaction<Database>, id: MailboxId, { start, count }: Counted): Promise<void> {
  await tx
    .updateTable('send_windows')
    .set({ messages: sql<number>`case when messages > ${count} then messages - ${count} else 0 end` })
    .where('mailbox_id', '=', id)
    .where('window_start', '=', start)
    .execute()
}
