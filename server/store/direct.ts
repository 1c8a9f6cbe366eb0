import type { Kysely } from 'kysely'
import type { Database } from './schema.ts'

/** The short way of a finished statement into the database, past Kysely's own. */
export type Direct = {
  rows(sql: string, parameters: readonly unknown[]): Promise<unknown[]>
  /** A change whose failure fails its transaction: nobody waits for it. Only inside one. */
  post: ((sql: string, parameters: readonly unknown[]) => void) | null
}

const ways = new WeakMap<Kysely<Database>, Direct>()

export const setDirect = (db: Kysely<Database>, way: Direct): void => void ways.set(db, way)
export const directOf = (db: Kysely<Database>): Direct | undefined => ways.get(db)
