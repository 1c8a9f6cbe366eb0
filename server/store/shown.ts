/**
 * What callers were shown, from the log of record: where the words of an outgoing mail may come from. Each question here costs narrow ranges of an index, of
 * so many rows at most, however long a key has been at work and however much mail a mailbox has.
 */
import { type Kysely, sql } from 'kysely'
import type { EmailId, KeyId, MailboxId, ThreadId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import type { LogAction } from './log.ts'
import type { Database, Row } from './schema.ts'

type Db = Kysely<Database>

/** An entry of the log by which a key was shown something. `emailIds`: which emails it names. */
export type Shown = { keyId: KeyId; at: number; action: LogAction; resourceId: string; emailIds: readonly string[] }

/** The newest entries of each key, so many of each kind at most. @param keys few */
export async function lastShown(db: Db, keys: readonly KeyId[], most: Readonly<Partial<Record<LogAction, number>>>): Promise<Shown[]> {
  const asked = keys.flatMap((key) => Object.entries(most).map(([action, limit]) => ({ key, action, limit })))
  if (asked.length === 0) return []
  const kinds = asked.map(
    ({ key, action, limit }, at) => sql`select * from (select created_at, actor_id, action, resource_id, body from log_entries
      where actor_id = ${key} and action = ${action} order by created_at desc, seq desc limit ${sql.lit(limit)}) as ${sql.ref(`kind_${at}`)}`,
  )
  const { rows } = await sql<
    Pick<Row<'log_entries'>, 'created_at' | 'actor_id' | 'action' | 'resource_id' | 'body'>
  >`${sql.join(kinds, sql` union all `)}`.execute(db)
  return rows.map(({ created_at, actor_id, action, resource_id, body }) => ({
    keyId: actor_id as KeyId,
    at: created_at,
    action: action as LogAction,
    resourceId: resource_id,
    emailIds: namedIn(body, resource_id),
  }))
}

function namedIn(body: string, resourceId: string): string[] {
  const { metadata } = JSON.parse(body) as { metadata: { email_id?: unknown; email_ids?: unknown } }
  const ids = Array.isArray(metadata.email_ids) ? metadata.email_ids : [metadata.email_id ?? resourceId]
  return ids.filter((id) => typeof id === 'string')
}

/** What may be compared of an email; `text` and `hidden` are the beginnings, and `isCut` says that one is longer. */
export type Readable = Pick<
  Row<'emails'>,
  | 'id'
  | 'account_id'
  | 'world'
  | 'mailbox_id'
  | 'thread_id'
  | 'direction'
  | 'status'
  | 'from_address'
  | 'subject'
  | 'read_at'
  | 'has_attachments'
> & { text: string; hidden: string | null; isCut: number | boolean }

const readable = (longest: {
  text: number
  hidden: number
}) => sql`id, account_id, world, mailbox_id, thread_id, direction, status, from_address, subject,
  read_at, has_attachments, substr(markdown, 1, ${sql.lit(longest.text)}) as text, substr(hidden_text, 1, ${sql.lit(longest.hidden)}) as hidden,
  (length(markdown) > ${sql.lit(longest.text)} or coalesce(hidden_characters, 0) > ${sql.lit(longest.hidden)}) as ${sql.ref('isCut')}`

/** In no particular order. */
export async function readableByIds(
  db: Db,
  tenancy: Tenancy,
  ids: readonly EmailId[],
  longest: { text: number; hidden: number },
): Promise<Readable[]> {
  if (ids.length === 0) return []
  const { rows } = await sql<Readable>`select ${readable(longest)} from emails where id in (${sql.join(ids)})`.execute(db)
  return rows.filter((row) => row.account_id === tenancy.accountId && row.world === tenancy.world)
}

/** The newest of a conversation. */
export const readableOfThread = async (
  db: Db,
  id: ThreadId,
  limit: number,
  longest: { text: number; hidden: number },
): Promise<Readable[]> =>
  (
    await sql<Readable>`select ${readable(longest)} from emails where thread_id = ${id} order by id desc limit ${sql.lit(limit)}`.execute(
      db,
    )
  ).rows

/** What the agents of a mailbox opened last, whichever of them. */
export const lastOpened = async (db: Db, id: MailboxId, limit: number, longest: { text: number; hidden: number }): Promise<Readable[]> =>
  (
    await sql<Readable>`select ${readable(longest)} from emails where mailbox_id = ${id} and read_at is not null
      order by read_at desc limit ${sql.lit(limit)}`.execute(db)
  ).rows

/** A file that came with an email: its beginning when it is small, else null. */
export type OpenedFile = Pick<Row<'attachments'>, 'id' | 'email_id' | 'content_type' | 'size' | 'blob_hash'> & { head: Uint8Array | null }

export const openedFiles = async (db: Db, ids: readonly string[], longest: number): Promise<OpenedFile[]> =>
  ids.length === 0
    ? []
    : (
        await sql<OpenedFile>`select attachments.id, attachments.email_id, attachments.content_type, attachments.size, attachments.blob_hash,
          substr(blobs.bytes, 1, ${sql.lit(longest)}) as head from attachments join blobs on blobs.hash = attachments.blob_hash
          where attachments.id in (${sql.join(ids)})`.execute(db)
      ).rows

type WithFile = Pick<Row<'emails'>, 'id' | 'thread_id' | 'mailbox_id' | 'from_address'> & { blob_hash: string }

/** Of all emails of everybody that have a file, whoever sent them: so many are gone through. */
const mostHaving = 5_000

/** Emails of this account and world that came with one of these files, so many at most. `isCut`: there may be more. */
export async function emailsWithFiles(
  db: Db,
  { accountId, world }: Tenancy,
  hashes: readonly string[],
  most: number,
): Promise<{ found: WithFile[]; isCut: boolean }> {
  if (hashes.length === 0) return { found: [], isCut: false }
  const having = sql`select email_id, blob_hash from attachments where blob_hash in (${sql.join(hashes)}) limit ${sql.lit(mostHaving)}`
  // One row at least, which says how many were gone through. SQLite keeps the order of a cross join, so it never goes through all emails.
  const { rows } = await sql<{ having: number | string } & { [name in keyof WithFile]: WithFile[name] | null }>`
    with having_it as materialized (${having}), counted as (select count(*) as ${sql.ref('having')} from having_it), ours as (
      select emails.id, emails.thread_id, emails.mailbox_id, emails.from_address, having_it.blob_hash
      from having_it cross join emails
      where emails.id = having_it.email_id and emails.account_id = ${accountId} and emails.world = ${world} and emails.direction = 'inbound' limit ${sql.lit(most)})
    select * from counted left join ours on true`.execute(db)
  const found = rows.filter((row): row is WithFile & { having: number | string } => row.id !== null)
  return { found, isCut: found.length === most || Number(rows[0]?.having) === mostHaving }
}

/** Why an arrived email was judged as it was; Reason[] as JSON. */
export type Judged = Pick<Row<'emails'>, 'id' | 'reasons_json'>

/** The newest that arrived in a conversation and that its agent may see, and of others those with these ids. One statement. @param ids few */
export async function judgedAmong(
  db: Db,
  { thread, mostOfThread, ids }: { thread: ThreadId; mostOfThread: number; ids: readonly EmailId[] },
): Promise<Judged[]> {
  const ofThread = sql`select id, reasons_json from (select id, reasons_json from emails where thread_id = ${thread} and direction = 'inbound'
    and status in ('unread', 'read', 'spam_flagged') order by id desc limit ${sql.lit(mostOfThread)}) as conversation`
  const named = sql`select id, reasons_json from emails where id in (${sql.join(ids)}) and direction = 'inbound'`
  const { rows } = await sql<Judged>`${ids.length === 0 ? ofThread : sql`${ofThread} union ${named}`}`.execute(db)
  return rows
}
