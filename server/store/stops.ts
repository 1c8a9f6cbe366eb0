import { type Kysely, type Transaction, sql } from 'kysely'
import type { AccountId } from '../model/ids.ts'
import { prepare } from './prepared.ts'
import type { Database, Row } from './schema.ts'

export type StopRow = Row<'sending_stops'>

/** What a stop is about: all mail, or that of an account, of a mailbox, to a domain. A null stands for every one. */
export type StopScope = Pick<StopRow, 'account_id' | 'world' | 'mailbox_id' | 'domain'>

/** A delivery as far as a stop asks. */
export type Stoppable = Pick<Row<'deliveries'>, 'account_id' | 'world' | 'mailbox_id' | 'domain'>

/** So many of mailboxes and domains are kept at most; a switch that has to be read at every attempt may not become a list of names. */
export const mostNarrowStops = 1_000
/** With those of paused mailboxes, which have room beyond: nobody uses up what somebody else pauses with. */
export const mostPaused = 5_000
/** Those of whole accounts are as many as accounts at most. */
const mostRead = 10_000

const columns = ['account_id', 'world', 'mailbox_id', 'domain'] as const

/** The one row of a scope. */
const stopKey = (scope: StopScope): string => columns.map((name) => scope[name] ?? '*').join(' ')

const matches = (stop: StopScope, delivery: Stoppable): boolean =>
  columns.every((name) => stop[name] === null || stop[name] === delivery[name])

export const isStopped = (stops: readonly StopScope[], delivery: Stoppable): boolean => stops.some((stop) => matches(stop, delivery))

/** Every one there is, the widest first, so that of too many none of these is left out; else the oldest. */
export const listStops = (db: Kysely<Database>): Promise<StopRow[]> => listed(db, {})

const listed = prepare((db, _none: object) =>
  db
    .selectFrom('sending_stops')
    .selectAll()
    .orderBy(sql`case when mailbox_id is null and domain is null then 0 else 1 end`)
    .orderBy('created_at')
    .orderBy('key')
    .limit(mostRead),
)

/** Whether there is a stop of exactly this. */
export const isScopeStopped = async (db: Kysely<Database>, scope: StopScope): Promise<boolean> =>
  (await db.selectFrom('sending_stops').select('key').where('key', '=', stopKey(scope)).executeTakeFirst()) !== undefined

/** How many mailboxes and domains are stopped. @param accountId only of this account; left out: of everybody */
export async function countNarrowStops(db: Kysely<Database>, accountId?: AccountId): Promise<number> {
  let query = db
    .selectFrom('sending_stops')
    .select((one) => one.fn.countAll().as('count'))
    .where((one) => one.or([one('mailbox_id', 'is not', null), one('domain', 'is not', null)]))
  if (accountId !== undefined) query = query.where('account_id', '=', accountId)
  return Number((await query.executeTakeFirstOrThrow()).count)
}

/** @returns false when there was one of this scope already */
export async function insertStop(tx: Transaction<Database>, stop: Omit<StopRow, 'key'>): Promise<boolean> {
  const result = await tx
    .insertInto('sending_stops')
    .values({ ...stop, key: stopKey(stop) })
    .onConflict((conflict) => conflict.column('key').doNothing())
    .executeTakeFirst()
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n
}

/** Every one of the account, and of its mailboxes. */
export const deleteStopsOf = async (tx: Transaction<Database>, accountId: AccountId): Promise<void> => {
  await tx.deleteFrom('sending_stops').where('account_id', '=', accountId).execute()
}

/** @returns false when there was none */
export async function deleteStop(tx: Transaction<Database>, scope: StopScope): Promise<boolean> {
  const result = await tx.deleteFrom('sending_stops').where('key', '=', stopKey(scope)).executeTakeFirst()
  return result.numDeletedRows > 0n
}
