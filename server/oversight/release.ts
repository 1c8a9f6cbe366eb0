/**
 * The only place that lets mail leave (design promise 2). A release names one content hash and says why: a rule of the gate, or a decision.
 * Without the release row made here there is no delivery row, and the deliverer sends nothing that no release names.
 */
import type { Actor } from '../model/actor.ts'
import { domainOf } from '../model/address.ts'
import type { ContentHash } from '../model/envelope.ts'
import { type DecisionId, type ReleaseId, newId } from '../model/ids.ts'
import { mailDate } from '../model/mail-date.ts'
import { noteSent } from '../store/correspondents.ts'
import type { Tx } from '../store/db.ts'
import { emailEntry, emailFacts, tenancyOf } from '../store/email-record.ts'
import { type EmailRow, envelopeOf } from '../store/emails.ts'
import { appendEvent } from '../store/events.ts'
import type { NewLogEntry } from '../store/log.ts'
import { insertDeliveries } from '../store/queue.ts'
import { insertRelease } from '../store/releases.ts'
import type { NewRow } from '../store/schema.ts'

export type Grounds = { kind: 'policy'; rule: string } | { kind: 'approval'; decisionId: DecisionId }

export type ReleaseOrder = {
  /** as it stands after this transaction: status `sent` */
  email: EmailRow
  contentHash: ContentHash
  grounds: Grounds
  actor: Actor
  /** epoch ms */
  now: number
  /** how long each delivery is tried, unless the email says otherwise */
  giveUpAfterMs: number
}

/** Writes the release, one delivery per recipient, whom the mailbox has now written to, and the `message.sent` event. @returns the entry to append to the log at the end of the transaction. */
export async function release(tx: Tx, order: ReleaseOrder): Promise<NewLogEntry> {
  const { email, contentHash, grounds, now } = order
  const id = newId('release', now)
  await insertRelease(tx, {
    id,
    email_id: email.id,
    content_hash: contentHash,
    kind: grounds.kind,
    decision_id: grounds.kind === 'approval' ? grounds.decisionId : null,
    rule: grounds.kind === 'policy' ? grounds.rule : null,
    prepended: releaseFields(now),
    created_at: now,
  })
  await insertDeliveries(tx, deliveriesFor(order, id))
  await noteSent(tx, { mailboxId: email.mailbox_id, addresses: envelopeOf(email).forwardPaths, now })
  await appendEvent(tx, { tenancy: tenancyOf(email), mailboxId: email.mailbox_id, type: 'message.sent', data: emailFacts(email), now })
  const metadata = { release_id: id, content_hash: contentHash, ...metadataOf(grounds) }
  return { ...emailEntry(email, order.actor, now), action: 'email.released', metadata }
}

/** The fixed, listed set of fields that a release puts in front of the approved bytes: Date, the time it was let go (RFC 5322 §3.6.1).
 *  Ends with CRLF. @param now epoch ms */
const releaseFields = (now: number): string => `Date: ${mailDate(now)}\r\n`

const metadataOf = (grounds: Grounds) =>
  grounds.kind === 'policy' ? { kind: grounds.kind, rule: grounds.rule } : { kind: grounds.kind, decision_id: grounds.decisionId }

const deliveriesFor = ({ email, now, giveUpAfterMs }: ReleaseOrder, releaseId: ReleaseId): NewRow<'deliveries'>[] =>
  envelopeOf(email).forwardPaths.map((path) => ({
    id: newId('delivery', now),
    account_id: email.account_id,
    world: email.world,
    mailbox_id: email.mailbox_id,
    email_id: email.id,
    release_id: releaseId,
    forward_path: path,
    domain: domainOf(path),
    state: 'queued',
    attempts: 0,
    next_attempt_at: now,
    leased_until: null,
    lease: null,
    last_reply: null,
    last_host: null,
    bounce_class: null,
    may_be_accepted: 0,
    queued_at: now,
    priority: email.priority,
    give_up_at: now + (email.give_up_after_ms ?? giveUpAfterMs),
    cancel_requested_at: null,
    cancel_requested_by: null,
    settled_at: null,
  }))
