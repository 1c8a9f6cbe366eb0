/** What a reply takes from the email it answers. Pure. */
import { type Address, addressKey, parseAddress } from '../model/address.ts'
import { type Unanswerable, isUnanswerable } from '../model/automatic.ts'
import type { EmailStatus, HeaderAddress } from '../model/email.ts'
import { maxSubjectLength } from '../model/letter-limits.ts'
import { referencesForReply } from '../model/msg-id.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { EmailRow } from '../store/emails.ts'
import { headerText } from './fields.ts'

export type ReplyHead = { to: Address[]; cc: Address[]; subject: string; inReplyTo: string | null; references: string[] }

export type ReplyTo = { kind: 'sender' } | { kind: 'all'; own: readonly Address[] }

/** Recipients: for mail that arrived its Reply-To, or else its From (RFC 5322 §3.6.2); for mail we sent its To, so that an agent can follow up. To `all`:
 *  also who else got it, in Cc, without the mailbox's own addresses and without anybody twice; never who got it by Bcc. */
export function replyHead(
  parent: EmailRow,
  whom: ReplyTo = { kind: 'sender' },
): Result<ReplyHead, Refusal['code'] | 'INVALID_RECIPIENT' | 'AUTOMATIC_MESSAGE'> {
  const refusal = whyNotAnswer(parent)
  if (refusal !== null) return refusal
  if (isUnanswerable(parent.automatic)) return fail('AUTOMATIC_MESSAGE', whyNot[parent.automatic])
  const { to, cc } = whom.kind === 'all' ? everybody(parent, whom.own) : { to: recipientsOf(parent), cc: [] }
  if (to.length === 0) return fail('INVALID_RECIPIENT', 'The email says no address that an answer could go to.')
  const references = referencesForReply({
    messageId: parent.message_id,
    inReplyTo: parent.in_reply_to,
    references: JSON.parse(parent.references_json) as string[],
  })
  return ok({ to, cc, subject: replySubject(parent.subject), inReplyTo: parent.message_id, references })
}

/** `Re: ` once, however often an answer was answered; control characters, which a stranger may have put there, become spaces. */
export function replySubject(subject: string): string {
  const plain = headerText(subject)
  const marked = /^re\s*(?:\[\d+\])?\s*:/i.test(plain) ? plain : `Re: ${plain}`
  return marked.slice(0, maxSubjectLength).toWellFormed().trim()
}

const named = (json: string): Address[] => (JSON.parse(json) as HeaderAddress[]).flatMap((it) => parseAddress(it.address) ?? [])

/** Who is left in Cc alone is written to. */
function everybody(parent: EmailRow, own: readonly Address[]): { to: Address[]; cc: Address[] } {
  const seen = new Set(own.map(addressKey))
  const others = (list: readonly Address[]): Address[] =>
    list.filter((one) => {
      const key = addressKey(one)
      const isNew = !seen.has(key) && !seen.has(withoutTag(key))
      seen.add(key)
      return isNew
    })
  const to = others(recipientsOf(parent))
  const cc = others([...(parent.direction === 'inbound' ? named(parent.to_json) : []), ...named(parent.cc_json)])
  return to.length > 0 ? { to, cc } : { to: cc, cc: [] }
}

/** `name+anything` is the mailbox's as `name` is. */
const withoutTag = (key: string): string => key.replace(/^([^+@]+)\+.*(@[^@]*)$/, '$1$2')

function recipientsOf(parent: EmailRow): Address[] {
  if (parent.direction === 'outbound') return named(parent.to_json)
  const replyTo = named(parent.reply_to_json)
  const from = parseAddress(parent.from_address)
  return replyTo.length > 0 || from === null ? replyTo : [from]
}

/** Why it is neither answered nor passed on, as far as its state says; null when it may be. */
export const whyNotAnswer = (parent: EmailRow): Refusal | null => refusals[parent.direction][parent.status]

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
