/** Which views a key was given, from the log of record: narrow ranges of its index over actor and action. */
import { type Kysely, sql } from 'kysely'
import type { EmailId, KeyId, LogEntryId, MailboxId } from '../model/ids.ts'
import type { HoldRow } from './holds.ts'
import { type LogAction, type ReadAction, readActions } from './log.ts'
import type { Database, Row } from './schema.ts'

type Db = Kysely<Database>

/** A place in the log: when (epoch ms), and behind which entry of that time. */
export type LogPlace = { at: number; seq: number }

/** How far clocks of several processes may be apart, or one be set back: entries are looked for so much further, and are in or out by their number. */
const clocksApartMs = 300_000

/** The entry by which somebody did something to an email at a moment (epoch ms). */
export async function entryOf(
  db: Db,
  { actorId, actions, at, emailId }: { actorId: string; actions: readonly LogAction[]; at: number; emailId: EmailId },
): Promise<LogPlace> {
  const entry = await db
    .selectFrom('log_entries')
    .select('seq')
    .where('actor_id', '=', actorId)
    .where('action', 'in', [...actions])
    .where('created_at', '=', at)
    .where('resource_id', '=', emailId)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  // It is of before the log was as it is; the time has to do.
  return { at, seq: entry?.seq ?? Number.MAX_SAFE_INTEGER }
}

export type GivenView = {
  seq: number
  id: LogEntryId
  at: number
  keyId: KeyId
  action: ReadAction
  resourceType: string
  resourceId: string
  /** null: the entry names none */
  hash: string | null
  /** the one mailbox that it was about; null: several, or none is named */
  mailboxId: string | null
}

/** What one key was given behind `after` (null: ever) and before `upTo`. */
export type GivenRange = { keyId: KeyId; after: LogPlace | null; upTo: LogPlace }

/** Newest first. @param before a place of an earlier page */
export async function viewsGiven(db: Db, ranges: readonly GivenRange[], before: LogPlace | undefined, limit: number): Promise<GivenView[]> {
  const some = ranges.flatMap((range) => readActions.map((action) => ({ ...range, action })))
  if (some.length === 0) return []
  const page = before === undefined ? sql`` : sql`and created_at <= ${before.at} and (created_at < ${before.at} or seq < ${before.seq})`
  const parts = some.map(
    (
      { keyId, after, upTo, action },
      at,
    ) => sql`select * from (select seq, id, created_at, actor_id, action, resource_type, resource_id, body from log_entries
      where actor_id = ${keyId} and action = ${sql.lit(action)} and created_at <= ${upTo.at + clocksApartMs} and seq < ${upTo.seq}
      ${after === null ? sql`` : sql`and created_at >= ${after.at - clocksApartMs} and seq > ${after.seq}`} ${page}
      order by created_at desc, seq desc limit ${sql.lit(limit)}) as ${sql.ref(`part_${at}`)}`,
  )
  type Found = Pick<Row<'log_entries'>, 'seq' | 'id' | 'created_at' | 'actor_id' | 'action' | 'resource_type' | 'resource_id' | 'body'>
  const { rows } =
    await sql<Found>`${sql.join(parts, sql` union all `)} order by created_at desc, seq desc limit ${sql.lit(limit)}`.execute(db)
  return rows.map(givenView)
}

function givenView(
  row: Pick<Row<'log_entries'>, 'seq' | 'id' | 'created_at' | 'actor_id' | 'action' | 'resource_type' | 'resource_id' | 'body'>,
): GivenView {
  const { metadata } = JSON.parse(row.body) as { metadata: { view_hash?: unknown; mailbox_id?: unknown } }
  const named = row.resource_type === 'mailbox' ? row.resource_id : metadata.mailbox_id
  return {
    seq: row.seq,
    id: row.id,
    at: row.created_at,
    keyId: row.actor_id as KeyId,
    action: row.action as ReadAction,
    resourceType: row.resource_type,
    resourceId: row.resource_id,
    hash: typeof metadata.view_hash === 'string' ? metadata.view_hash : null,
    mailboxId: typeof named === 'string' ? named : null,
  }
}

/** `by`: the id of the actor */
export type HumanContact = { at: number; action: 'approve' | 'reject'; emailId: EmailId; by: string }

/** Of the last so many decisions of each kind: beyond them nobody looks. */
const mostDecisions = 50

/** The last decision before a moment (epoch ms) that somebody else took on what these keys sent from a mailbox. */
export async function lastContact(
  db: Db,
  mailboxId: MailboxId,
  { keys, before }: { keys: readonly KeyId[]; before: number },
): Promise<HumanContact | null> {
  const found: HumanContact[] = []
  for (const state of ['approved', 'rejected'] as const satisfies HoldRow['state'][]) {
    const rows = await db
      .selectFrom(
        db
          .selectFrom('holds')
          .select(['id', 'email_id', 'ended_at'])
          .where('mailbox_id', '=', mailboxId)
          .where('direction', '=', 'outbound')
          .where('state', '=', state)
          .where('ended_at', '<', before)
          .orderBy('ended_at', 'desc')
          .limit(mostDecisions)
          .as('ended'),
      )
      .innerJoin('decisions', 'decisions.hold_id', 'ended.id')
      .innerJoin('emails', 'emails.id', 'ended.email_id')
      .select(['ended.email_id', 'ended.ended_at', 'decisions.action', 'decisions.actor_id'])
      .where('decisions.actor_id', 'not in', [...keys])
      .where('emails.composer_id', 'in', [...keys])
      .orderBy('ended.ended_at', 'desc')
      .limit(1)
      .execute()
    found.push(...rows.map(({ email_id, ended_at, action, actor_id }) => ({ at: ended_at ?? 0, action, emailId: email_id, by: actor_id })))
  }
  return found.toSorted((one, other) => other.at - one.at)[0] ?? null
}
