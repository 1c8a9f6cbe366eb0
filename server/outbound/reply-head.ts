/** What a reply takes from the email it answers. Pure. */
import { type Address, parseAddress } from '../model/address.ts'
import { type Unanswerable, isUnanswerable } from '../model/automatic.ts'
import type { EmailStatus, HeaderAddress } from '../model/email.ts'
import { maxSubjectLength } from '../model/letter-limits.ts'
import { referencesForReply } from '../model/msg-id.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { EmailRow } from '../store/emails.ts'
import { headerText } from './fields.ts'

export type ReplyHead = { to: Address[]; subject: string; inReplyTo: string | null; references: string[] }

/** Recipients: for mail that arrived its Reply-To, or else its From (RFC 5322 §3.6.2); for mail we sent its To, so that an agent can follow up. */
export function replyHead(parent: EmailRow): Result<ReplyHead, Refusal['code'] | 'INVALID_RECIPIENT' | 'AUTOMATIC_MESSAGE'> {
  const refusal = refusals[parent.direction][parent.status]
  if (refusal !== null) return refusal
  if (isUnanswerable(parent.automatic)) return fail('AUTOMATIC_MESSAGE', whyNot[parent.automatic])
  const to = recipientsOf(parent)
  if (to.length === 0) return fail('INVALID_RECIPIENT', 'The email says no address that an answer could go to.')
  const references = referencesForReply({
    messageId: parent.message_id,
    inReplyTo: parent.in_reply_to,
    references: JSON.parse(parent.references_json) as string[],
  })
  return ok({ to, subject: replySubject(parent.subject), inReplyTo: parent.message_id, references })
}

/** `Re: ` once, however often an answer was answered; control characters, which a stranger may have put there, become spaces. */
export function replySubject(subject: string): string {
  const plain = headerText(subject)
  const marked = /^re\s*(?:\[\d+\])?\s*:/i.test(plain) ? plain : `Re: ${plain}`
  return marked.slice(0, maxSubjectLength).toWellFormed().trim()
}

function recipientsOf(parent: EmailRow): Address[] {
  const named = (json: string): Address[] => (JSON.parse(json) as HeaderAddress[]).flatMap((it) => parseAddress(it.address) ?? [])
  if (parent.direction === 'outbound') return named(parent.to_json)
  const replyTo = named(parent.reply_to_json)
  const from = parseAddress(parent.from_address)
  return replyTo.length > 0 || from === null ? replyTo : [from]
}

type Refusal = ReturnType<typeof fail<'NOT_REPLIABLE' | 'EMAIL_NOT_FOUND'>>
// What a reviewer has not let in, or turned away, does not exist for an agent (contract §14 A20).
const hidden: Refusal = fail('EMAIL_NOT_FOUND')
const unsent: Refusal = fail('NOT_REPLIABLE', 'This email has not been sent, so nobody has got what you would refer to.')
const quarantined: Refusal = fail('NOT_REPLIABLE', 'This email is in quarantine as spam.')
const notOfThisDirection: Refusal = fail('NOT_REPLIABLE')

/** Answers to programs go nowhere, or round in circles (RFC 3834 §2). */
const whyNot: Record<Unanswerable, string> = {
  reply: 'It is an automatic answer.',
  'delivery-report': 'It says what became of an email that was sent.',
  complaint: 'It is a report that somebody complained.',
  'aggregate-report': 'It is a report of one mail system to another.',
  loop: 'It is a message of yours that came back, or this conversation has turned too often within the hour.',
}

const refusals: Record<'inbound' | 'outbound', Record<EmailStatus, Refusal | null>> = {
  inbound: {
    unread: null,
    read: null,
    spam_flagged: null,
    spam_quarantined: quarantined,
    pending_inbound_approval: hidden,
    rejected: hidden,
    expired: hidden,
    cancelled: hidden,
    draft: notOfThisDirection,
    pending_send_approval: notOfThisDirection,
    scheduled: notOfThisDirection,
    sent: notOfThisDirection,
    send_failed: notOfThisDirection,
  },
  outbound: {
    sent: null,
    draft: unsent,
    pending_send_approval: unsent,
    scheduled: unsent,
    rejected: unsent,
    expired: unsent,
    cancelled: unsent,
    send_failed: unsent,
    unread: notOfThisDirection,
    read: notOfThisDirection,
    spam_flagged: notOfThisDirection,
    spam_quarantined: notOfThisDirection,
    pending_inbound_approval: notOfThisDirection,
  },
}
