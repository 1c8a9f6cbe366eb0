import type { Kysely, Transaction } from 'kysely'
import type { DomainId, MailboxId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import type { Database, NewRow, Row } from './schema.ts'

export const insertMailbox = async (tx: Transaction<Database>, row: NewRow<'mailboxes'>): Promise<void> => {
  await tx.insertInto('mailboxes').values(row).execute()
}

/** The tenant's mailbox by its id or by its address in the compared form; somebody else's does not exist (design promise 9). */
export const findMailbox = (db: Kysely<Database>, tenancy: Tenancy, idOrAddress: string): Promise<Row<'mailboxes'> | undefined> =>
  ownMailboxes(db, tenancy)
    .selectAll()
    .where((any) => any.or([any('id', '=', idOrAddress as MailboxId), any('address', '=', idOrAddress)]))
    .executeTakeFirst()

/** For the appliance's own work, which acts for no caller. */
export const mailboxById = (db: Kysely<Database>, id: MailboxId): Promise<Row<'mailboxes'> | undefined> =>
  db.selectFrom('mailboxes').selectAll().where('id', '=', id).executeTakeFirst()

/** The tenant's mailboxes, oldest first, inactive ones too. @param mailboxIds only these; null for all */
export function listMailboxes(
  db: Kysely<Database>,
  tenancy: Tenancy,
  mailboxIds: readonly MailboxId[] | null,
): Promise<Row<'mailboxes'>[]> {
  if (mailboxIds?.length === 0) return Promise.resolve([])
  let query = ownMailboxes(db, tenancy).selectAll()
  if (mailboxIds !== null) query = query.where('id', 'in', [...mailboxIds])
  return query.orderBy('id').execute()
}

/** Where mail from the network to this address goes: an active mailbox of the live world (design promise 8). @param addressKey the compared form */
export const recipientMailbox = (db: Kysely<Database>, addressKey: string): Promise<Row<'mailboxes'> | undefined> =>
  db
    .selectFrom('mailboxes')
    .selectAll()
    .where('address', '=', addressKey)
    .where('world', '=', 'live')
    .where('is_active', '=', 1)
    .executeTakeFirst()

/** The mailbox of the live world with this address, inactive too: to tell a mailbox that is closed from one that never was. */
export const liveMailboxAt = (db: Kysely<Database>, addressKey: string): Promise<Row<'mailboxes'> | undefined> =>
  db.selectFrom('mailboxes').selectAll().where('address', '=', addressKey).where('world', '=', 'live').executeTakeFirst()

/** The domain's first active mailbox of the live world: it takes what is sent to a role address that has no mailbox of its own. */
export const oldestMailboxOf = (db: Kysely<Database>, domainId: DomainId): Promise<Row<'mailboxes'> | undefined> =>
  db
    .selectFrom('mailboxes')
    .selectAll()
    .where('domain_id', '=', domainId)
    .where('world', '=', 'live')
    .where('is_active', '=', 1)
    .orderBy('id')
    .limit(1)
    .executeTakeFirst()

const ownMailboxes = (db: Kysely<Database>, tenancy: Tenancy) =>
  db.selectFrom('mailboxes').where('account_id', '=', tenancy.accountId).where('world', '=', tenancy.world)
