/** Calls that were made with an idempotency key. Times: epoch ms. */
import type { Kysely, Transaction } from 'kysely'
import type { KeyActor } from '../model/actor.ts'
import type { KeyId } from '../model/ids.ts'
import type { Database, Row } from './schema.ts'

export type IdempotentCall = Row<'idempotent_calls'>
/** Which call: the key that calls, and its word for it. */
export type CallRef = { actor: Pick<KeyActor, 'keyId'>; word: string }

/** The call, while it is remembered. */
export const idempotentCall = (db: Kysely<Database>, { actor, word }: CallRef, now: number): Promise<IdempotentCall | undefined> =>
  db
    .selectFrom('idempotent_calls')
    .selectAll()
    .where('key_id', '=', actor.keyId)
    .where('idempotency_key', '=', word)
    .where('expires_at', '>', now)
    .executeTakeFirst()

/** Takes down that a call is made. Waits for a transaction that is doing the same. @returns false when it was made already */
export async function claimCall(tx: Transaction<Database>, row: IdempotentCall): Promise<boolean> {
  const { key_id: _, idempotency_key: __, ...anew } = row
  const taken = await tx
    .insertInto('idempotent_calls')
    .values(row)
    .onConflict((on) =>
      on.columns(['key_id', 'idempotency_key']).doUpdateSet(anew).where('idempotent_calls.expires_at', '<=', row.created_at),
    )
    .returning('key_id')
    .execute()
  return taken.length > 0
}

export const forgetCall = async (db: Kysely<Database>, { key_id, idempotency_key, created_at }: IdempotentCall): Promise<void> => {
  await db
    .deleteFrom('idempotent_calls')
    .where('key_id', '=', key_id)
    .where('idempotency_key', '=', idempotency_key)
    .where('created_at', '=', created_at)
    .execute()
}

/** @param answerJson null: there is one, and it is not kept */
export const answerCall = async (db: Kysely<Database>, call: IdempotentCall, now: number, answerJson: string | null): Promise<void> => {
  await db
    .updateTable('idempotent_calls')
    .set({ answered_at: now, answer_json: answerJson })
    .where('key_id', '=', call.key_id)
    .where('idempotency_key', '=', call.idempotency_key)
    .where('created_at', '=', call.created_at)
    .execute()
}

/** True when a key has at least this many remembered. */
export async function hasCalls(db: Kysely<Database>, keyId: KeyId, count: number): Promise<boolean> {
  const last = await db
    .selectFrom('idempotent_calls')
    .select('key_id')
    .where('key_id', '=', keyId)
    .offset(count - 1)
    .limit(1)
    .executeTakeFirst()
  return last !== undefined
}

export const sweepCalls = async (db: Kysely<Database>, now: number): Promise<void> => {
  await db.deleteFrom('idempotent_calls').where('expires_at', '<=', now).execute()
}
