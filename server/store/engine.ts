/** The two databases the store runs on. Where they differ, they differ in this room only. */
import { type Kysely, PostgresAdapter } from 'kysely'

export type Engine = 'sqlite' | 'postgres'

/** Where statements differ: SQLite has one writer and so no locks of rows, for example. */
export const isPostgres = (db: Pick<Kysely<unknown>, 'getExecutor'>): boolean => db.getExecutor().adapter instanceof PostgresAdapter
