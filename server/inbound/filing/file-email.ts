/** Puts one arrived message into one mailbox: the email, its thread and attachments, and a hold when a reviewer is to see it first. */
import { type ThreadClues, ancestorIds, findThreadOf } from '../../mailbox/threading.ts'
import { displaySubject } from '../../mailbox/subject.ts'
import type { SystemActor } from '../../model/actor.ts'
import { type Address, domainOf } from '../../model/address.ts'
import type { Bringer } from '../../model/feedback.ts'
import { type EmailId, type ThreadId, newId } from '../../model/ids.ts'
import { statusOnArrival } from '../../model/life.ts'
import type { Tenancy } from '../../model/world.ts'
import { arrivalVerdict } from '../../oversight/gate.ts'
import { hold } from '../../oversight/holds.ts'
import { insertAttachments } from '../../store/attachments.ts'
import { noteReceived } from '../../store/correspondents.ts'
import type { Tx } from '../../store/db.ts'
import { emailEntry, emailFacts, tenancyOf } from '../../store/email-record.ts'
import { type EmailRow, emailsByMessageId, insertEmail } from '../../store/emails.ts'
import { appendEvent } from '../../store/events.ts'
import type { NewLogEntry } from '../../store/log.ts'
import { mailboxById } from '../../store/mailboxes.ts'
import type { Row } from '../../store/schema.ts'
import { insertThread, touchThread } from '../../store/threads.ts'
import type { HandOn } from './hand-on.ts'
import { type Filed, withLoop } from '../automatic/loops.ts'
import { type AggregateReport, fileReport, ownReports } from '../reports/file-report.ts'
import { type Filing, type Letter, attachmentRows, emailRow } from './email-rows.ts'

const inbound: SystemActor = { kind: 'system', part: 'inbound' }

/** @returns the entries for the log, for the caller to append at the end of its transaction. Throws when the mailbox is gone. */
export async function fileEmail(tx: Tx, handOn: HandOn, letter: Letter, filing: Filing): Promise<NewLogEntry[]> {
  const mailbox = await mailboxById(tx, filing.mailboxId)
  if (mailbox === undefined) throw new Error(`mailbox ${filing.mailboxId} is gone since RCPT TO`)
  const tenancy: Tenancy = { accountId: mailbox.account_id, world: mailbox.world }
  const arrival = arrivalVerdict(mailbox.oversight_mode)
  const isLetter = !isBounce(letter, filing) && !filing.toNobody
  const status = statusOnArrival({ isLetter, isHeld: arrival.outcome === 'hold', spam: filing.verdict.spam })
  const thread = await joinThread(tx, letter, filing, mailbox)
  const own = await ownReports(tx, letter.report, tenancy)
  const automatic = own.length > 0 ? 'aggregate-report' : await withLoop(tx, letter.automatic, filedIn(letter, mailbox, thread))
  const email = emailRow(letter, filing, { tenancy, threadId: thread.id, status, automatic })
  await insertEmail(tx, email)
  await insertAttachments(tx, attachmentRows(letter, filing.emailId))
  if (isLetter) await noteAuthor(tx, letter, filing)
  return [
    receivedEntry(letter, filing, email),
    ...(await announce(tx, letter, email, arrival.rule)),
    ...(await reported(tx, handOn, letter, email, { own, bounceOf: filing.bounceOf, isShown: arrival.outcome !== 'hold' })),
    ...(await unsubscribed(tx, handOn, filing, letter.receivedAt)),
  ]
}

const filedIn = ({ parsed, receivedAt }: Letter, { id, address }: Row<'mailboxes'>, thread: Joined): Filed => ({
  mailboxId: id,
  address,
  threadId: thread.isNew ? null : thread.id,
  messageId: parsed.messageId,
  now: receivedAt,
})

/** A report that came back to an email's own return path is no mail: it is kept for the record, out of the agent's sight, and what it says
 *  becomes of the email it is about. Anything else that comes there, an absence notice say, is a letter. */
const isBounce = ({ report }: Letter, { bounceOf }: Filing): boolean => bounceOf !== null && report?.kind === 'delivery'

/** What was written to an unsubscribe address says one thing, whatever it says. */
async function unsubscribed(tx: Tx, handOn: HandOn, { unsubscribes }: Filing, now: number): Promise<NewLogEntry[]> {
  const entries: NewLogEntry[] = []
  for (const email of unsubscribes) entries.push(...(await handOn.onUnsubscribe(tx, email, now)))
  return entries
}

type Reported = { own: readonly AggregateReport[]; bounceOf: EmailId | null; isShown: boolean }

/** A report that came as quarantined spam says nothing, unless it came where only who got our email could send it. */
async function reported(
  tx: Tx,
  handOn: HandOn,
  letter: Letter,
  email: EmailRow,
  { own, bounceOf, isShown }: Reported,
): Promise<NewLogEntry[]> {
  if (letter.report === null || (email.spam_verdict === 'quarantined' && bounceOf === null)) return []
  const from = letter.parsed.from
  const bringer: Bringer = {
    emailId: email.id,
    mailboxId: email.mailbox_id,
    fromDomain: from === null ? null : domainOf(from.address as Address),
    verified: letter.proven,
    isShown,
    about: bounceOf,
    receivedAt: letter.receivedAt,
  }
  return fileReport(tx, handOn, { report: letter.report, own, tenancy: tenancyOf(email), bringer })
}

/** What was taken for spam makes nobody known here. */
async function noteAuthor(tx: Tx, { parsed, proven, receivedAt }: Letter, { mailboxId, verdict }: Filing): Promise<void> {
  if (parsed.from === null || verdict.spam === 'flagged' || verdict.spam === 'quarantined') return
  await noteReceived(tx, { mailboxId, address: parsed.from.address, verified: proven, now: receivedAt })
}

type Joined = { id: ThreadId; isNew: boolean }

async function joinThread(tx: Tx, letter: Letter, filing: Filing, mailbox: Row<'mailboxes'>): Promise<Joined> {
  const { inReplyTo, references, subject } = letter.parsed
  const clues: ThreadClues = { inReplyTo, references, subject }
  const found = await emailsByMessageId(tx, mailbox.id, ancestorIds(clues))
  // The last of one Message-ID counts, and that is to be the oldest: a later one is a copy, or made to draw the answers to itself.
  const candidates = found.toReversed().map((row) => ({ threadId: row.thread_id, messageId: row.message_id ?? '', subject: row.subject }))
  const joined = findThreadOf(clues, candidates)
  // What is quarantined stays out of sight, so it moves nothing to the top either. A thread of the test world may just have been taken away.
  if (joined !== null && (filing.verdict.spam === 'quarantined' || (await touchThread(tx, joined, letter.receivedAt))))
    return { id: joined, isNew: false }
  const id = newId('thread', letter.receivedAt)
  await insertThread(tx, {
    id,
    account_id: mailbox.account_id,
    world: mailbox.world,
    mailbox_id: mailbox.id,
    subject: displaySubject(subject),
    created_at: letter.receivedAt,
    last_activity_at: letter.receivedAt,
  })
  return { id, isNew: true }
}

/** Told of what reached the agent, or waits for a reviewer; of quarantined mail nobody is told. @returns what goes on the record of it */
async function announce(tx: Tx, letter: Letter, email: EmailRow, rule: string): Promise<NewLogEntry[]> {
  const { receivedAt: now, holdExpiryMs } = letter
  if (email.status === 'spam_quarantined' || email.status === 'cancelled') return []
  if (email.status === 'pending_inbound_approval')
    return [await hold(tx, { email, contentHash: letter.raw.hash, rule, now, expiresAt: now + holdExpiryMs })]
  await appendEvent(tx, { tenancy: tenancyOf(email), mailboxId: email.mailbox_id, type: 'message.received', data: emailFacts(email), now })
  return []
}

function receivedEntry(letter: Letter, { verdict }: Filing, email: EmailRow): NewLogEntry {
  const { spf, dkim, dmarc, arc } = letter.results
  return {
    ...emailEntry(email, inbound, letter.receivedAt),
    action: 'email.received',
    appearsIn: email.mailbox_id,
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
      ...(verdict.spam === null ? {} : { spam_verdict: verdict.spam }),
      spam_score: verdict.score,
      reasons: verdict.reasons.map(({ code }) => code),
    },
    details: { from: email.from_address, subject: email.subject, reverse_path: email.reverse_path },
  }
}
