import { type Kysely, type Transaction } from 'kysely'
import { isPostgres } from './engine.ts'
import type { KeyId, PersonId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import { prepare } from './prepared.ts'
import type { Database, NewRow, Row } from './schema.ts'

export const insertKey = async (tx: Transaction<Database>, row: NewRow<'api_keys'>): Promise<void> => {
  await tx.insertInto('api_keys').values(row).execute()
}

/** Whatever key has this secret, or had it before it was replaced; expired and revoked ones too: the caller judges. @param secretHash lower-case hex SHA-256 */
export const keyByHash = async (db: Kysely<Database>, secretHash: string): Promise<Row<'api_keys'> | undefined> =>
  (await byHash(db, { secretHash }))[0] ?? (await byOldHash(db, { secretHash }))[0]

const byHash = prepare((db, { secretHash }: { secretHash: string }) =>
  db.selectFrom('api_keys').selectAll().where('secret_hash', '=', secretHash),
)

/** The person a key is known to belong to. */
export const ownerOfKey = async (db: Kysely<Database>, id: KeyId): Promise<PersonId | null> =>
  (await db.selectFrom('api_keys').select('owner_id').where('id', '=', id).executeTakeFirst())?.owner_id ?? null

/** Keys of a person that were not revoked. */
export const keysOwnedBy = async (db: Kysely<Database>, person: PersonId): Promise<KeyId[]> =>
  (await db.selectFrom('api_keys').select('id').where('owner_id', '=', person).where('revoked_at', 'is', null).orderBy('id').execute()).map(
    ({ id }) => id,
  )

/** Whether any key is, or was, this person's. */
export const hasKeys = async (db: Kysely<Database>, person: PersonId): Promise<boolean> =>
  (await db.selectFrom('api_keys').select('id').where('owner_id', '=', person).limit(1).executeTakeFirst()) !== undefined

/** All keys of one person are another's, revoked ones too: what they wrote may still wait. @returns those that were not revoked */
export async function moveKeys(tx: Transaction<Database>, from: PersonId, to: PersonId): Promise<KeyId[]> {
  await tx.updateTable('api_keys').set({ owner_id: to }).where('owner_id', '=', from).execute()
  return keysOwnedBy(tx, to)
}

export const keyById = (db: Kysely<Database>, id: KeyId): Promise<Row<'api_keys'> | undefined> =>
  db.selectFrom('api_keys').selectAll().where('id', '=', id).executeTakeFirst()

/** Remembers that the key was used. @param now epoch ms */
export const touchKey = async (db: Kysely<Database>, id: KeyId, now: number): Promise<void> => {
  await db.updateTable('api_keys').set({ last_used_at: now }).where('id', '=', id).execute()
}

const byOldHash = prepare((db, { secretHash }: { secretHash: string }) =>
  db.selectFrom('api_keys').selectAll().where('old_secret_hash', '=', secretHash),
)

/** The tenant's key; somebody else's does not exist. */
export const findKey = (db: Kysely<Database>, { accountId, world }: Tenancy, id: KeyId): Promise<Row<'api_keys'> | undefined> =>
  db
    .selectFrom('api_keys')
    .selectAll()
    .where('id', '=', id)
    .where('account_id', '=', accountId)
    .where('world', '=', world)
    .executeTakeFirst()

type KeyChange = Partial<Pick<Row<'api_keys'>, 'name' | 'scopes_json' | 'prefix' | 'secret_hash' | 'old_secret_hash' | 'old_works_until'>>
export const changeKey = async (tx: Transaction<Database>, id: KeyId, change: KeyChange): Promise<void> => {
  await tx.updateTable('api_keys').set(change).where('id', '=', id).execute()
}

/** Ends a key for good. @returns the key, or undefined when there is none that was not revoked before. @param now epoch ms */
export const revokeKey = (tx: Transaction<Database>, id: KeyId, now: number): Promise<Row<'api_keys'> | undefined> =>
  tx.updateTable('api_keys').set({ revoked_at: now }).where('id', '=', id).where('revoked_at', 'is', null).returningAll().executeTakeFirst()

/** These keys as they stay until the end of the transaction. (On SQLite one transaction writes at a time anyway.) */
export function lockKeys(tx: Transaction<Database>, ids: readonly KeyId[]): Promise<Row<'api_keys'>[]> {
  if (ids.length === 0) return Promise.resolve([])
  const keys = tx
    .selectFrom('api_keys')
    .selectAll()
    .where('id', 'in', [...ids])
    .orderBy('id')
  return (isPostgres(tx) ? keys.forUpdate() : keys).execute()
}

/** Oldest first; revoked ones too. */
export const listKeys = (db: Kysely<Database>, tenancy: Tenancy): Promise<Row<'api_keys'>[]> =>
  db
    .selectFrom('api_keys')
    .selectAll()
    .where('account_id', '=', tenancy.accountId)
    .where('world', '=', tenancy.world)
    .orderBy('id')
    .execute()
