import { randomBytes } from 'node:crypto'
import { type Kysely, type Transaction } from 'kysely'
import { isPostgres } from './engine.ts'
import { type Actor, actorId } from '../model/actor.ts'
import { type EmailId, type LogEntryId, type MailboxId, newId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import { type Facts, factsJson } from './facts.ts'
import { bodyOf, chainHash, detailsHash, leafHash } from './log-format.ts'
import { givePlace } from './places.ts'
import { insertPrepared, prepare } from './prepared.ts'
import type { Database, Row } from './schema.ts'

/** Everything that goes on the record. */
export const logActions = [
  'email.received',
  'email.injected',
  'sandbox.clock_advanced',
  'sandbox.reset',
  'inbox.listed',
  'email.read',
  'email.awaited',
  'email.reported_spam',
  'email.cleared_spam',
  'thread.read',
  'attachment.read',
  'attachment.linked',
  'attachment.text_read',
  'emails.searched',
  'email.raw_read',
  'pending.listed',
  'email.reviewed',
  'pending.read',
  'views.listed',
  'email.drafted',
  'email.submitted',
  'email.blocked',
  'email.held',
  'email.released',
  'email.approved_in_part',
  'email.approved',
  'email.rejected',
  'approval.refused',
  'call.refused',
  'hold.expired',
  'hold.renewed',
  'email.cancelled',
  'email.superseded',
  'canary.placed',
  'canary.rejected',
  'canary.missed',
  'canary.expired',
  'canary.withdrawn',
  'email.approval_undone',
  'email.edited',
  'delivery.attempted',
  'delivery.delivered',
  'delivery.bounced',
  'delivery.deferred',
  'delivery.expired',
  'delivery.refused',
  'delivery.paced',
  'delivery.reported',
  'delivery.cancelled',
  'delivery.cancel_requested',
  'delivery.hurried',
  'sending.stopped',
  'sending.resumed',
  'queue.listed',
  'email.scheduled',
  'email.rescheduled',
  'email.postponed',
  'email.failed',
  'email.complained',
  'alarm.raised',
  'alarm.ended',
  'mailbox.opens_set',
  'mailbox.notices_set',
  'mailbox.settings_read',
  'suppression.added',
  'suppression.removed',
  'suppressions.listed',
  'mailbox.standing_changed',
  'mailbox.standing_lifted',
  'webhook.created',
  'webhook.updated',
  'webhook.deleted',
  'webhook.secret_rotated',
  'webhook.disabled',
  'webhook.tested',
  'webhook.replayed',
  'webhook.read',
  'webhooks.listed',
  'webhook_deliveries.listed',
  'report.received',
  'reports.listed',
  'report.read',
  'service_key.made',
  'service_key.retired',
  'admin_action.requested',
  'admin_action.approved',
  'admin_action.used',
  'admin_action.refused',
  'account.oversight_email_set',
  'operator_session.requested',
  'operator_session.started',
  'operator_session.refused',
  'operator_session.ended',
  'operator_session.read',
  'operator_sessions.listed',
  'person.added',
  'person.role_changed',
  'person.removed',
  'person.recovered',
  'person.code_mailed',
  'person.refused',
  'person.signed_in',
  'person.signed_out',
  'person.notified',
  'person.link_used',
  'person.passkey_added',
  'person.passkey_removed',
  'person.totp_added',
  'person.totp_removed',
  'person.quiet_hours_set',
  'reviewers.turns_set',
  'signup.requested',
  'signup.repeated',
  'signup.refused',
  'signup.confirmed',
  'keys.listed',
  'key.created',
  'key.updated',
  'key.rotated',
  'key.revoked',
  'mailbox.created',
  'mailbox.suspended',
  'mailbox.resumed',
  'mailbox.deleted',
  'mailbox.limited',
  'mailbox.configured',
  'mailbox.mode_lowered',
  'mailbox.oversight_set',
  'mailbox.upgrade_requested',
  'mailbox.upgrade_refused',
  'mailbox.upgraded',
  'policy.read',
  'policy.previewed',
  'policy.set',
  'ladder.read',
  'reviewers.read',
  'reviewers.timed',
  'allowlist.added',
  'allowlist.removed',
  'allowlist.listed',
  'allowance.given',
  'allowance.ended',
  'alias.added',
  'alias.removed',
  'catch_all.set',
  'domain.created',
  'domain.added',
  'domain.checked',
  'domain.deleted',
  'domain.read',
  'domains.listed',
  'dkim.next_made',
  'dkim.activated',
  'dkim.retired',
  'dkim.gone',
  'tls_report.sent',
  'account.created',
  'audit.listed',
  'checkpoint.read',
  'proof.read',
  'receipt.read',
  'mailboxes.listed',
  'tags.read',
  'email.tagged',
  'email.untagged',
  'contact.added',
  'contact.changed',
  'contact.deleted',
  'contacts.listed',
  'issue.reported',
  'account.read',
  'account.changed',
  'usage.read',
  'account.exported',
  'account.deleted',
  'account.removed',
] as const
export type LogAction = (typeof logActions)[number]

/** Those by which somebody was given an answer; their entries have its hash. */
export const readActions = [
  'inbox.listed',
  'email.read',
  'email.awaited',
  'thread.read',
  'attachment.read',
  'attachment.linked',
  'attachment.text_read',
  'emails.searched',
  'email.raw_read',
  'tags.read',
  'contacts.listed',
  'mailboxes.listed',
  'mailbox.settings_read',
  'allowlist.listed',
  'account.read',
  'account.exported',
  'usage.read',
  'audit.listed',
  'pending.listed',
  'email.reviewed',
  'views.listed',
  'queue.listed',
  'suppressions.listed',
  'keys.listed',
  'reports.listed',
  'report.read',
  'domains.listed',
  'domain.read',
  'webhooks.listed',
  'webhook.read',
  'webhook_deliveries.listed',
  'operator_session.read',
  'operator_sessions.listed',
  'policy.read',
  'policy.previewed',
  'ladder.read',
  'reviewers.read',
  'checkpoint.read',
  'proof.read',
  'receipt.read',
] as const satisfies readonly LogAction[]
export type ReadAction = (typeof readActions)[number]

export type NewLogEntry = {
  /** epoch ms */
  at: number
  actor: Actor
  /** null: the appliance's own affair, shown to no tenant */
  tenancy: Tenancy | null
  action: LogAction
  resourceType: string
  resourceId: string
  /** ids, hashes, codes and counts only: it is part of the hashed body and can never be taken back */
  metadata?: Facts
  /** what names people (addresses, subjects, free text): kept beside the body, bound to it by a salted hash, and erasable */
  details?: Facts
  /** The email that it is about comes into sight with it, and is the newest of this mailbox from now on. */
  appearsIn?: MailboxId
}

/** Appends one entry (design promise 5). Call it in the transaction of the thing itself and as its last statement: it locks the
 *  head of the chain until the commit, so that entries have no gap and one order. */
export const appendLog = (tx: Transaction<Database>, entry: NewLogEntry): Promise<void> => appendLogs(tx, [entry])

/** Several, in this order; the same holds. @param known what `headAtOnce` gave, when nothing was appended since */
export async function appendLogs(tx: Transaction<Database>, entries: readonly NewLogEntry[], known: LogHead | null = null): Promise<void> {
  if (entries.length === 0) return
  let head = known ?? (await lockHead(tx))
  for (const entry of entries) {
    const row = entryRow(entry, head)
    head = { ...head, next_seq: row.seq + 1, chain_hash: row.chain_hash }
    // A trigger moves the head of the table along.
    await insertPrepared(tx, 'log_entries', row)
    if (entry.appearsIn !== undefined && entry.tenancy !== null)
      await appear(tx, { ...entry, appearsIn: entry.appearsIn, tenancy: entry.tenancy }, row.seq)
  }
}

const appear = (tx: Transaction<Database>, entry: NewLogEntry & { tenancy: Tenancy; appearsIn: MailboxId }, place: number): Promise<void> =>
  givePlace(tx, {
    email_id: entry.resourceId as EmailId,
    account_id: entry.tenancy.accountId,
    world: entry.tenancy.world,
    mailbox_id: entry.appearsIn,
    place,
    visible_at: entry.at,
  })

/** An entry as readers see it; `details` null when there were none or they were erased. */
export type LogRecord = {
  seq: number
  id: LogEntryId
  /** epoch ms */
  at: number
  action: LogAction
  actorId: string
  resourceType: string
  resourceId: string
  metadata: Facts
  details: Facts | null
  leafHash: string
  chainHash: string
}

/** The tenant's entries, newest first. @param page `before` is an exclusive seq */
export async function listLog(db: Kysely<Database>, tenancy: Tenancy, page: { limit: number; before?: number }): Promise<LogRecord[]> {
  let query = db.selectFrom('log_entries').selectAll().where('account_id', '=', tenancy.accountId).where('world', '=', tenancy.world)
  if (page.before !== undefined) query = query.where('seq', '<', page.before)
  const rows = await query.orderBy('seq', 'desc').limit(page.limit).execute()
  return rows.map(recordOf)
}

/** The tenant's entries in their order. @param page `after` is exclusive, `until` is not */
export async function listLogFrom(
  db: Kysely<Database>,
  tenancy: Tenancy,
  page: { after: number; until: number; limit: number },
): Promise<LogRecord[]> {
  const own = db.selectFrom('log_entries').selectAll().where('account_id', '=', tenancy.accountId).where('world', '=', tenancy.world)
  const rows = await own.where('seq', '>', page.after).where('seq', '<=', page.until).orderBy('seq').limit(page.limit).execute()
  return rows.map(recordOf)
}

/** Takes away what an entry says of people; the entry, its hashes and the proof that it had details stay. */
export const eraseLogDetails = async (tx: Transaction<Database>, seq: number): Promise<void> => {
  await tx.updateTable('log_entries').set({ details_json: null, details_salt: null }).where('seq', '=', seq).execute()
}

export type LogHead = Row<'log_head'>

/** The head of the chain for a transaction that appends later, so that it need not be asked for by itself; null where that would lock it too early. */
export const headAtOnce = async (tx: Transaction<Database>): Promise<LogHead | null> => (isPostgres(tx) ? null : lockHead(tx))

async function lockHead(tx: Transaction<Database>): Promise<LogHead> {
  const [head] = await readHead(tx, { id: 1 })
  if (head === undefined) throw new Error('the log has no head')
  return head
}

// SQLite has one writer, so being in a transaction is the lock.
const readHead = prepare((db, { id }: { id: number }) => {
  const head = db.selectFrom('log_head').selectAll().where('id', '=', id)
  return isPostgres(db) ? head.forUpdate() : head
})

function entryRow(entry: NewLogEntry, head: LogHead): Row<'log_entries'> {
  const salt = entry.details === undefined ? null : randomBytes(16)
  const details = entry.details === undefined ? null : factsJson(entry.details)
  const fields = {
    seq: head.next_seq,
    id: newId('logEntry', entry.at),
    account_id: entry.tenancy?.accountId ?? null,
    world: entry.tenancy?.world ?? null,
    action: entry.action,
    actor_id: actorId(entry.actor),
    resource_type: entry.resourceType,
    resource_id: entry.resourceId,
    created_at: entry.at,
  }
  const body = bodyOf(fields, entry.metadata ?? {}, salt === null || details === null ? null : detailsHash(salt, details))
  const leaf = leafHash(body)
  return {
    ...fields,
    body,
    details_json: details,
    details_salt: salt?.toString('hex') ?? null,
    leaf_hash: leaf,
    chain_hash: chainHash(head.chain_hash, leaf),
  }
}

const recordOf = (row: Row<'log_entries'>): LogRecord => ({
  seq: row.seq,
  id: row.id,
  at: row.created_at,
  action: row.action as LogAction,
  actorId: row.actor_id,
  resourceType: row.resource_type,
  resourceId: row.resource_id,
  metadata: (JSON.parse(row.body) as { metadata: Facts }).metadata,
  details: row.details_json === null ? null : (JSON.parse(row.details_json) as Facts),
  leafHash: row.leaf_hash,
  chainHash: row.chain_hash,
})

// One door for what the log can do; how it checks itself is long enough for files of its own.
export { verifyLog } from './log-verify.ts'
export type { Facts } from './facts.ts'
