/** The very answers that callers got, by the hash that stands in the log: each once for a tenant, however often it was given. */
import { type Kysely, type Transaction, sql } from 'kysely'
import type { Tenancy } from '../model/world.ts'
import type { Store } from './db.ts'
import { prepareChange } from './prepared.ts'
import { removeSomeRows } from './removal.ts'
import type { Database, NewRow, Row } from './schema.ts'

export type KeptView = NewRow<'kept_views'>

/** When an answer was given last is known to a day: what is given each minute is not written each minute. */
const day = 86_400_000

/** Keeps them, or notes that they were given again. One statement each, in the order of their keys: two transactions that wait for each other's would wait
 *  for ever. Call it before the log is appended to, and with no lock held that others take before. */
export async function keepViews(tx: Transaction<Database>, views: readonly KeptView[]): Promise<void> {
  const byKey = new Map(views.map((one) => [`${one.account_id} ${one.world} ${one.view_hash}`, one]))
  for (const [, view] of [...byKey].toSorted(([one], [other]) => (one < other ? -1 : 1)))
    await keep(tx, { ...view, before: view.last_given_at - day })
}

const keep = prepareChange((db, { account_id, world, view_hash, size, packed, last_given_at, before }: KeptView & { before: number }) =>
  db
    .insertInto('kept_views')
    .values({ account_id, world, view_hash, size, packed, last_given_at })
    .onConflict((conflict) =>
      conflict.columns(['account_id', 'world', 'view_hash']).doUpdateSet({ last_given_at }).where('kept_views.last_given_at', '<', before),
    ),
)

/** Which of them are kept, and how large they are. */
export const sizesOfViews = (
  db: Kysely<Database>,
  { accountId, world }: Tenancy,
  hashes: readonly string[],
): Promise<Pick<Row<'kept_views'>, 'view_hash' | 'size'>[]> =>
  hashes.length === 0
    ? Promise.resolve([])
    : db
        .selectFrom('kept_views')
        .select(['view_hash', 'size'])
        .where('account_id', '=', accountId)
        .where('world', '=', world)
        .where('view_hash', 'in', [...hashes])
        .execute()

export const keptViews = (db: Kysely<Database>, { accountId, world }: Tenancy, hashes: readonly string[]): Promise<Row<'kept_views'>[]> =>
  hashes.length === 0
    ? Promise.resolve([])
    : db
        .selectFrom('kept_views')
        .selectAll()
        .where('account_id', '=', accountId)
        .where('world', '=', world)
        .where('view_hash', 'in', [...hashes])
        .execute()

/** Rows in one transaction, which keeps others waiting; transactions in one round. */
const [atOnce, mostRounds] = [500, 200]

/** Forgets what was given last before `before` (epoch ms), and of all that is left the oldest, down to `most` octets.
 *  @returns how many; there may be more to do */
export async function forgetViews(store: Store, { before, most }: { before: number; most: number }): Promise<number> {
  const cut = Math.max(before, (await overfull(store.db, most)) ?? before)
  let gone = 0
  for (let round = 0; round < mostRounds; round += 1) {
    const some = await store.transaction((tx) => removeSomeRows(tx, 'kept_views', sql`last_given_at < ${cut}`, atOnce))
    gone += some
    if (some < atOnce) break
  }
  return gone
}

/** Everything given before this moment is too much; null: there is room. Reads the index only. */
async function overfull(db: Kysely<Database>, most: number): Promise<number | null> {
  const found = await sql<{ at: number }>`select last_given_at + 1 as at
    from (select last_given_at, sum(size) over (order by last_given_at desc) as total from kept_views) as summed
    where total > ${most} order by last_given_at desc limit 1`.execute(db)
  const at = found.rows[0]?.at
  return at ?? null
}
