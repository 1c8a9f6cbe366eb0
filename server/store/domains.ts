import type { Kysely, Transaction } from 'kysely'
import type { Database, NewRow, Row } from './schema.ts'

export const insertDomain = async (tx: Transaction<Database>, row: NewRow<'domains'>): Promise<void> => {
  await tx.insertInto('domains').values(row).execute()
}

/** @param name in the compared form (a DomainName) */
export const domainByName = (db: Kysely<Database>, name: string): Promise<Row<'domains'> | undefined> =>
  db.selectFrom('domains').selectAll().where('name', '=', name).executeTakeFirst()

/** Every domain of the appliance, by name. */
export const listDomains = (db: Kysely<Database>): Promise<Row<'domains'>[]> =>
  db.selectFrom('domains').selectAll().orderBy('name').execute()

export const insertDkimKey = async (tx: Transaction<Database>, row: NewRow<'dkim_keys'>): Promise<void> => {
  await tx.insertInto('dkim_keys').values(row).execute()
}

/** The keys to sign with for this domain, by selector; [] for a domain that is not ours. */
export const activeDkimKeys = (db: Kysely<Database>, domainName: string): Promise<Row<'dkim_keys'>[]> =>
  db
    .selectFrom('dkim_keys')
    .innerJoin('domains', 'domains.id', 'dkim_keys.domain_id')
    .selectAll('dkim_keys')
    .where('domains.name', '=', domainName)
    .where('dkim_keys.is_active', '=', 1)
    .orderBy('dkim_keys.selector')
    .execute()
