import type { Kysely, Transaction } from 'kysely'
import type { AccountId, PersonId } from '../model/ids.ts'
import type { Database, NewRow, Row } from './schema.ts'

export type PersonRow = Row<'people'>

export const insertPerson = async (tx: Transaction<Database>, row: NewRow<'people'>): Promise<void> => {
  await tx.insertInto('people').values(row).execute()
}

/** Somebody who was not removed, of an account that was not deleted. */
const current = (db: Kysely<Database>) =>
  db
    .selectFrom('people')
    .innerJoin('accounts', 'accounts.id', 'people.account_id')
    .selectAll('people')
    .where('people.removed_at', 'is', null)
    .where('accounts.deleted_at', 'is', null)

export const personById = (db: Kysely<Database>, id: PersonId): Promise<PersonRow | undefined> =>
  current(db).where('people.id', '=', id).executeTakeFirst()

/** @param key in the compared form */
export const personByAddress = (db: Kysely<Database>, key: string): Promise<PersonRow | undefined> =>
  current(db).where('people.address_key', '=', key).executeTakeFirst()

/** Somebody of an account who was removed and is still known by this mark, which stands in place of their address. */
export const removedByMark = (db: Kysely<Database>, accountId: AccountId, mark: string): Promise<PersonRow | undefined> =>
  db
    .selectFrom('people')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('address_key', '=', mark)
    .where('removed_at', 'is not', null)
    .executeTakeFirst()

/** Of one account, oldest first. */
export const peopleOf = (db: Kysely<Database>, accountId: AccountId): Promise<PersonRow[]> =>
  current(db).where('people.account_id', '=', accountId).orderBy('people.id').execute()

/** Letters at any time. */
export const noQuiet = { time_zone: null, quiet_from: null, quiet_to: null } as const

/** What is left of somebody who was removed, besides their id as `address_key`. */
export const forgotten = {
  name: '',
  address: '',
  totp_secret: null,
  totp_new_secret: null,
  totp_step: null,
  totp_misses: 0,
  ...noQuiet,
} as const

type Change = Partial<Omit<PersonRow, 'id' | 'account_id' | 'created_at'>>
export const changePerson = async (tx: Transaction<Database>, id: PersonId, change: Change): Promise<void> => {
  await tx.updateTable('people').set(change).where('id', '=', id).execute()
}
