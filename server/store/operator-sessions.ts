import type { Kysely, Transaction } from 'kysely'
import type { AccountId, KeyId, OperatorSessionId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import type { Database, NewRow, Row } from './schema.ts'

export type OperatorSessionRow = Row<'operator_sessions'>

export const insertOperatorSession = async (tx: Transaction<Database>, row: NewRow<'operator_sessions'>): Promise<void> => {
  await tx.insertInto('operator_sessions').values(row).execute()
}

/** The code that this key waits for, or its session; its time may be over. */
export const sessionOfKey = (db: Kysely<Database>, keyId: KeyId, what: 'pending' | 'live'): Promise<OperatorSessionRow | undefined> =>
  db
    .selectFrom('operator_sessions')
    .selectAll()
    .where('key_id', '=', keyId)
    .where('started_at', what === 'pending' ? 'is' : 'is not', null)
    .where('ended_at', 'is', null)
    .executeTakeFirst()

/** Whatever session has this token; ended and expired ones too: the caller judges. @param tokenHash lower-case hex SHA-256 */
export const sessionByToken = (db: Kysely<Database>, tokenHash: string): Promise<OperatorSessionRow | undefined> =>
  db.selectFrom('operator_sessions').selectAll().where('token_hash', '=', tokenHash).executeTakeFirst()

/** When codes were asked for since (epoch ms), oldest first. */
export async function sessionsAskedSince(
  db: Kysely<Database>,
  { accountId, world }: Tenancy,
  since: number,
): Promise<Pick<OperatorSessionRow, 'created_at' | 'key_id'>[]> {
  return db
    .selectFrom('operator_sessions')
    .select(['created_at', 'key_id'])
    .where('account_id', '=', accountId)
    .where('world', '=', world)
    .where('created_at', '>', since)
    .orderBy('created_at')
    .execute()
}

/** Those of the tenant that are under way and whose key still works, oldest first. @param now epoch ms */
export const liveSessions = (db: Kysely<Database>, { accountId, world }: Tenancy, now: number): Promise<OperatorSessionRow[]> =>
  db
    .selectFrom('operator_sessions')
    .innerJoin('api_keys', 'api_keys.id', 'operator_sessions.key_id')
    .selectAll('operator_sessions')
    .where('operator_sessions.account_id', '=', accountId)
    .where('operator_sessions.world', '=', world)
    .where('operator_sessions.started_at', 'is not', null)
    .where('operator_sessions.ended_at', 'is', null)
    .where('operator_sessions.expires_at', '>', now)
    .where('api_keys.revoked_at', 'is', null)
    .orderBy('operator_sessions.id')
    .execute()

type Change = Partial<Pick<OperatorSessionRow, 'tries' | 'token_hash' | 'started_at' | 'expires_at' | 'ended_at'>>

/** @returns false when it has ended meanwhile */
export async function changeOperatorSession(tx: Transaction<Database>, id: OperatorSessionId, change: Change): Promise<boolean> {
  const result = await tx.updateTable('operator_sessions').set(change).where('id', '=', id).where('ended_at', 'is', null).executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Ends the sessions of an account in both worlds, and the codes that could begin one. @returns those whose time was not over @param now epoch ms */
export async function endSessionsOfAccount(tx: Transaction<Database>, accountId: AccountId, now: number): Promise<OperatorSessionRow[]> {
  const ended = await tx
    .updateTable('operator_sessions')
    .set({ ended_at: now })
    .where('account_id', '=', accountId)
    .where('ended_at', 'is', null)
    .returningAll()
    .execute()
  return ended.filter(({ expires_at }) => now < expires_at)
}

/** Forgets what ended before `before` (epoch ms); the log keeps that it was. */
export const removeSessionsBefore = async (tx: Transaction<Database>, accountId: AccountId, before: number): Promise<void> => {
  await tx.deleteFrom('operator_sessions').where('account_id', '=', accountId).where('expires_at', '<', before).execute()
}
