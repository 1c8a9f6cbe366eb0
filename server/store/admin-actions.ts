import type { Kysely, Transaction } from 'kysely'
import type { AdminAction } from '../model/admin-action.ts'
import type { AccountId, ApprovalId, KeyId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import type { Database, NewRow, Row } from './schema.ts'

export type AdminActionRow = Row<'admin_actions'>

/** One call: the same key, the same action, the same parameters. */
export type Asked = { keyId: KeyId; action: AdminAction; parametersHash: string }

export const insertAdminAction = async (tx: Transaction<Database>, row: NewRow<'admin_actions'>): Promise<void> => {
  await tx.insertInto('admin_actions').values(row).execute()
}

/** The one of this call that was neither used nor refused; its time may be over. */
export const openAction = (db: Kysely<Database>, asked: Asked): Promise<AdminActionRow | undefined> =>
  ofCall(db, asked).where('used_at', 'is', null).where('refused_at', 'is', null).executeTakeFirst()

/** When a code was last made, up to now (epoch ms), for this call that led to nothing; null: never. */
export async function lastAsked(db: Kysely<Database>, asked: Asked, now: number): Promise<number | null> {
  const row = await ofCall(db, asked)
    .where('used_at', 'is', null)
    .where('created_at', '<=', now)
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.created_at ?? null
}

const ofCall = (db: Kysely<Database>, { keyId, action, parametersHash }: Asked) =>
  db
    .selectFrom('admin_actions')
    .selectAll()
    .where('key_id', '=', keyId)
    .where('action', '=', action)
    .where('parameters_hash', '=', parametersHash)

/** When codes were made since (epoch ms), oldest first. */
export async function askedSince(db: Kysely<Database>, { accountId, world }: Tenancy, since: number): Promise<number[]> {
  const rows = await db
    .selectFrom('admin_actions')
    .select('created_at')
    .where('account_id', '=', accountId)
    .where('world', '=', world)
    .where('created_at', '>', since)
    .orderBy('created_at')
    .execute()
  return rows.map(({ created_at }) => created_at)
}

export const adminActionById = (db: Kysely<Database>, id: ApprovalId): Promise<AdminActionRow | undefined> =>
  db.selectFrom('admin_actions').selectAll().where('id', '=', id).executeTakeFirst()

/** Those of every tenant that wait for the operator, oldest first. @param now epoch ms */
export const waitingActions = (db: Kysely<Database>, now: number): Promise<AdminActionRow[]> =>
  db
    .selectFrom('admin_actions')
    .selectAll()
    .where('used_at', 'is', null)
    .where('refused_at', 'is', null)
    .where('expires_at', '>', now)
    .orderBy('id')
    .execute()

type Change = Partial<Pick<AdminActionRow, 'tries' | 'approved_at' | 'used_at' | 'refused_at'>>

/** @returns false when it was used or refused meanwhile */
export async function changeAdminAction(tx: Transaction<Database>, id: ApprovalId, change: Change): Promise<boolean> {
  const result = await tx
    .updateTable('admin_actions')
    .set(change)
    .where('id', '=', id)
    .where('used_at', 'is', null)
    .where('refused_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Forgets what ended before `before` (epoch ms); the log keeps that it was. */
export const removeAdminActionsBefore = async (tx: Transaction<Database>, accountId: AccountId, before: number): Promise<void> => {
  await tx.deleteFrom('admin_actions').where('account_id', '=', accountId).where('expires_at', '<', before).execute()
}
