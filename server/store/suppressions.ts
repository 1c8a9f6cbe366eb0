/** Whom an account writes to no more. Addresses are in the compared form, a row belongs to one account in one world. Times: epoch ms. */
import type { Kysely, Transaction } from 'kysely'
import type { SuppressionId } from '../model/ids.ts'
import { type SuppressionReason, suppressionReasons } from '../model/suppression.ts'
import type { Tenancy } from '../model/world.ts'
import { prepare } from './prepared.ts'
import type { Database, NewRow, Row } from './schema.ts'

export type SuppressionRow = Row<'suppressions'>

/** Puts an address on the list. What is there stays, unless it has run out, is weaker, or would run out. @returns false when it stayed */
export async function insertSuppression(tx: Transaction<Database>, row: NewRow<'suppressions'>): Promise<boolean> {
  const { account_id: _, world: __, address: ___, ...change } = row
  const written = await tx
    .insertInto('suppressions')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(['account_id', 'world', 'address'])
        .doUpdateSet(change)
        .where((old) =>
          old.or([
            old('suppressions.expires_at', '<=', row.created_at),
            old('suppressions.reason', 'in', weakerThan(row.reason)),
            old.and([old('suppressions.reason', '=', row.reason), old('suppressions.expires_at', 'is not', null)]),
          ]),
        ),
    )
    .returning('id')
    .executeTakeFirst()
  return written !== undefined
}

// A list that is empty is no list in SQL; nothing has this reason.
const weakerThan = (reason: SuppressionReason): SuppressionReason[] => [
  ...suppressionReasons.slice(0, suppressionReasons.indexOf(reason)),
  '' as SuppressionReason,
]

type Asked = Tenancy & { address: string; now: number }

/** The row that keeps mail from this address now. */
export const suppressionAt = async (db: Kysely<Database>, asked: Asked): Promise<SuppressionRow | undefined> =>
  (await atAddress(db, asked))[0]

const atAddress = prepare((db, { accountId, world, address, now }: Asked) =>
  db
    .selectFrom('suppressions')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('world', '=', world)
    .where('address', '=', address)
    .where((row) => row.or([row('expires_at', 'is', null), row('expires_at', '>', now)])),
)

/** `before` is an exclusive id. What has run out is not listed. */
export type SuppressionFilter = { now: number; before?: SuppressionId; address?: string; limit: number }

/** The tenant's, newest first. */
export function listSuppressions(db: Kysely<Database>, tenancy: Tenancy, filter: SuppressionFilter): Promise<SuppressionRow[]> {
  let query = own(db, tenancy).where((row) => row.or([row('expires_at', 'is', null), row('expires_at', '>', filter.now)]))
  if (filter.before !== undefined) query = query.where('id', '<', filter.before)
  if (filter.address !== undefined) query = query.where('address', '=', filter.address)
  return query.selectAll().orderBy('id', 'desc').limit(filter.limit).execute()
}

const own = (db: Kysely<Database>, { accountId, world }: Tenancy) =>
  db.selectFrom('suppressions').where('account_id', '=', accountId).where('world', '=', world)

/** Takes an address off the tenant's list. @returns what was there */
export const deleteSuppression = (
  tx: Transaction<Database>,
  { accountId, world }: Tenancy,
  address: string,
): Promise<SuppressionRow | undefined> =>
  tx
    .deleteFrom('suppressions')
    .where('account_id', '=', accountId)
    .where('world', '=', world)
    .where('address', '=', address)
    .returningAll()
    .executeTakeFirst()

/** Forgets the failures of an address as well: whoever takes it off the list believes that it works. */
export const deleteFailures = async (tx: Transaction<Database>, { accountId, world }: Tenancy, address: string): Promise<void> => {
  await tx
    .deleteFrom('address_failures')
    .where('account_id', '=', accountId)
    .where('world', '=', world)
    .where('address', '=', address)
    .execute()
}

/** Notes a failure, once per delivery and class: a report that comes again is no second one. */
export const insertFailure = async (tx: Transaction<Database>, row: NewRow<'address_failures'>): Promise<void> => {
  await tx
    .insertInto('address_failures')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** When this address failed in this way since then, oldest first; the newest hundred at most. */
export async function failuresSince(
  db: Kysely<Database>,
  { accountId, world, address, bounceClass, since }: Tenancy & { address: string; bounceClass: string; since: number },
): Promise<number[]> {
  const rows = await db
    .selectFrom('address_failures')
    .select('failed_at')
    .where('account_id', '=', accountId)
    .where('world', '=', world)
    .where('address', '=', address)
    .where('class', '=', bounceClass)
    .where('failed_at', '>=', since)
    .orderBy('failed_at', 'desc')
    .limit(mostFailures)
    .execute()
  return rows.map(({ failed_at }) => failed_at).toReversed()
}

const mostFailures = 100
