import { type Kysely, type Transaction } from 'kysely'
import { isPostgres } from './engine.ts'
import type { AccountId, DomainId, MailboxId } from '../model/ids.ts'
import { prepare } from './prepared.ts'
import type { Database, NewRow, Row } from './schema.ts'

export const insertDomain = async (tx: Transaction<Database>, row: NewRow<'domains'>): Promise<void> => {
  await tx.insertInto('domains').values(row).execute()
}

/** False when somebody has the name already. */
export const insertDomainOnce = async (tx: Transaction<Database>, row: NewRow<'domains'>): Promise<boolean> =>
  (await tx
    .insertInto('domains')
    .values(row)
    .onConflict((conflict) => conflict.column('name').doNothing())
    .returning('id')
    .executeTakeFirst()) !== undefined

type DomainChange = Partial<Pick<Row<'domains'>, 'is_pending' | 'verified_at' | 'findings_json'>>

export const changeDomain = async (tx: Transaction<Database>, id: DomainId, change: DomainChange): Promise<void> => {
  await tx.updateTable('domains').set(change).where('id', '=', id).execute()
}

/** Its keys go first. */
export const deleteDomain = async (tx: Transaction<Database>, id: DomainId): Promise<void> => {
  await tx.deleteFrom('domains').where('id', '=', id).execute()
}

/** Whether an address at the domain belongs to somebody, or did. */
export async function isDomainUsed(db: Kysely<Database>, id: DomainId): Promise<boolean> {
  const mailbox = await db.selectFrom('mailboxes').select('id').where('domain_id', '=', id).limit(1).executeTakeFirst()
  const alias = await db.selectFrom('aliases').select('address').where('domain_id', '=', id).limit(1).executeTakeFirst()
  return mailbox !== undefined || alias !== undefined
}

export const domainOfAccount = (db: Kysely<Database>, accountId: AccountId, id: DomainId): Promise<Row<'domains'> | undefined> =>
  db.selectFrom('domains').selectAll().where('account_id', '=', accountId).where('id', '=', id).executeTakeFirst()

/** @param name in the compared form. Undefined also for a domain that nothing has proved yet to be the account's: its mail is not ours. */
export async function hostedDomain(db: Kysely<Database>, name: string): Promise<Row<'domains'> | undefined> {
  const domain = await domainByName(db, name)
  return domain?.is_pending === 1 ? undefined : domain
}

/** @param name in the compared form (a DomainName) */
export const domainByName = async (db: Kysely<Database>, name: string): Promise<Row<'domains'> | undefined> =>
  (await byName(db, { name }))[0]

const byName = prepare((db, { name }: { name: string }) => db.selectFrom('domains').selectAll().where('name', '=', name))

/** Makes whoever changes which addresses a domain has wait for each other: a mailbox and an alias are rows of two tables, so no index
 *  keeps them apart. (On SQLite one transaction writes at a time anyway.) */
export const lockDomain = (tx: Transaction<Database>, name: string): Promise<Row<'domains'> | undefined> => {
  const domain = tx.selectFrom('domains').selectAll().where('name', '=', name)
  return (isPostgres(tx) ? domain.forNoKeyUpdate() : domain).executeTakeFirst()
}

/** @param mailboxId who takes what no mailbox and no alias of the domain takes; null: nobody */
export const setCatchAll = async (tx: Transaction<Database>, id: DomainId, mailboxId: MailboxId | null): Promise<void> => {
  await tx.updateTable('domains').set({ catch_all_mailbox_id: mailboxId }).where('id', '=', id).execute()
}

/** A domain with the address of the mailbox that takes what nobody else does; null when such mail is refused. */
export type ListedDomain = Pick<Row<'domains'>, 'name' | 'account_id'> & { catchAll: string | null }

/** Every domain of the appliance, by name, with its catch-all. */
export const domainsWithCatchAll = (db: Kysely<Database>): Promise<ListedDomain[]> =>
  db
    .selectFrom('domains')
    .leftJoin('mailboxes', 'mailboxes.id', 'domains.catch_all_mailbox_id')
    .select(['domains.name', 'domains.account_id', 'mailboxes.address as catchAll'])
    .where('domains.account_id', 'not in', deletedAccounts(db))
    .orderBy('domains.name')
    .execute()

/** The names of up to `limit` domains of the account that a mailbox belongs to. */
export const domainsAround = async (db: Kysely<Database>, mailboxId: MailboxId, limit: number): Promise<string[]> =>
  (await ofAccountOf(db, { mailboxId, limit })).map(({ name }) => name)

const ofAccountOf = prepare((db, { mailboxId, limit }: { mailboxId: MailboxId; limit: number }) =>
  db
    .selectFrom('domains')
    .innerJoin('mailboxes', 'mailboxes.account_id', 'domains.account_id')
    .select('domains.name')
    .where('mailboxes.id', '=', mailboxId)
    .where('domains.is_pending', '=', 0)
    .orderBy('domains.name')
    .limit(limit),
)

/** The account's, oldest first. */
export const domainsOf = (db: Kysely<Database>, accountId: AccountId): Promise<Row<'domains'>[]> =>
  db.selectFrom('domains').selectAll().where('account_id', '=', accountId).orderBy('id').execute()

/** Every domain of the appliance, by name; those of accounts that were deleted are nobody's. */
export const listDomains = (db: Kysely<Database>): Promise<Row<'domains'>[]> =>
  db.selectFrom('domains').selectAll().where('account_id', 'not in', deletedAccounts(db)).orderBy('name').execute()

/** Every domain whose mail is ours, by name. */
export const hostedDomains = (db: Kysely<Database>): Promise<Row<'domains'>[]> =>
  db
    .selectFrom('domains')
    .selectAll()
    .where('is_pending', '=', 0)
    .where('account_id', 'not in', deletedAccounts(db))
    .orderBy('name')
    .execute()

const deletedAccounts = (db: Kysely<Database>) => db.selectFrom('accounts').select('id').where('deleted_at', 'is not', null)

/** Whether somebody has a mailbox at the domain, which may be another than who has the domain. */
export const hasMailboxes = async (db: Kysely<Database>, id: DomainId): Promise<boolean> =>
  (await db
    .selectFrom('mailboxes')
    .select('id')
    .where('domain_id', '=', id)
    .where('deleted_at', 'is', null)
    .limit(1)
    .executeTakeFirst()) !== undefined

/** Gives a domain to an account if the one that has it was deleted; nothing of that one comes with it. The domain is locked.
 *  @returns it as it is then; undefined when it is somebody's */
export async function takeOverDomain(
  tx: Transaction<Database>,
  { id }: Pick<Row<'domains'>, 'id'>,
  change: Pick<Row<'domains'>, 'account_id' | 'is_pending' | 'created_at'>,
): Promise<Row<'domains'> | undefined> {
  return tx
    .updateTable('domains')
    .set({ ...change, catch_all_mailbox_id: null, verified_at: null, findings_json: null })
    .where('id', '=', id)
    .where('account_id', 'in', deletedAccounts(tx))
    .returningAll()
    .executeTakeFirst()
}

/** Whether nobody has it, or nobody any more. @param name in the compared form */
export async function isDomainFree(db: Kysely<Database>, name: string): Promise<boolean> {
  const taken = db.selectFrom('domains').select('id').where('name', '=', name).where('account_id', 'not in', deletedAccounts(db))
  return (await taken.executeTakeFirst()) === undefined
}
