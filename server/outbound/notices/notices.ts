/**
 * Tells by mail what became of mail: late after four hours, or never to arrive (RFC 3464). For mailboxes that want it, those of people who read
 * mail and no events; agents are told by events in any case.
 *
 * Promises: a notice is filed in the mailbox that sent the mail and goes nowhere else; there is one for each recipient and each thing to tell,
 * whatever crashes, since it is filed in the transaction that found it out; a mail that nobody wants to hear about (it has no reverse-path)
 * brings none, so no notice is about a notice.
 */
import type { SystemActor } from '../../model/actor.ts'
import { type Address, domainOf } from '../../model/address.ts'
import { sha256 } from '../../model/canonical.ts'
import { newId } from '../../model/ids.ts'
import { statusOnArrival } from '../../model/life.ts'
import { insertBlob, readHead } from '../../store/blobs.ts'
import type { Tx } from '../../store/db.ts'
import { emailEntry, emailFacts, tenancyOf } from '../../store/email-record.ts'
import { type EmailRow, copiesIn, emailsByMessageId, insertEmail, notArrived, untouched } from '../../store/emails.ts'
import { appendEvent } from '../../store/events.ts'
import type { NewLogEntry } from '../../store/log.ts'
import { wantsNotices } from '../../store/notices.ts'
import type { DeliveryRow } from '../../store/queue.ts'
import { touchThread } from '../../store/threads.ts'
import { splitMessage } from '../../model/headers.ts'
import type { Outcome } from '../outcome.ts'
import { type DeliveryNotice, composeNotice, noticeText } from './delivery-notice.ts'
import { noticeOf, statusOf } from './when.ts'

const outbound: SystemActor = { kind: 'system', part: 'outbound' }

/** What is to be told. `state`: of the delivery, from now on. */
export type Found = { email: EmailRow; delivery: NoticedDelivery; state: DeliveryRow['state']; outcome: Told; now: number }
type NoticedDelivery = Pick<DeliveryRow, 'id' | 'forward_path' | 'queued_at' | 'give_up_at'>
type Told = Pick<Outcome, 'code' | 'text'> & { facts: Pick<Outcome['facts'], 'host'>; verdict: Pick<Outcome['verdict'], 'class'> }

/** Files the notice that this calls for, if any. @returns what goes on the record, at the end of the transaction */
export async function fileNotice(tx: Tx, found: Found): Promise<NewLogEntry[]> {
  const { email, delivery, now } = found
  const action = noticeOf({ state: found.state, bounceClass: found.outcome.verdict.class, queuedAt: delivery.queued_at, now })
  if (action === null || !mayBeTold(found) || !(await wantsNotices(tx, email.mailbox_id))) return []
  const messageId = `<${action}.${delivery.id.toLowerCase()}@${domainOf(email.from_address as Address)}>`
  if ((await emailsByMessageId(tx, email.mailbox_id, [messageId])).length > 0) return []
  const notice = noticeAbout(found, action, messageId, await headerOf(tx, email))
  return file(tx, email, notice)
}

const daemon = 'mailer-daemon'
const daemonOf = (email: EmailRow): Address => `${daemon}@${domainOf(email.from_address as Address)}` as Address

/** Whoever writes to the writer of notices is not told that nobody is there by another one; and nobody is told who watches. */
const mayBeTold = ({ email, delivery }: Found): boolean =>
  email.direction === 'outbound' &&
  email.reverse_path !== '' &&
  delivery.forward_path.toLowerCase() !== daemonOf(email) &&
  !copiesIn(email).bcc.some((copy) => copy === delivery.forward_path)

const noticeAbout = (
  { email, delivery, outcome, now }: Found,
  action: DeliveryNotice['action'],
  messageId: string,
  header: Buffer,
): DeliveryNotice => ({
  action,
  reportingMta: domainOf(email.from_address as Address),
  from: daemonOf(email),
  to: email.from_address as Address,
  messageId,
  now,
  queuedAt: delivery.queued_at,
  giveUpAt: delivery.give_up_at,
  original: { messageId: email.message_id ?? '<>', header },
  recipients: [
    {
      address: delivery.forward_path as Address,
      status: statusOf(action, outcome.code),
      diagnostic: outcome.text === '' ? null : outcome.text,
      remoteHost: outcome.facts.host,
      lastAttemptAt: now,
    },
  ],
})

const mostOfHeader = 10 * 1024

/** As it was sent; of a large message what its row knows, since it is a file and the transaction should not wait for that. */
async function headerOf(tx: Tx, email: EmailRow): Promise<Buffer> {
  const head = email.raw_hash === null ? null : await readHead(tx, email.raw_hash, mostOfHeader)
  if (head !== null) return splitMessage(head).header
  return Buffer.from(
    `From: ${email.from_address}\r\nSubject: ${email.subject.replaceAll(/[\r\n]/g, ' ')}\r\nMessage-ID: ${email.message_id ?? ''}\r\n`,
  )
}

async function file(tx: Tx, about: EmailRow, notice: DeliveryNotice): Promise<NewLogEntry[]> {
  const { now } = notice
  const bytes = composeNotice(notice)
  const raw = { hash: sha256(bytes), size: bytes.length, bytes }
  await insertBlob(tx, { ...raw, created_at: now })
  const email = emailRow(about, notice, raw)
  await insertEmail(tx, email)
  await touchThread(tx, about.thread_id, now)
  await appendEvent(tx, { tenancy: tenancyOf(email), mailboxId: email.mailbox_id, type: 'message.received', data: emailFacts(email), now })
  const { mailbox_id, thread_id, status } = email
  const metadata = { mailbox_id, thread_id, status, raw_hash: raw.hash, raw_size: raw.size, about: about.id }
  const details = { from: email.from_address, subject: email.subject, recipient: notice.recipients[0]?.address ?? null }
  return [{ ...emailEntry(email, outbound, now), action: 'email.received', appearsIn: email.mailbox_id, metadata, details }]
}

/** Its words are ours but for the remote's reply, which the event has as well: no reviewer has to let it in. */
function emailRow(about: EmailRow, notice: DeliveryNotice, raw: { hash: string; size: number }): EmailRow {
  const { now } = notice
  const { subject, text } = noticeText(notice)
  return {
    id: newId('email', now),
    account_id: about.account_id,
    world: about.world,
    mailbox_id: about.mailbox_id,
    thread_id: about.thread_id,
    direction: 'inbound',
    // Its words are ours, so no reviewer has to let it in.
    status: statusOnArrival({ isLetter: true, isHeld: false, spam: 'clean' }),
    message_id: notice.messageId,
    in_reply_to: about.message_id,
    references_json: JSON.stringify(about.message_id === null ? [] : [about.message_id]),
    subject,
    from_address: notice.from,
    from_name: 'Mail Delivery System',
    reply_to_json: '[]',
    to_json: JSON.stringify([{ address: notice.to }]),
    cc_json: '[]',
    bcc_json: '[]',
    reverse_path: '',
    forward_paths_json: JSON.stringify([notice.to]),
    sent_at: now,
    received_at: now,
    markdown: text,
    extracted: text,
    has_attachments: 0,
    raw_hash: raw.hash,
    raw_size: raw.size,
    content_hash: null,
    flags_json: '[]',
    composer_id: null,
    idempotency_key: null,
    ...notArrived,
    automatic: 'delivery-report',
    ...untouched,
    created_at: now,
    updated_at: now,
  }
}
