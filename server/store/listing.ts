/** Lists of emails, in the order in which they came into sight (places.ts). */
import { type Kysely, sql } from 'kysely'
import { isPostgres } from './engine.ts'
import type { Direction, EmailStatus } from '../model/email.ts'
import type { EmailId, MailboxId, ThreadId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import type { EmailRow, Except } from './emails.ts'
import { prepareShapes } from './prepared.ts'
import type { Database } from './schema.ts'

/** `before` and `after` are exclusive places (places.ts). `sender` and `subject` are case-insensitive parts of the text. */
export type EmailFilter = {
  mailboxIds: readonly MailboxId[] | null
  statuses?: readonly EmailStatus[]
  direction?: Direction
  sender?: string
  subject?: string
  receivedFrom?: number
  receivedTo?: number
  hasAttachments?: boolean
  /** came into sight at this time (epoch ms) or later */
  visibleFrom?: number
  threadId?: ThreadId
  /** with a tag of this key, and of this value when there is one */
  tag?: { key: string; value?: string }
  after?: number
  before?: number
  /** only these */
  ids?: readonly EmailId[]
  except?: Except
  /** also what is in mailboxes that were deleted */
  ofDeletedMailboxes?: boolean
  offset?: number
  oldestFirst?: boolean
  limit: number
}

// Not the texts: a page of them can be 50 MB, and whoever puts the listing on the record holds up the one writer while it is read.
const listedColumns = [
  'id',
  'mailbox_id',
  'thread_id',
  'direction',
  'status',
  'from_address',
  'from_name',
  'to_json',
  'subject',
  'received_at',
  'has_attachments',
  'authentication_json',
  'spam_score',
  'spam_verdict',
  'delivered_at',
  'bounced_at',
  'bounce_type',
  'automatic',
] as const satisfies readonly (keyof EmailRow)[]

const placedColumns = [...listedColumns, 'place'] as const

/** An email as a listing shows it. */
export type ListedEmail = Pick<EmailRow, (typeof listedColumns)[number]>
/** The same with where it stands. */
export type PlacedEmail = ListedEmail & { place: number }

/** Newest first (what came into sight last), unless asked otherwise. */
export const listEmails = async (db: Kysely<Database>, tenancy: Tenancy, filter: EmailFilter): Promise<PlacedEmail[]> =>
  emailsOfListing(await listingText(db, tenancy, filter), filter)

/** The same as one text, which costs less to hand over than its rows. Two that are the same list the same. */
export async function listingText(db: Kysely<Database>, tenancy: Tenancy, filter: EmailFilter): Promise<string> {
  const [listing] = await listed(db, listingOf(tenancy, filter))
  return listing?.text ?? '[]'
}

/** Only which they are. */
export const listIds = async (db: Kysely<Database>, tenancy: Tenancy, filter: EmailFilter): Promise<EmailId[]> =>
  (await listedIds(db, listingOf(tenancy, filter))).map(({ id }) => id)

/** What a text of `listingText` lists. */
export function emailsOfListing(text: string, { oldestFirst }: Pick<EmailFilter, 'oldestFirst'>): PlacedEmail[] {
  const rows = JSON.parse(text) as unknown[][]
  const emails = rows.map((values) => Object.fromEntries(placedColumns.map((name, at) => [name, values[at]])) as PlacedEmail)
  // Their order in the text is the engine's affair.
  return emails.toSorted((one, other) => (oldestFirst === true ? one.place - other.place : other.place - one.place))
}

/** `sender` and `subject` as patterns, `ids` as JSON: a statement that is put together once cannot look at them. */
type Listing = Omit<EmailFilter, 'ids'> & { tenancy: Tenancy; ids?: string }

const listingOf = ({ accountId, world }: Tenancy, { sender, subject, ids, ...rest }: EmailFilter): Listing => ({
  tenancy: { accountId, world },
  ...rest,
  ...(sender !== undefined && { sender: partOf(sender) }),
  ...(subject !== undefined && { subject: partOf(subject) }),
  ...(ids !== undefined && { ids: JSON.stringify(ids) }),
})

const listed = prepareShapes((db, filter: Listing) => {
  const page = placed(db, filter)
    .select(listedColumns.map((column) => `emails.${column}` as const))
    .select('placed.place')
  return db.selectFrom(page.as('page')).select(asText(db).as('text'))
})

const listedIds = prepareShapes((db, filter: Listing) => placed(db, filter).select('placed.email_id as id'))

/** Of an email's own row it looks at little that stands behind its texts: these are read on the way. */
function placed(db: Kysely<Database>, filter: Listing) {
  const { tenancy } = filter
  let query = db.selectFrom('email_places as placed').innerJoin('emails', 'emails.id', 'placed.email_id')
  // The place in its mailbox, not in all the tenant's mail: SQLite takes the index of which more columns are given.
  const inOneMailbox = filter.mailboxIds?.length === 1 && filter.ids === undefined
  if (inOneMailbox) query = query.where('placed.mailbox_id', '=', mailboxesOf(db, filter))
  else if (filter.ids !== undefined) query = query.where('placed.mailbox_id', 'in', mailboxesOf(db, filter))
  else {
    query = query.where('placed.account_id', '=', tenancy.accountId).where('placed.world', '=', tenancy.world)
    if (filter.mailboxIds !== null) query = query.where('placed.mailbox_id', 'in', [...filter.mailboxIds])
  }
  if (filter.threadId !== undefined) query = query.where('emails.thread_id', '=', filter.threadId)
  if (filter.statuses !== undefined) query = query.where('placed.status', 'in', [...filter.statuses])
  if (filter.direction !== undefined) query = query.where('emails.direction', '=', filter.direction)
  if (filter.sender !== undefined) query = query.where(contains('from_address', filter.sender))
  if (filter.subject !== undefined) query = query.where(contains('subject', filter.subject))
  if (filter.receivedFrom !== undefined) query = query.where('emails.received_at', '>=', filter.receivedFrom)
  if (filter.receivedTo !== undefined) query = query.where('emails.received_at', '<=', filter.receivedTo)
  if (filter.visibleFrom !== undefined) query = query.where('placed.visible_at', '>=', filter.visibleFrom)
  if (filter.hasAttachments !== undefined) query = query.where('emails.has_attachments', '=', filter.hasAttachments ? 1 : 0)
  if (filter.tag !== undefined) query = query.where('emails.id', 'in', tagged(db, tenancy, filter.tag))
  if (filter.after !== undefined) query = query.where('placed.place', '>', filter.after)
  if (filter.before !== undefined) query = query.where('placed.place', '<', filter.before)
  if (filter.ids !== undefined) query = query.where('placed.email_id', 'in', idList(db, filter.ids))
  const { except } = filter
  if (except !== undefined && except.statuses.length > 0)
    query = query.where((row) =>
      row.or([row('emails.direction', '!=', except.direction), row('placed.status', 'not in', [...except.statuses])]),
    )
  if (filter.ofDeletedMailboxes !== true && !inOneMailbox) query = query.where('placed.mailbox_id', 'not in', deletedMailboxes(db))
  if (filter.offset !== undefined) query = query.offset(filter.offset)
  return query.orderBy('placed.place', filter.oldestFirst === true ? 'asc' : 'desc').limit(filter.limit)
}

/** Those of the tenant that are asked for: for a listing of one mailbox, or of emails that are known. */
function mailboxesOf(db: Kysely<Database>, { tenancy, mailboxIds, ofDeletedMailboxes }: Listing) {
  const own = db.selectFrom('mailboxes').select('id').where('account_id', '=', tenancy.accountId).where('world', '=', tenancy.world)
  const open = ofDeletedMailboxes === true ? own : own.where('deleted_at', 'is', null)
  return mailboxIds === null ? open : open.where('id', 'in', [...mailboxIds])
}

/** The rows of `page` as a list of lists. */
function asText(db: Kysely<Database>) {
  const [listOf, one] = isPostgres(db) ? ['json_agg', 'json_build_array'] : ['json_group_array', 'json_array']
  const values = sql.join(placedColumns.map((column) => sql.ref(`page.${column}`)))
  return sql<string | null>`cast(${sql.raw(listOf)}(${sql.raw(one)}(${values})) as text)`
}

/** However many there are, it is one statement. @param ids as JSON */
const idList = (db: Kysely<Database>, ids: string) =>
  isPostgres(db) ? sql<EmailId>`(select jsonb_array_elements_text(${ids}::jsonb))` : sql<EmailId>`(select value from json_each(${ids}))`

function tagged(db: Kysely<Database>, { accountId, world }: Tenancy, { key, value }: { key: string; value?: string }) {
  const rows = db
    .selectFrom('email_tags')
    .select('email_id')
    .where('account_id', '=', accountId)
    .where('world', '=', world)
    .where('key', '=', key)
  return value === undefined ? rows : rows.where('value', '=', value)
}

const deletedMailboxes = (db: Kysely<Database>) => db.selectFrom('mailboxes').select('id').where('deleted_at', 'is not', null)

const contains = (column: 'from_address' | 'subject', pattern: string) =>
  sql<boolean>`lower(${sql.ref(`emails.${column}`)}) like ${pattern} escape '\\'`

const partOf = (text: string): string => `%${text.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`
