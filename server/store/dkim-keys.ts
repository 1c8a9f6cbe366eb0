/** The keys that a domain signs with, signed with, or will sign with. */
import type { Kysely, Transaction } from 'kysely'
import type { DkimKeyId, DomainId } from '../model/ids.ts'
import { prepare } from './prepared.ts'
import type { Database, NewRow, Row } from './schema.ts'

export type DkimKeyRow = Row<'dkim_keys'>

export const insertDkimKey = async (tx: Transaction<Database>, row: NewRow<'dkim_keys'>): Promise<void> => {
  await tx.insertInto('dkim_keys').values(row).execute()
}

/** The keys to sign with for this domain, by selector; [] for a domain that is not ours. */
export const activeDkimKeys = (db: Kysely<Database>, domainName: string): Promise<DkimKeyRow[]> => active(db, { domainName })

const active = prepare((db, { domainName }: { domainName: string }) =>
  db
    .selectFrom('dkim_keys')
    .innerJoin('domains', 'domains.id', 'dkim_keys.domain_id')
    .selectAll('dkim_keys')
    .where('domains.name', '=', domainName)
    .where('dkim_keys.state', '=', 'active')
    .orderBy('dkim_keys.selector'),
)

/** Every key the domain ever had, by selector. */
export const dkimKeysOf = (db: Kysely<Database>, domainId: DomainId): Promise<DkimKeyRow[]> =>
  db.selectFrom('dkim_keys').selectAll().where('domain_id', '=', domainId).orderBy('selector').execute()

type Change = Partial<Pick<DkimKeyRow, 'state' | 'state_since' | 'use_from' | 'private_key'>>

export const changeDkimKeys = async (tx: Transaction<Database>, ids: readonly DkimKeyId[], change: Change): Promise<void> => {
  if (ids.length > 0) await tx.updateTable('dkim_keys').set(change).where('id', 'in', ids).execute()
}

export const deleteDkimKeysOf = async (tx: Transaction<Database>, domainId: DomainId): Promise<void> => {
  await tx.deleteFrom('dkim_keys').where('domain_id', '=', domainId).execute()
}
