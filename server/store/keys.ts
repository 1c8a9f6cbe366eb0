import type { Kysely, Transaction } from 'kysely'
import type { KeyId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import { prepare } from './prepared.ts'
import type { Database, NewRow, Row } from './schema.ts'

export const insertKey = async (tx: Transaction<Database>, row: NewRow<'api_keys'>): Promise<void> => {
  await tx.insertInto('api_keys').values(row).execute()
}

/** Whatever key has this secret, expired and revoked ones too: the caller judges. @param secretHash lower-case hex SHA-256 */
export const keyByHash = async (db: Kysely<Database>, secretHash: string): Promise<Row<'api_keys'> | undefined> =>
  (await byHash(db, { secretHash }))[0]

const byHash = prepare((db, { secretHash }: { secretHash: string }) =>
  db.selectFrom('api_keys').selectAll().where('secret_hash', '=', secretHash),
)

/** Remembers that the key was used. @param now epoch ms */
export const touchKey = async (db: Kysely<Database>, id: KeyId, now: number): Promise<void> => {
  await db.updateTable('api_keys').set({ last_used_at: now }).where('id', '=', id).execute()
}

/** Ends a key for good. @returns the key, or undefined when there is none that was not revoked before. @param now epoch ms */
export const revokeKey = (tx: Transaction<Database>, id: KeyId, now: number): Promise<Row<'api_keys'> | undefined> =>
  tx.updateTable('api_keys').set({ revoked_at: now }).where('id', '=', id).where('revoked_at', 'is', null).returningAll().executeTakeFirst()

/** Oldest first; revoked ones too. */
export const listKeys = (db: Kysely<Database>, tenancy: Tenancy): Promise<Row<'api_keys'>[]> =>
  db
    .selectFrom('api_keys')
    .selectAll()
    .where('account_id', '=', tenancy.accountId)
    .where('world', '=', tenancy.world)
    .orderBy('id')
    .execute()
