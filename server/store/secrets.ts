import { randomBytes } from 'node:crypto'
import type { Db, Store, Tx } from './db.ts'
import type { Row } from './schema.ts'

/** 32 random bytes in hex, made the first time they are asked for and the same ever after, on every node. @param name what they are for */
export function installationSecret(store: Store, name: string, now: number): Promise<string> {
  return store.transaction(async (tx) => {
    await tx
      .insertInto('installation_secrets')
      .values({ name, secret: randomBytes(32).toString('hex'), created_at: now })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    const { secret } = await tx.selectFrom('installation_secrets').select('secret').where('name', '=', name).executeTakeFirstOrThrow()
    return secret
  })
}

export type SecretRow = Row<'installation_secrets'>

/** The one of exactly this name; null: there is none. */
export const secretOf = async (db: Db, name: string): Promise<string | null> =>
  (await db.selectFrom('installation_secrets').select('secret').where('name', '=', name).executeTakeFirst())?.secret ?? null

/** The secret of this name, and those made after it under the same name with a number behind it; the newest first. */
export const secretsNamed = (db: Db, name: string): Promise<SecretRow[]> =>
  db
    .selectFrom('installation_secrets')
    .selectAll()
    .where((row) => row.or([row('name', '=', name), row('name', 'like', `${name}-%`)]))
    .orderBy('created_at', 'desc')
    .orderBy('name', 'desc')
    .execute()

/** @returns false when there is one of this name: somebody was faster */
export async function insertSecret(tx: Tx, row: SecretRow): Promise<boolean> {
  const made = await tx
    .insertInto('installation_secrets')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .returning('name')
    .executeTakeFirst()
  return made !== undefined
}

export const changeSecret = async (tx: Tx, name: string, secret: string): Promise<void> => {
  await tx.updateTable('installation_secrets').set({ secret }).where('name', '=', name).execute()
}
