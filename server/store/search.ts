/**
 * The index of words. Both engines are given the same words (mailbox/search-words.ts) and asked the same: SQLite's FTS5 without the texts, PostgreSQL's
 * tsvector without its parser. An entry's number is its place in time, and what is newest comes first without sorting.
 */
import { type Kysely, type Transaction, sql } from 'kysely'
import { isPostgres } from './engine.ts'
import type { EmailId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import { insertPrepared, prepare, prepareChange, prepareShapes } from './prepared.ts'
import type { Database, Row } from './schema.ts'

type Db = Kysely<Database>

export const searchFields = ['from', 'to', 'subject'] as const
export type SearchField = (typeof searchFields)[number]
/** Words that stand next to each other; `field` null: anywhere. */
export type Phrase = { field: SearchField | null; words: readonly string[] }

/** What an email is found by, as lists of words; `apart` stands between two that no phrase may join. */
export type Indexed = {
  seq: number
  emailId: EmailId
  /** epoch ms */
  at: number
  subject: readonly string[]
  sender: readonly string[]
  recipients: readonly string[]
  body: readonly string[]
  files: readonly string[]
  scope: readonly string[]
}

/** In no word (it is neither letter nor digit), so that no text of a stranger can hold what begins with it. */
const sign = '§'
export const apart = sign

/** Where an email belongs, as words of the index. */
export const scopeWords = {
  tenancy: ({ accountId, world }: Tenancy): string => sign + plain(accountId) + world,
  row: (id: string): string => sign + plain(id),
  hasAttachments: `${sign}attachment`,
}
const plain = (id: string): string => id.replaceAll('_', '').toLowerCase()

export type QueueRow = Row<'search_queue'>

/** What waits to be indexed, the newest first: somebody may be waiting for it. */
export const waitingForIndex = (db: Db, limit: number): Promise<QueueRow[]> => firstWaiting(db, { limit })

const firstWaiting = prepare((db, { limit }: { limit: number }) =>
  db.selectFrom('search_queue').selectAll().orderBy('seq', 'desc').limit(limit),
)

/** The columns that an email is found by. */
export type Searched = Pick<
  Row<'emails'>,
  | 'id'
  | 'account_id'
  | 'world'
  | 'mailbox_id'
  | 'thread_id'
  | 'subject'
  | 'from_address'
  | 'from_name'
  | 'to_json'
  | 'cc_json'
  | 'bcc_json'
  | 'copies_json'
  | 'has_attachments'
  | 'received_at'
> & { text: string }

/** @param longest of the text, in characters: the rest is not read */
export const searchedOf = (db: Db, ids: readonly EmailId[], longest: number): Promise<Searched[]> =>
  ids.length === 0 ? Promise.resolve([]) : searched(db, { ids, longest })

const searched = prepareShapes((db, { ids, longest }: { ids: readonly EmailId[]; longest: number }) =>
  db
    .selectFrom('emails')
    .select([
      'id',
      'account_id',
      'world',
      'mailbox_id',
      'thread_id',
      'subject',
      'from_address',
      'from_name',
      'to_json',
      'cc_json',
      'bcc_json',
      'copies_json',
      'has_attachments',
      'received_at',
      // Its type is not to be guessed from the value that comes later.
      sql<string>`substr(markdown, 1, cast(${longest} as integer))`.as('text'),
    ])
    .where('id', 'in', [...ids]),
)

/** Takes rows out of the queue. @returns the numbers that were still there: somebody else may have been faster */
export async function takeFromQueue(tx: Transaction<Database>, seqs: readonly number[]): Promise<Set<number>> {
  return new Set((await takeRows(tx, { seqs })).map(({ seq }) => seq))
}

const takeRows = prepareShapes((db, { seqs }: { seqs: readonly number[] }) =>
  db
    .deleteFrom('search_queue')
    .where('seq', 'in', [...seqs])
    .returning('seq'),
)

/** Writes an email into the index, in place of what was there of it; what is there already under a later number stays. */
export async function writeIndexed(tx: Transaction<Database>, one: Indexed): Promise<void> {
  const { seq, emailId, at } = one
  const [later] = await entryOf(tx, { emailId })
  if (later !== undefined && later.seq > seq) return
  if (later !== undefined) await tx.deleteFrom('search_entries').where('email_id', '=', emailId).execute()
  if (isPostgres(tx)) {
    await sql`insert into search_entries (seq, email_id, at, words) values (${seq}, ${emailId}, ${at}, ${vectorOf(one)}::tsvector)`.execute(
      tx,
    )
    return
  }
  await insertPrepared(tx, 'search_entries', { seq, email_id: emailId, at })
  const { subject, sender, recipients, body, files, scope } = one
  const words = Object.fromEntries(
    Object.entries({ subject, sender, recipients, body, files, scope }).map(([name, all]) => [name, all.join(' ')]),
  )
  await insertWords(tx, { seq, ...(words as Record<WordColumn, string>) })
}

const entryOf = prepare((db, { emailId }: { emailId: EmailId }) =>
  db.selectFrom('search_entries').select('seq').where('email_id', '=', emailId),
)

type WordColumn = Exclude<keyof Indexed, 'seq' | 'emailId' | 'at'>

const insertWords = prepareChange(
  (_db, { seq, subject, sender, recipients, body, files, scope }: Record<WordColumn, string> & { seq: number }) =>
    sql`insert into search_words (rowid, subject, sender, recipients, body, files, scope)
    values (${seq}, ${subject}, ${sender}, ${recipients}, ${body}, ${files}, ${scope})`,
)

/** The words of each field have a weight of their own, the fields a gap between them that no phrase spans. Beyond 255 places of one word PostgreSQL
 *  keeps none, so a phrase there is not found. */
function vectorOf({ subject, sender, recipients, body, files, scope }: Indexed): string {
  const places = new Map<string, string[]>()
  let at = 0
  const add = (words: readonly string[], weight: string): void => {
    for (const word of words) {
      at += 1
      if (word === apart) continue
      const known = places.get(word)
      if (known === undefined) places.set(word, [`${at}${weight}`])
      else if (known.length < mostPlaces) known.push(`${at}${weight}`)
    }
    at += 1
  }
  add(subject, weights.subject)
  add(sender, weights.from)
  add(recipients, weights.to)
  add(scope, 'D')
  add(files, 'D')
  add(body, 'D')
  return [...places].map(([word, list]) => `'${word}':${list.join()}`).join(' ')
}

const mostPlaces = 255
const weights: Record<SearchField, string> = { subject: 'A', from: 'B', to: 'C' }
const columns: Record<SearchField, string> = { subject: 'subject', from: 'sender', to: 'recipients' }

export type WordQuery = {
  /** of each list, one word at least: where it belongs */
  scope: readonly (readonly string[])[]
  wanted: readonly (readonly Phrase[])[]
  unwanted: readonly Phrase[]
}

export type Candidate = { seq: number; emailId: EmailId }

/** What has these words, the newest first, whoever may see it. @param between exclusive numbers */
export async function candidates(
  db: Db,
  query: WordQuery,
  { between, limit }: { between: { after: number; before: number }; limit: number },
): Promise<Candidate[]> {
  const { after, before } = between
  const found = isPostgres(db)
    ? sql<{ seq: number; email_id: EmailId }>`select seq, email_id from search_entries
        where words @@ ${vectorQuery(query)}::tsquery and seq > ${after} and seq < ${before} order by seq desc limit ${limit}`
    : sql<{ seq: number; email_id: EmailId }>`select search_entries.seq, search_entries.email_id
        from search_words cross join search_entries on search_entries.seq = search_words.rowid
        where search_words match ${matchQuery(query)} and search_words.rowid > ${after} and search_words.rowid < ${before}
        order by search_words.rowid desc limit ${limit}`
  return (await found.execute(db)).rows.map(({ seq, email_id }) => ({ seq, emailId: email_id }))
}

/** In FTS5's language. Words have no quotation marks in them. */
export function matchQuery({ scope, wanted, unwanted }: WordQuery): string {
  const phrase = ({ field, words }: Phrase): string => `${field === null ? '' : `${columns[field]} : `}"${words.join(' ')}"`
  const all = [...scope.map((any) => any.map((word) => `"${word}"`)), ...wanted.map((any) => any.map(phrase))]
  const every = all.map((any) => `(${any.join(' OR ')})`).join(' AND ')
  return unwanted.length === 0 ? every : `(${every}) NOT (${unwanted.map(phrase).join(' OR ')})`
}

/** In PostgreSQL's. */
export function vectorQuery({ scope, wanted, unwanted }: WordQuery): string {
  const phrase = ({ field, words }: Phrase): string =>
    `(${words.map((word) => `'${word}'${field === null ? '' : `:${weights[field]}`}`).join(' <-> ')})`
  const all = [...scope.map((any) => any.map((word) => `'${word}'`)), ...wanted.map((any) => any.map(phrase))]
  return [...all.map((any) => `(${any.join(' | ')})`), ...unwanted.map((one) => `!${phrase(one)}`)].join(' & ')
}

// Numbers follow the order of commits, `at` that of arrivals; no transaction lasts as long as this.
const outOfOrderMs = 3_600_000

/** Between which numbers everything lies that was received from `from` on and before `before` (epoch ms). */
export async function numbersBetween(db: Db, from: number | null, before: number | null): Promise<{ after: number; before: number }> {
  const first =
    from === null
      ? undefined
      : await db
          .selectFrom('search_entries')
          .select('seq')
          .where('at', '<', from - outOfOrderMs)
          .orderBy('at', 'desc')
          .orderBy('seq', 'desc')
          .limit(1)
          .executeTakeFirst()
  const last =
    before === null
      ? undefined
      : await db
          .selectFrom('search_entries')
          .select('seq')
          .where('at', '>=', before + outOfOrderMs)
          .orderBy('at')
          .orderBy('seq')
          .limit(1)
          .executeTakeFirst()
  return { after: first?.seq ?? 0, before: last?.seq ?? Number.MAX_SAFE_INTEGER }
}
