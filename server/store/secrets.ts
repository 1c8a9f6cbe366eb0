import { randomBytes } from 'node:crypto'
import type { Db, Store } from './db.ts'

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

/** When the secret was made (epoch ms). Throws when it was not. */
export async function installationSecretMadeAt(db: Db, name: string): Promise<number> {
  return (await db.selectFrom('installation_secrets').select('created_at').where('name', '=', name).executeTakeFirstOrThrow()).created_at
}
