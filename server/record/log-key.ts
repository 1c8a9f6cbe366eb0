/** The key with which the log is signed: made once, and with it the name of the log, which stays when the server is renamed. */
import { randomBytes } from 'node:crypto'
import { sha256 } from '../model/canonical.ts'
import { type NoteSigner, newSignerKey, parseSignerKey } from '../model/note.ts'
import type { Db, Store } from '../store/db.ts'
import { insertSecret, secretOf } from '../store/secrets.ts'

const secretName = 'log-checkpoint'

/** The key of this installation; the first time, a new one. @param hostname of this server, the beginning of the log's name */
export async function ensureLogKey(store: Store, hostname: string, now: number): Promise<NoteSigner> {
  const known = await findLogKey(store.db)
  if (known !== null) return known
  const seed = randomBytes(32)
  // Two installations of one name are two logs.
  const origin = `${hostname}/log/${sha256(randomBytes(32)).slice(0, 8)}`
  await store.transaction(async (tx) => {
    await insertSecret(tx, { name: secretName, secret: newSignerKey(origin, seed), created_at: now })
  })
  return ensureLogKey(store, hostname, now)
}

/** Null when the server never ran on this store. */
export async function findLogKey(db: Db): Promise<NoteSigner | null> {
  const secret = await secretOf(db, secretName)
  return secret === null ? null : parseSignerKey(secret)
}
