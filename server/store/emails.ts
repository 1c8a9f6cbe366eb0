import { type Kysely, type Transaction, sql } from 'kysely'
import type { Direction, EmailStatus } from '../model/email.ts'
import type { EmailId, MailboxId, ThreadId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import type { Database, NewRow, Row } from './schema.ts'

export type EmailRow = Row<'emails'>

export const insertEmail = async (tx: Transaction<Database>, row: NewRow<'emails'>): Promise<void> => {
  await tx.insertInto('emails').values(row).execute()
}

/** The email, if this tenancy has it; an id of somebody else's does not exist (design promise 9). */
export const findEmail = (db: Kysely<Database>, tenancy: Tenancy, id: EmailId): Promise<EmailRow | undefined> =>
  ownEmails(db, tenancy).selectAll().where('id', '=', id).executeTakeFirst()

/** For the appliance's own work (delivery, expiry), which acts for no caller. */
export const emailById = (db: Kysely<Database>, id: EmailId): Promise<EmailRow | undefined> =>
  db.selectFrom('emails').selectAll().where('id', '=', id).executeTakeFirst()

/** `before` and `after` are exclusive ids; ids sort by time. `sender` and `subject` are case-insensitive parts of the text. */
export type EmailFilter = {
  mailboxIds: readonly MailboxId[] | null
  statuses?: readonly EmailStatus[]
  direction?: Direction
  sender?: string
  subject?: string
  receivedFrom?: number
  receivedTo?: number
  hasAttachments?: boolean
  after?: EmailId
  before?: EmailId
  limit: number
}

/** Newest first. */
export function listEmails(db: Kysely<Database>, tenancy: Tenancy, filter: EmailFilter): Promise<EmailRow[]> {
  let query = ownEmails(db, tenancy).selectAll()
  if (filter.mailboxIds !== null) query = query.where('mailbox_id', 'in', [...filter.mailboxIds])
  if (filter.statuses !== undefined) query = query.where('status', 'in', [...filter.statuses])
  if (filter.direction !== undefined) query = query.where('direction', '=', filter.direction)
  if (filter.sender !== undefined) query = query.where(contains('from_address', filter.sender))
  if (filter.subject !== undefined) query = query.where(contains('subject', filter.subject))
  if (filter.receivedFrom !== undefined) query = query.where('received_at', '>=', filter.receivedFrom)
  if (filter.receivedTo !== undefined) query = query.where('received_at', '<=', filter.receivedTo)
  if (filter.hasAttachments !== undefined) query = query.where('has_attachments', '=', filter.hasAttachments ? 1 : 0)
  if (filter.after !== undefined) query = query.where('id', '>', filter.after)
  if (filter.before !== undefined) query = query.where('id', '<', filter.before)
  return query.orderBy('id', 'desc').limit(filter.limit).execute()
}

/** A whole conversation, oldest first. */
export const emailsOfThread = (db: Kysely<Database>, tenancy: Tenancy, threadId: ThreadId): Promise<EmailRow[]> =>
  ownEmails(db, tenancy).selectAll().where('thread_id', '=', threadId).orderBy('id').execute()

/** Emails of one mailbox that carry one of these Message-IDs: how a reply finds its thread. */
export const emailsByMessageId = (db: Kysely<Database>, mailboxId: MailboxId, ids: readonly string[]): Promise<EmailRow[]> =>
  ids.length === 0
    ? Promise.resolve([])
    : db.selectFrom('emails').selectAll().where('mailbox_id', '=', mailboxId).where('message_id', 'in', [...ids]).orderBy('id').execute()

export const findByIdempotencyKey = (db: Kysely<Database>, mailboxId: MailboxId, key: string): Promise<EmailRow | undefined> =>
  db.selectFrom('emails').selectAll().where('mailbox_id', '=', mailboxId).where('idempotency_key', '=', key).executeTakeFirst()

/** Changes an email only while it has one of the `from` statuses. @returns false when it had another: somebody was faster. */
export async function changeEmail(
  tx: Transaction<Database>,
  id: EmailId,
  from: readonly EmailStatus[],
  change: Partial<Omit<NewRow<'emails'>, 'id' | 'account_id' | 'world'>> & { updated_at: number },
): Promise<boolean> {
  const result = await tx.updateTable('emails').set(change).where('id', '=', id).where('status', 'in', [...from]).executeTakeFirst()
  return result.numUpdatedRows > 0n
}

const ownEmails = (db: Kysely<Database>, tenancy: Tenancy) =>
  db.selectFrom('emails').where('account_id', '=', tenancy.accountId).where('world', '=', tenancy.world)

const contains = (column: 'from_address' | 'subject', part: string) =>
  sql<boolean>`lower(${sql.ref(column)}) like ${`%${part.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`} escape '\\'`
