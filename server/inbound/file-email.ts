/** Puts one arrived message into one mailbox: the email, its thread and attachments, and a hold when a reviewer is to see it first. */
import { type ThreadClues, ancestorIds, findThreadOf } from '../mailbox/threading.ts'
import { displaySubject } from '../mailbox/subject.ts'
import type { SystemActor } from '../model/actor.ts'
import type { EmailStatus } from '../model/email.ts'
import { type ThreadId, newId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import { type ArrivalVerdict, arrivalVerdict } from '../oversight/gate.ts'
import { insertAttachments } from '../store/attachments.ts'
import type { Tx } from '../store/db.ts'
import { emailsByMessageId, insertEmail } from '../store/emails.ts'
import { appendEvent } from '../store/events.ts'
import { insertHold } from '../store/holds.ts'
import type { NewLogEntry } from '../store/log.ts'
import { mailboxById } from '../store/mailboxes.ts'
import type { NewRow, Row } from '../store/schema.ts'
import { insertThread, touchThread } from '../store/threads.ts'
import { type Filing, type Letter, attachmentRows, emailRow } from './email-rows.ts'

const inbound: SystemActor = { kind: 'system', part: 'inbound' }

/** @returns the entries for the log, for the caller to append at the end of its transaction. Throws when the mailbox is gone. */
export async function fileEmail(tx: Tx, letter: Letter, filing: Filing): Promise<NewLogEntry[]> {
  const mailbox = await mailboxById(tx, filing.mailboxId)
  if (mailbox === undefined) throw new Error(`mailbox ${filing.mailboxId} is gone since RCPT TO`)
  const tenancy: Tenancy = { accountId: mailbox.account_id, world: mailbox.world }
  const arrival = arrivalVerdict(mailbox.oversight_mode)
  const status = statusOf(letter.verdict, arrival)
  const threadId = await joinThread(tx, letter, mailbox, tenancy)
  const email = emailRow(letter, filing, { tenancy, threadId, status })
  await insertEmail(tx, email)
  await insertAttachments(tx, attachmentRows(letter, filing.emailId))
  if (status === 'pending_inbound_approval') await hold(tx, letter, filing, tenancy, arrival.rule)
  await announce(tx, tenancy, email)
  return logEntries(letter, email, tenancy, arrival)
}

/** What is quarantined reaches nobody, so no reviewer has to see it; all else in a gated mailbox waits for one. */
function statusOf(verdict: Letter['verdict'], arrival: ArrivalVerdict): EmailStatus {
  if (verdict.spam === 'quarantined') return 'spam_quarantined'
  if (arrival.outcome === 'hold') return 'pending_inbound_approval'
  return verdict.spam === 'flagged' ? 'spam_flagged' : 'unread'
}

async function joinThread(tx: Tx, letter: Letter, mailbox: Row<'mailboxes'>, tenancy: Tenancy): Promise<ThreadId> {
  const { inReplyTo, references, subject } = letter.parsed
  const clues: ThreadClues = { inReplyTo, references, subject }
  const found = await emailsByMessageId(tx, mailbox.id, ancestorIds(clues))
  const candidates = found.toReversed().map((row) => ({ threadId: row.thread_id, messageId: row.message_id ?? '', subject: row.subject }))
  const joined = findThreadOf(clues, candidates)
  if (joined !== null) {
    // What is quarantined stays out of sight, so it moves nothing to the top either.
    if (letter.verdict.spam !== 'quarantined') await touchThread(tx, joined, letter.receivedAt)
    return joined
  }
  const id = newId('thread', letter.receivedAt)
  await insertThread(tx, {
    id,
    account_id: tenancy.accountId,
    world: tenancy.world,
    mailbox_id: mailbox.id,
    subject: displaySubject(subject),
    created_at: letter.receivedAt,
    last_activity_at: letter.receivedAt,
  })
  return id
}

async function hold(tx: Tx, letter: Letter, filing: Filing, tenancy: Tenancy, reason: string): Promise<void> {
  await insertHold(tx, {
    id: newId('hold', letter.receivedAt),
    account_id: tenancy.accountId,
    world: tenancy.world,
    mailbox_id: filing.mailboxId,
    email_id: filing.emailId,
    direction: 'inbound',
    content_hash: letter.raw.hash,
    reason,
    state: 'open',
    created_at: letter.receivedAt,
    expires_at: letter.receivedAt + letter.holdExpiryMs,
    ended_at: null,
  })
}

/** Told of what reached the agent, or waits for a reviewer; of quarantined mail nobody is told (contract §10.1). */
async function announce(tx: Tx, tenancy: Tenancy, email: NewRow<'emails'>): Promise<void> {
  if (email.status === 'spam_quarantined') return
  await appendEvent(tx, {
    tenancy,
    mailboxId: email.mailbox_id,
    type: email.status === 'pending_inbound_approval' ? 'oversight.pending' : 'message.received',
    now: email.received_at,
    data: {
      email_id: email.id,
      thread_id: email.thread_id,
      mailbox_id: email.mailbox_id,
      from: email.from_address,
      to: (JSON.parse(email.to_json) as { address: string }[]).map(({ address }) => address),
      subject: email.subject,
      direction: 'inbound',
      status: email.status,
      has_attachments: email.has_attachments === 1,
    },
  })
}

function logEntries(letter: Letter, email: NewRow<'emails'>, tenancy: Tenancy, arrival: ArrivalVerdict): NewLogEntry[] {
  const { spf, dkim, dmarc, arc } = letter.results
  const about = { at: letter.receivedAt, actor: inbound, tenancy, resourceType: 'email', resourceId: email.id }
  const received: NewLogEntry = {
    ...about,
    action: 'email.received',
    metadata: {
      mailbox_id: email.mailbox_id,
      thread_id: email.thread_id,
      status: email.status,
      raw_hash: letter.raw.hash,
      raw_size: letter.raw.size,
      attachments: letter.attachmentBlobs.map(({ hash }) => hash),
      flags: [...letter.flags],
      spf: spf.result,
      dkim: dkim.map(({ result }) => result),
      dmarc: dmarc.result,
      arc: arc.result,
      ...(letter.verdict.kind === 'junk' ? { spam_verdict: letter.verdict.spam, spam_reason: letter.verdict.reason } : {}),
    },
    details: { from: email.from_address, subject: email.subject, reverse_path: email.reverse_path },
  }
  if (email.status !== 'pending_inbound_approval') return [received]
  return [received, { ...about, action: 'email.held', metadata: { content_hash: letter.raw.hash, reason: arrival.rule } }]
}
