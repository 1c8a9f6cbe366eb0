/**
 * What others say of mail that left here, after it had left: bounces that come by mail, and complaints.
 *
 * Anybody can write such a report. It counts only when it names, by a Message-ID that nobody can guess (compose.ts) or by the signed return path that it
 * came to (model/return-path.ts), an email that was sent, and a recipient who was sent it. Then those who wrote the email are told, with words that say it was reported. A delivery keeps the
 * state that its own attempts gave it.
 *
 * A report also keeps further mail from the recipient it names (suppression/), but only where nobody else who got the email could have written it.
 */
import { getDomain } from 'tldts'
import type { SystemActor } from '../model/actor.ts'
import { type Address, addressKey, domainOf } from '../model/address.ts'
import type { Bringer, Complaint, DeliveryReport, DsnRecipient } from '../model/feedback.ts'
import type { MailboxId } from '../model/ids.ts'
import { type Reply, parseReply } from '../model/reply.ts'
import { lower } from '../oversight/lowering/lower.ts'
import type { Tx } from '../store/db.ts'
import { emailFacts, tenancyOf } from '../store/email-record.ts'
import { type EmailRow, noteOfEmail, sentById, sentByMessageId } from '../store/emails.ts'
import { appendEvent } from '../store/events.ts'
import type { Facts, LogAction, NewLogEntry } from '../store/log.ts'
import { listMailboxes, mailboxById } from '../store/mailboxes.ts'
import { type DeliveryRow, deliveriesOf } from '../store/queue.ts'
import type { Verdict } from './classify-meanings.ts'
import { classify } from './classify.ts'
import { type Found, fileNotice } from './notices/notices.ts'
import { noteSending } from './standing/standing.ts'
import { type Evidence, type Suppressed, notSuppressed, suppress, suppressAfterFailure } from './suppression/suppression.ts'

const outbound: SystemActor = { kind: 'system', part: 'outbound' }

/** What is done about what a notification says of a recipient (RFC 3464 §2.3.3); the other actions are no news. */
const events = { failed: 'message.bounced', delayed: 'message.delayed' } as const
type News = keyof typeof events
const isNews = (action: string): action is News => Object.hasOwn(events, action)

/** A notification that some recipients did not get an email of the mailbox it came to. @returns what goes on the record; [] when it is about
 *  nothing of ours */
export async function onDsn(tx: Tx, report: DeliveryReport, bringer: Bringer): Promise<NewLogEntry[]> {
  const sent = await findSent(tx, bringer, report.originalMessageId, [bringer.mailboxId])
  if (sent === null) return []
  const told = new Set<string>()
  const entries: NewLogEntry[] = []
  let { email } = sent
  for (const recipient of report.recipients) {
    const delivery = isNews(recipient.action) ? deliveryTo(sent.deliveries, [recipient.originalRecipient, recipient.finalRecipient]) : null
    if (delivery === null || told.has(delivery.id)) continue
    told.add(delivery.id)
    const meaning = meaningOf(recipient)
    email = await noteBounce(tx, email, meaning.bounceType, bringer.receivedAt)
    const after = await suppressionAfter(tx, sent, delivery, meaning, bringer)
    entries.push(await tell(tx, { email, delivery, recipient, meaning, suppressed: after.suppressed }, bringer), ...after.entries)
    entries.push(...(await standingAfter(tx, email, 'bounced', after, bringer)))
    // What came to a return path is nobody's mail to read.
    if (bringer.about !== null) entries.push(...(await fileNotice(tx, noticed(email, delivery, recipient, meaning, bringer))))
  }
  return entries
}

/** Somebody complained about an email of this account; reports go to one address for all mailboxes. @returns as above */
export async function onComplaint(tx: Tx, complaint: Complaint, bringer: Bringer): Promise<NewLogEntry[]> {
  // RFC 6430: that it is not spam is the contrary of a complaint.
  if (complaint.feedbackType === 'not-spam') return []
  const mailbox = await mailboxById(tx, bringer.mailboxId)
  if (mailbox === undefined) return []
  const all = await listMailboxes(tx, { accountId: mailbox.account_id, world: mailbox.world }, null)
  const sent = await findSent(
    tx,
    bringer,
    complaint.originalMessageId,
    all.map(({ id }) => id),
  )
  if (sent === null || sent.deliveries.length === 0) return []
  const { email } = sent
  const delivery = deliveryTo(sent.deliveries, complaint.originalRecipients)
  const recipient = delivery?.forward_path ?? null
  const after = delivery === null ? notSuppressed : await suppressionOnComplaint(tx, sent, delivery, bringer)
  const { feedbackType, sourceIp } = complaint
  await announce(tx, email, 'message.complained', bringer, {
    recipient,
    feedback_type: feedbackType,
    suppressed: after.suppressed,
    complained_at: bringer.receivedAt,
  })
  return [
    entry(email, 'email.complained', bringer, { feedback_type: feedbackType }, { recipient, source_ip: sourceIp }),
    ...after.entries,
    ...(await standingAfter(tx, email, 'complained', after, bringer)),
    // One email, one step, however many of those who got it complain: each of them could do so in the name of the others.
    ...(await lower(tx, {
      mailboxId: email.mailbox_id,
      cause: 'complaint',
      finding: email.id,
      words: `Somebody who got an email of it called that spam (${email.id}).`,
      now: bringer.receivedAt,
    })),
  ]
}

/** `recipients`: how many it was sent to, whether they have it or not. */
type Sent = { email: EmailRow; deliveries: readonly DeliveryRow[]; recipients: number }

/** The email, with the deliveries whose recipient has it, or may have it: nobody else can have anything to report. */
async function findSent(tx: Tx, { about }: Bringer, messageId: string | null, mailboxIds: readonly MailboxId[]): Promise<Sent | null> {
  const byPath = about === null ? undefined : await sentById(tx, mailboxIds, about)
  const email = byPath ?? (messageId === null ? undefined : await sentByMessageId(tx, mailboxIds, messageId))
  if (email === undefined) return null
  const all = await deliveriesOf(tx, email.id)
  return { email, deliveries: all.filter(hasIt), recipients: all.length }
}

/** Everybody an email went to has seen its Message-ID, and could report it in the name of another: then the recipient's own domain has to be
 *  proved to be behind the report. */
function isTheirs({ recipients }: Sent, delivery: DeliveryRow, { verified, fromDomain }: Bringer): boolean {
  if (recipients === 1) return true
  const organization = getDomain(domainOf(delivery.forward_path as Address))
  return verified && fromDomain !== null && organization !== null && getDomain(fromDomain) === organization
}

const evidenceOf = ({ id, email_id, mailbox_id }: DeliveryRow): Evidence & { deliveryId: DeliveryRow['id'] } => ({
  mailboxId: mailbox_id,
  emailId: email_id,
  deliveryId: id,
})

/** A bounce that came by mail counts as one at SMTP time does, but only when it says no for good. */
function suppressionAfter(
  tx: Tx,
  sent: Sent,
  delivery: DeliveryRow,
  { verdict, bounceType }: Meaning,
  bringer: Bringer,
): Promise<Suppressed> {
  if (bounceType !== 'hard' || !isTheirs(sent, delivery, bringer)) return Promise.resolve(notSuppressed)
  const { forward_path: forwardPath } = delivery
  const tenancy = tenancyOf(sent.email)
  return suppressAfterFailure(tx, {
    tenancy,
    forwardPath,
    verdict,
    evidence: evidenceOf(delivery),
    actor: outbound,
    now: bringer.receivedAt,
  })
}

/** Counted when it is news: what is reported twice happened once. */
const standingAfter = (tx: Tx, email: EmailRow, what: 'bounced' | 'complained', { entries }: Suppressed, { receivedAt }: Bringer) =>
  entries.length === 0 || email.world === 'test' ? Promise.resolve([]) : noteSending(tx, email.mailbox_id, { [what]: 1 }, receivedAt)

/** Who complains does not want to be written to again (RFC 5965), and only a person takes such an address off the list. */
function suppressionOnComplaint(tx: Tx, sent: Sent, delivery: DeliveryRow, bringer: Bringer): Promise<Suppressed> {
  if (!isTheirs(sent, delivery, bringer)) return Promise.resolve(notSuppressed)
  return suppress(tx, {
    tenancy: tenancyOf(sent.email),
    address: delivery.forward_path,
    reason: 'complaint',
    evidence: evidenceOf(delivery),
    actor: outbound,
    expiresAt: null,
    now: bringer.receivedAt,
  })
}

/** Of an attempt that is under way, too: a bounce may be quicker than the reply to us. */
const hasIt = ({ state, attempts, may_be_accepted }: DeliveryRow): boolean =>
  state === 'delivered' || may_be_accepted === 1 || (state === 'queued' && attempts > 0)

/** Whom a report means. An address may be forwarded, or made unreadable: where only one person was written to it is that one. */
function deliveryTo(deliveries: readonly DeliveryRow[], named: readonly (string | null)[]): DeliveryRow | null {
  const keys = new Set(named.flatMap((address) => (address === null ? [] : addressKey(address))))
  const found = deliveries.find((one) => keys.has(addressKey(one.forward_path)))
  return found ?? (deliveries.length === 1 ? (deliveries[0] ?? null) : null)
}

/** Hard weighs more than soft, and the first time counts. @returns the email as it is then */
async function noteBounce(tx: Tx, email: EmailRow, bounceType: Meaning['bounceType'], now: number): Promise<EmailRow> {
  if (bounceType === null) return email
  const change = {
    bounced_at: email.bounced_at ?? now,
    bounce_type: email.bounce_type === 'hard' ? 'hard' : bounceType,
    updated_at: now,
  } as const
  await noteOfEmail(tx, email.id, change)
  return { ...email, ...change }
}

type Reported = { email: EmailRow; delivery: DeliveryRow; recipient: DsnRecipient; meaning: Meaning; suppressed: boolean }

async function tell(tx: Tx, { email, delivery, recipient, meaning, suppressed }: Reported, bringer: Bringer): Promise<NewLogEntry> {
  const action = recipient.action as News
  const { reply, verdict, bounceType } = meaning
  const code = codeOf(reply)
  await announce(tx, email, events[action], bringer, {
    recipient: delivery.forward_path,
    delivery_id: delivery.id,
    bounce_type: bounceType,
    bounce_code: code,
    bounce_class: verdict.class,
    // Words of a stranger: not for the agent while a reviewer has not let the message in that they stand in.
    diagnostic: bringer.isShown ? (recipient.diagnosticCode ?? '').slice(0, maxDiagnostic) : '',
    remedy: bounceType === 'hard' ? verdict.remedy : '',
    suppress: bounceType === 'hard' ? verdict.suppress : 'never',
    suppressed,
    may_be_accepted: delivery.state !== 'delivered',
    attempts: delivery.attempts,
    ...(bounceType !== null && { bounced_at: bringer.receivedAt }),
  })
  const metadata = { email_id: email.id, action, class: verdict.class, code }
  const details = { recipient: delivery.forward_path, remote_mta: recipient.remoteMta, diagnostic: recipient.diagnosticCode }
  return { ...entry(email, 'delivery.reported', bringer, metadata, details), resourceType: 'delivery', resourceId: delivery.id }
}

const maxDiagnostic = 500

const noticed = (email: EmailRow, delivery: DeliveryRow, recipient: DsnRecipient, meaning: Meaning, bringer: Bringer): Found => ({
  email,
  delivery,
  state: recipient.action === 'failed' ? 'bounced' : 'queued',
  outcome: {
    code: codeOf(meaning.reply),
    text: bringer.isShown ? (recipient.diagnosticCode ?? '').slice(0, maxDiagnostic) : '',
    facts: { host: recipient.remoteMta },
    verdict: meaning.verdict,
  },
  now: bringer.receivedAt,
})

type Meaning = { reply: Reply; verdict: Verdict; bounceType: 'hard' | 'soft' | null }

/** As at SMTP time (outcomes.ts): hard is a final no of a kind that stays, soft what was temporary until their time ran out. */
function meaningOf(recipient: DsnRecipient): Meaning {
  const reply = replyOf(recipient)
  const verdict = classify({ stage: 'dot', reply })
  return { reply, verdict, bounceType: recipient.action === 'failed' ? verdict.bounceType : null }
}

/** What their server was told, as far as the report says: its own words, or else the status (RFC 3464 §2.3.4, §2.3.6). */
function replyOf({ action, status, diagnosticCode }: DsnRecipient): Reply {
  const said = parseReply(diagnosticCode ?? '')
  // A notification of failure quotes a failure; 2yz there would be taken for a delivery.
  if (said !== null && said.code >= 400) return { ...said, status: said.status ?? (status as Reply['status']) }
  const isFinal = status === null ? action === 'failed' : status.startsWith('5')
  return { code: isFinal ? 550 : 450, status: status as Reply['status'], text: diagnosticCode ?? '' }
}

const codeOf = ({ code, status }: Reply): string => (status === null ? String(code) : `${code} ${status}`)

type ReportEvent = (typeof events)[News] | 'message.complained'

/** `reported`: nobody told us so while connected, a message did; `report_verified`: DMARC proved who sent it. */
const announce = (tx: Tx, email: EmailRow, type: ReportEvent, bringer: Bringer, data: Facts): Promise<void> =>
  appendEvent(tx, {
    tenancy: tenancyOf(email),
    mailboxId: email.mailbox_id,
    type,
    data: { ...emailFacts(email), ...data, reported: true, report_email_id: bringer.emailId, report_verified: bringer.verified },
    now: bringer.receivedAt,
  })

const entry = (email: EmailRow, action: LogAction, bringer: Bringer, metadata: Facts, details: Facts): NewLogEntry => ({
  at: bringer.receivedAt,
  actor: outbound,
  tenancy: tenancyOf(email),
  action,
  resourceType: 'email',
  resourceId: email.id,
  metadata: { ...metadata, report_email_id: bringer.emailId, verified: bringer.verified },
  details: { ...details, from_domain: bringer.fromDomain },
})
