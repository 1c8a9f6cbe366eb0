import { z } from 'zod'
import { automaticKinds } from '../model/automatic.ts'
import { type HeaderAddress, directions, emailStatuses, gateTimings, spamVerdicts } from '../model/email.ts'
import { domainOf, parseAddress } from '../model/address.ts'
import { identityProblems } from '../model/sender-identity.ts'
import {
  type EmailRow,
  authenticationOf,
  copiesIn,
  emailFlags,
  headerAddresses,
  senderIdentityOf,
  verdictReasons,
} from '../store/emails.ts'
import type { ListedEmail } from '../store/listing.ts'
import type { DeliveryRow } from '../store/queue.ts'
import type { Row } from '../store/schema.ts'
import { Outcome, outcomeOf } from './outcome.ts'

/** Emails as callers see them. Names and types are the contract's (§2), without what only old clients need. */

/** Marks text whose words somebody outside chose. Doors keep such fields apart from the rest, and no surface obeys them (design promise 6). */
export const fromOutside = { 'x-untrusted': true }
export const OutsideText = z.string().meta(fromOutside)
const OutsideList = z.array(z.string()).meta(fromOutside)

const Time = z.string().describe('ISO 8601, UTC')
export const isoTime = (at: number): string => new Date(at).toISOString()
export const isoOrNull = (at: number | null): string | null => (at === null ? null : isoTime(at))

export const EmailSummary = z.strictObject({
  id: z.string(),
  mailbox_id: z.string(),
  thread_id: z.string(),
  direction: z.enum(directions),
  status: z.enum(emailStatuses),
  from: OutsideText,
  from_name: z.string().nullable().meta(fromOutside),
  to: OutsideList,
  subject: OutsideText,
  received_at: Time.describe('When this server took it: from the network, or from the agent'),
  has_attachments: z.boolean(),
  sender_verified: z
    .boolean()
    .nullable()
    .describe('Inbound: true when DMARC proved the domain of "from". False means anybody may have written it.'),
  automatic: z
    .enum(automaticKinds)
    .nullable()
    .describe(
      'Inbound: not null means that a program wrote it; do not answer it unless a person asked you to. reply_email refuses most kinds.',
    ),
  spam_score: z.int().nullable().describe('Inbound: what speaks against it, in points; from 5 it is flagged, from 12 quarantined'),
  spam_verdict: z.enum(spamVerdicts).nullable(),
  delivered_at: Time.nullable(),
  bounced_at: Time.nullable(),
  bounce_type: z.enum(['hard', 'soft']).nullable(),
})
export type EmailSummary = z.infer<typeof EmailSummary>

export const summaryOf = (email: ListedEmail): EmailSummary => ({
  id: email.id,
  mailbox_id: email.mailbox_id,
  thread_id: email.thread_id,
  direction: email.direction,
  status: email.status,
  from: email.from_address,
  from_name: email.from_name,
  to: addressesIn(email.to_json),
  subject: email.subject,
  received_at: isoTime(email.received_at),
  has_attachments: email.has_attachments === 1,
  sender_verified: email.direction === 'outbound' ? null : isVerified(email),
  automatic: email.automatic,
  spam_score: email.spam_score,
  spam_verdict: email.spam_verdict,
  delivered_at: isoOrNull(email.delivered_at),
  bounced_at: isoOrNull(email.bounced_at),
  bounce_type: email.bounce_type,
})

/** What DMARC proved is a domain. Programs read a From field in different ways, so it must be that of the address shown here. */
function isVerified(email: ListedEmail): boolean {
  const dmarc = authenticationOf(email)?.dmarc
  const shown = parseAddress(email.from_address)
  return dmarc?.result === 'pass' && shown !== null && dmarc.domain === domainOf(shown)
}

/** The same without the words its sender chose (any number of them fit in a list of addresses): a caller may know that it waits and who
 *  is said to have written, not what it says. */
export const maskedSummaryOf = (email: ListedEmail): EmailSummary => ({ ...summaryOf(email), from_name: null, to: [], subject: '' })

export const AttachmentView = z.strictObject({
  index: z.int().describe('Its place in the message, from 0; names may repeat'),
  name: OutsideText,
  size: z.int().describe('Bytes'),
  content_type: OutsideText,
})
export const attachmentView = (row: Row<'attachments'>): z.infer<typeof AttachmentView> => ({
  index: row.position,
  name: row.name,
  size: row.size,
  content_type: row.content_type,
})

const Domain = z.string().nullable()
// The words of RFC 8601 §2.7.
const AuthenticationView = z.strictObject({
  spf: z.strictObject({ result: z.string(), domain: Domain }),
  dkim: z.array(z.strictObject({ result: z.string(), domain: z.string(), selector: z.string(), aligned: z.boolean() })),
  dmarc: z.strictObject({ result: z.string(), policy: z.string().nullable(), domain: Domain }),
  arc: z.strictObject({ result: z.string() }),
})

function authenticationView(email: EmailRow): z.infer<typeof AuthenticationView> | null {
  const results = authenticationOf(email)
  if (results === null) return null
  const { spf, dkim, dmarc, arc } = results
  return {
    spf: { result: spf.result, domain: spf.domain },
    dkim: dkim.map(({ result, domain, selector, aligned }) => ({ result, domain, selector, aligned })),
    dmarc: { result: dmarc.result, policy: dmarc.policy, domain: dmarc.domain },
    arc: { result: arc.result },
  }
}

const ClaimsView = z.strictObject({
  ai_generated: z.boolean().nullable(),
  capabilities: OutsideList,
  created_at: z.string().nullable().meta(fromOutside),
  operator: z.string().nullable().meta(fromOutside),
  oversight: z.string().nullable().meta(fromOutside),
  reputation_hash: z.string().nullable().meta(fromOutside),
  verified_operator: z.boolean().nullable(),
})
const SenderIdentityView = z.strictObject({
  present: z.literal(true),
  valid: z.boolean().describe('The key of the issuer signed the claims, for this very message and its author, whom DMARC proved'),
  problem: z.enum(identityProblems).nullable(),
  issuer: z.string().nullable().describe('Who answers for the claims, and for nothing else: anybody can run one'),
  claims: ClaimsView.nullable().describe('What the issuer says of who wrote it; null unless valid'),
})

function senderIdentityView(email: EmailRow): z.infer<typeof SenderIdentityView> | null {
  const identity = senderIdentityOf(email)
  if (identity === null) return null
  const { valid, problem, issuer, claims } = identity
  return { present: true, valid, problem, issuer, claims: claims && { ...claims, capabilities: [...claims.capabilities] } }
}

/** What callers wrote on it themselves. */
export const Tags = z.record(z.string(), z.string())
export type Tags = z.infer<typeof Tags>

const ReasonView = z.strictObject({
  code: z.string(),
  points: z.number().describe('Below 0 it speaks for the email; 0 is a fact worth knowing'),
  words: z.string(),
  detail: z.string().nullable().meta(fromOutside).describe('What exactly was found, for keys with oversight or admin scope only'),
})

/** What only who decides, or runs the place, may read of it: an agent that reads hidden text does what its sender hid it for. */
export const JudgedEmail = {
  reasons: z.array(ReasonView).describe('Inbound: why it was judged as it was'),
  hidden_characters: z.int().nullable().describe('Inbound: how much of its text a person would not see; the text shown here leaves it out'),
  hidden_text: z.string().nullable().meta(fromOutside).describe('The beginning of that, for keys with oversight or admin scope only'),
}
type JudgedEmail = z.infer<z.ZodObject<typeof JudgedEmail>>

export const judgedView = (email: EmailRow, { seesHidden }: { seesHidden: boolean }): JudgedEmail => ({
  // A detail may quote what was hidden.
  reasons: verdictReasons(email).map(({ code, points, words, detail }) => ({ code, points, words, detail: seesHidden ? detail : null })),
  hidden_characters: email.hidden_characters,
  hidden_text: seesHidden ? email.hidden_text : null,
})

const DeliveryView = z.strictObject({
  recipient: z.string(),
  state: z.enum(['queued', 'delivered', 'bounced', 'expired', 'cancelled']),
  attempts: z.int(),
  next_attempt_at: Time.nullable(),
  settled_at: Time.nullable(),
  bounce_class: z.string().nullable(),
  may_be_accepted: z
    .boolean()
    .describe('True when a connection broke after the message was sent: the remote server may have it although it never said so'),
  last_reply: z.string().nullable().meta(fromOutside).describe('What the remote mail server said last, with its SMTP code'),
})

const deliveryView = (row: DeliveryRow): z.infer<typeof DeliveryView> => ({
  recipient: row.forward_path,
  state: row.state,
  attempts: row.attempts,
  next_attempt_at: row.state === 'queued' ? isoTime(row.next_attempt_at) : null,
  settled_at: isoOrNull(row.settled_at),
  bounce_class: row.bounce_class,
  may_be_accepted: row.may_be_accepted === 1,
  last_reply: row.last_reply,
})

export const EmailDetail = EmailSummary.extend({
  cc: OutsideList,
  bcc: z
    .array(z.string())
    .describe('Outbound only. Hidden copies that the mailbox makes are shown to keys with oversight or admin scope only'),
  reply_to: OutsideList,
  sent_at: Time.nullable().describe('The Date its sender wrote'),
  markdown: OutsideText.describe('The whole text as Markdown, quoted history included'),
  extracted: OutsideText.describe('Only what is new in it, without quoted history and signature'),
  attachments: z.array(AttachmentView),
  authentication: AuthenticationView.nullable().describe('Inbound: what this server verified on arrival (RFC 8601)'),
  sender_identity: SenderIdentityView.nullable().describe(
    'Inbound: what X-MultiMail-Identity came to, which other installations put on their mail. Null: there is none, which says nothing.',
  ),
  flags: z.array(z.string()).describe('What was odd about the message, as short codes'),
  ...JudgedEmail,
  send_at: Time.nullable().describe('Outbound: not before this time; null: as soon as it may'),
  gate_timing: z.enum(gateTimings).nullable().describe('With send_at, in a gated mailbox: a person is asked at once, or at that time'),
  delayed_until: Time.nullable().describe('Outbound, scheduled: at its time its mailbox might send no more, so it waits for this one'),
  undo_until: Time.nullable().describe(
    'Outbound, approved: it does not leave before, because until then a reviewer can take the approval back',
  ),
  internet_message_id: z.string().nullable().meta(fromOutside).describe('The Message-ID header'),
  in_reply_to: z.string().nullable().meta(fromOutside),
  held_until: Time.nullable().describe('While it waits for a person: until when. Undecided by then, it expires'),
  approved_at: Time.nullable(),
  approved_by: z.string().nullable(),
  rejection_reason: z.string().nullable().describe('What the reviewer said when refusing it'),
  outcome: Outcome.nullable().describe('How its waiting for a decision ended; null: it waits, or never had to'),
  replaces: z.string().nullable().describe('Outbound: the email of which it is another version'),
  tags: Tags.describe('What was written on it with set_tags'),
  deliveries: z.array(DeliveryView).describe('Outbound, once released: one per recipient'),
})
export type EmailDetail = z.infer<typeof EmailDetail>

/** @param more.heldUntil epoch ms; null: it waits for nobody. @param more.seesHidden whether the caller may read what the sender hid, and see hidden copies that the mailbox makes */
export const detailOf = (
  email: EmailRow,
  more: {
    attachments: readonly Row<'attachments'>[]
    deliveries: readonly DeliveryRow[]
    tags: Tags
    heldUntil: number | null
    seesHidden: boolean
  },
): EmailDetail => ({
  ...summaryOf(email),
  cc: addressesIn(email.cc_json),
  bcc: email.direction === 'outbound' ? addressesIn(email.bcc_json).filter((address) => isShown(email, address, more)) : [],
  reply_to: addressesIn(email.reply_to_json),
  sent_at: isoOrNull(email.sent_at),
  markdown: email.markdown,
  extracted: email.extracted,
  attachments: more.attachments.map(attachmentView),
  authentication: authenticationView(email),
  sender_identity: senderIdentityView(email),
  flags: emailFlags(email),
  ...judgedView(email, more),
  send_at: isoOrNull(email.send_at),
  gate_timing: email.gate_timing,
  delayed_until: isDelayed(email) ? isoOrNull(email.due_at) : null,
  undo_until: email.status === 'scheduled' ? isoOrNull(email.undo_until) : null,
  internet_message_id: email.message_id,
  in_reply_to: email.in_reply_to,
  held_until: isoOrNull(more.heldUntil),
  approved_at: isoOrNull(email.approved_at),
  approved_by: email.approved_by,
  rejection_reason: email.rejection_reason,
  outcome: outcomeOf(email),
  replaces: email.replaces_id,
  tags: more.tags,
  deliveries: more.deliveries.filter((row) => isShown(email, row.forward_path, more)).map(deliveryView),
})

const isDelayed = ({ status, due_at, send_at, undo_until }: EmailRow): boolean =>
  status === 'scheduled' && due_at !== send_at && due_at !== undo_until

/** An agent is not told who watches it. */
export const isShown = (email: EmailRow, recipient: string, { seesHidden }: { seesHidden: boolean }): boolean =>
  seesHidden || !copiesIn(email).bcc.some((copy) => copy === recipient)

export const addressesIn = (json: string): string[] => headerAddresses(json).map((one: HeaderAddress) => one.address)
