import type { Kysely, Transaction } from 'kysely'
import type { PasskeyId, PersonId } from '../model/ids.ts'
import type { Database, NewRow, Row } from './schema.ts'

export type PasskeyRow = Row<'passkeys'>

/** @returns false when there is one with this credential id, whoever's */
export const insertPasskey = async (tx: Transaction<Database>, row: NewRow<'passkeys'>): Promise<boolean> =>
  (await tx
    .insertInto('passkeys')
    .values(row)
    .onConflict((conflict) => conflict.column('credential_id').doNothing())
    .returning('id')
    .executeTakeFirst()) !== undefined

/** @param credentialId base64url */
export const passkeyByCredential = (db: Kysely<Database>, credentialId: string): Promise<PasskeyRow | undefined> =>
  db.selectFrom('passkeys').selectAll().where('credential_id', '=', credentialId).executeTakeFirst()

/** Oldest first. */
export const passkeysOf = (db: Kysely<Database>, personId: PersonId): Promise<PasskeyRow[]> =>
  db.selectFrom('passkeys').selectAll().where('person_id', '=', personId).orderBy('id').execute()

/** @returns false when another sign-in was counted meanwhile, or the passkey was removed */
export async function countPasskey(
  tx: Transaction<Database>,
  { id, counter }: Pick<PasskeyRow, 'id' | 'counter'>,
  next: { counter: number; now: number },
): Promise<boolean> {
  const change = { counter: next.counter, last_used_at: next.now }
  const result = await tx.updateTable('passkeys').set(change).where('id', '=', id).where('counter', '=', counter).executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Removes one of this person's, or all. @returns those that there were */
export function removePasskeys(tx: Transaction<Database>, personId: PersonId, id?: PasskeyId): Promise<PasskeyRow[]> {
  const passkeys = tx.deleteFrom('passkeys').where('person_id', '=', personId)
  return (id === undefined ? passkeys : passkeys.where('id', '=', id)).returningAll().execute()
}
