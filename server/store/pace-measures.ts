import type { Kysely } from 'kysely'
import type { Store } from './db.ts'
import type { Database, Row } from './schema.ts'

export type PaceMeasure = Row<'pace_measures'>

/** Strangers' servers make rows here by what they answer; of more than this the ones that end first are forgotten. */
const mostRows = 1_000

/** Keeps a measure, or the one that is there when it lasts longer, and forgets those that were over at `now` (epoch ms). */
export const saveMeasure = (store: Store, measure: PaceMeasure, now: number): Promise<void> =>
  store.transaction(async (tx) => {
    await tx.deleteFrom('pace_measures').where('until_at', '<=', now).execute()
    await tx
      .insertInto('pace_measures')
      .values(measure)
      .onConflict((on) =>
        on
          .columns(['destination', 'kind'])
          .doUpdateSet((set) => ({
            because: set.ref('excluded.because'),
            until_at: set.ref('excluded.until_at'),
            per_minute: set.ref('excluded.per_minute'),
            connections: set.ref('excluded.connections'),
          }))
          .whereRef('excluded.until_at', '>', 'pace_measures.until_at'),
      )
      .execute()
    const tooMany = await tx
      .selectFrom('pace_measures')
      .select('until_at')
      .orderBy('until_at', 'desc')
      .offset(mostRows)
      .limit(1)
      .executeTakeFirst()
    if (tooMany !== undefined) await tx.deleteFrom('pace_measures').where('until_at', '<=', tooMany.until_at).execute()
  })

/** Those that are in force after `now` (epoch ms). */
export const measuresAfter = (db: Kysely<Database>, now: number): Promise<PaceMeasure[]> =>
  db.selectFrom('pace_measures').selectAll().where('until_at', '>', now).orderBy('destination').orderBy('kind').execute()
