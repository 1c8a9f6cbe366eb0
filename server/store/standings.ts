/** What became of each mailbox's mail, counted by day, and how far that has gone. */
import type { Kysely, Transaction } from 'kysely'
import type { MailboxId } from '../model/ids.ts'
import type { EnforcementTier } from '../model/standing.ts'
import { prepare, prepareChange } from './prepared.ts'
import type { Database, Row } from './schema.ts'

export type StandingRow = Row<'mailbox_standings'>
/** Messages, one for each recipient. */
export type SendingCounts = { delivered: number; bounced: number; complained: number }

const dayMs = 24 * 60 * 60_000
const dayOf = (time: number): number => Math.floor(time / dayMs)

/** So many more today. @param now epoch ms */
export const countSending = (tx: Transaction<Database>, mailboxId: MailboxId, more: Partial<SendingCounts>, now: number): Promise<void> =>
  add(tx, { mailbox_id: mailboxId, day: dayOf(now), delivered: 0, bounced: 0, complained: 0, ...more })

const add = prepareChange((db, row: Row<'mailbox_days'>) =>
  db
    .insertInto('mailbox_days')
    // Named one by one: they stand for values that come later.
    .values({ mailbox_id: row.mailbox_id, day: row.day, delivered: row.delivered, bounced: row.bounced, complained: row.complained })
    .onConflict((conflict) =>
      conflict.columns(['mailbox_id', 'day']).doUpdateSet((old) => ({
        delivered: old('mailbox_days.delivered', '+', old.ref('excluded.delivered')),
        bounced: old('mailbox_days.bounced', '+', old.ref('excluded.bounced')),
        complained: old('mailbox_days.complained', '+', old.ref('excluded.complained')),
      })),
    ),
)

/** The day of `now` and the days before it, `days` in all. */
export async function countsOf(db: Kysely<Database>, mailboxId: MailboxId, days: number, now: number): Promise<SendingCounts> {
  const sums = await db
    .selectFrom('mailbox_days')
    .select((row) => [
      row.fn.sum('delivered').as('delivered'),
      row.fn.sum('bounced').as('bounced'),
      row.fn.sum('complained').as('complained'),
    ])
    .where('mailbox_id', '=', mailboxId)
    .where('day', '>', dayOf(now) - days)
    .where('day', '<=', dayOf(now))
    .executeTakeFirstOrThrow()
  return { delivered: Number(sums.delivered ?? 0), bounced: Number(sums.bounced ?? 0), complained: Number(sums.complained ?? 0) }
}

/** From now on nothing of what it sent before counts. */
export const forgetCounts = async (tx: Transaction<Database>, mailboxId: MailboxId): Promise<void> => {
  await tx.deleteFrom('mailbox_days').where('mailbox_id', '=', mailboxId).execute()
}

/** Undefined: it stands well. */
export const standingOf = async (db: Kysely<Database>, mailboxId: MailboxId): Promise<StandingRow | undefined> =>
  (await ofMailbox(db, { mailboxId }))[0]

const ofMailbox = prepare((db, { mailboxId }: { mailboxId: MailboxId }) =>
  db.selectFrom('mailbox_standings').selectAll().where('mailbox_id', '=', mailboxId),
)

/** Of those mailboxes that do not stand well. */
export const standingsOf = (db: Kysely<Database>, mailboxIds: readonly MailboxId[]): Promise<StandingRow[]> =>
  mailboxIds.length === 0
    ? Promise.resolve([])
    : db
        .selectFrom('mailbox_standings')
        .selectAll()
        .where('mailbox_id', 'in', [...mailboxIds])
        .execute()

/** @param standing null: it stands well again */
export async function setStanding(
  tx: Transaction<Database>,
  mailboxId: MailboxId,
  standing: { tier: EnforcementTier; reason: string; since: number } | null,
): Promise<void> {
  if (standing === null) await tx.deleteFrom('mailbox_standings').where('mailbox_id', '=', mailboxId).execute()
  else
    await tx
      .insertInto('mailbox_standings')
      .values({ mailbox_id: mailboxId, ...standing })
      .onConflict((conflict) => conflict.column('mailbox_id').doUpdateSet(standing))
      .execute()
}

/** Whoever sent without asking asks from now on. @returns false when it did already */
export async function lowerAutonomy(tx: Transaction<Database>, mailboxId: MailboxId): Promise<boolean> {
  const result = await tx
    .updateTable('mailboxes')
    .set({ oversight_mode: 'gated_send' })
    .where('id', '=', mailboxId)
    .where('oversight_mode', 'in', ['gated_new', 'monitored', 'autonomous'])
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}
