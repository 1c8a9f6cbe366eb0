import { type Kysely, type Transaction } from 'kysely'
import { isPostgres } from './engine.ts'
import type { AccountId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import { prepare } from './prepared.ts'
import type { Database, NewRow, Row } from './schema.ts'

export const insertAccount = async (tx: Transaction<Database>, row: NewRow<'accounts'>): Promise<void> => {
  await tx.insertInto('accounts').values(row).execute()
}

export const findAccount = async (db: Kysely<Database>, id: AccountId): Promise<Row<'accounts'> | undefined> => (await byId(db, { id }))[0]

const byId = prepare((db, { id }: { id: AccountId }) => db.selectFrom('accounts').selectAll().where('id', '=', id))

/** Oldest first; those that were deleted are none any more. */
export const listAccounts = (db: Kysely<Database>): Promise<Row<'accounts'>[]> =>
  db.selectFrom('accounts').selectAll().where('deleted_at', 'is', null).orderBy('id').execute()

/** Whether the host means this account. By its id, any; by its slug, or without a word, only one that was made on the host: who signs up chooses a slug, and
 *  must not be taken for whoever runs the server. @param named what was written, if anything; @param slug what it is as a slug */
export const isMeant = (
  account: Pick<Row<'accounts'>, 'id' | 'slug' | 'signed_up_at'>,
  named: string | undefined,
  slug: string | undefined = named,
): boolean => account.id === named || (account.signed_up_at === null && (slug === undefined || account.slug === slug))

/** The oldest account that is meant, of those that were not deleted. */
export const accountMeant = async (db: Kysely<Database>, named?: string, slug?: string): Promise<Row<'accounts'> | undefined> =>
  (await listAccounts(db)).find((account) => isMeant(account, named, slug))

/** When the export of a world began last (epoch ms); null: never. */
export async function exportedAt(db: Kysely<Database>, { accountId, world }: Tenancy): Promise<number | null> {
  const row = await db.selectFrom('accounts').select(exportColumn[world]).where('id', '=', accountId).executeTakeFirst()
  return Object.values(row ?? {})[0] ?? null
}

export const setExportedAt = async (tx: Transaction<Database>, { accountId, world }: Tenancy, at: number): Promise<void> => {
  await tx
    .updateTable('accounts')
    .set({ [exportColumn[world]]: at })
    .where('id', '=', accountId)
    .execute()
}

const exportColumn = { live: 'exported_at', test: 'test_exported_at' } as const

/** Makes whoever asks for, or does, what the operator has to agree to wait for each other. (On SQLite one transaction writes at a time anyway.) */
export const lockAccount = (tx: Transaction<Database>, id: AccountId): Promise<Row<'accounts'> | undefined> => {
  const account = tx.selectFrom('accounts').selectAll().where('id', '=', id)
  return (isPostgres(tx) ? account.forNoKeyUpdate() : account).executeTakeFirst()
}

/** @param address null: the operator is asked nowhere */
export const setOversightEmail = async (tx: Transaction<Database>, id: AccountId, address: string | null): Promise<void> => {
  await tx.updateTable('accounts').set({ oversight_email: address }).where('id', '=', id).execute()
}

export const changeAccount = async (
  tx: Transaction<Database>,
  id: AccountId,
  change: Pick<Row<'accounts'>, 'name' | 'physical_address'>,
): Promise<void> => {
  await tx.updateTable('accounts').set(change).where('id', '=', id).execute()
}
