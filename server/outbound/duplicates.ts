/**
 * The same mail twice within a minute is a program that repeats itself, not somebody who has something to say twice (contract §1.4). Who means it
 * waits, or gives an idempotency key of its own; what was taken back or turned down may be said again at once.
 */
import { canonicalJson, sha256 } from '../model/canonical.ts'
import type { EmailStatus } from '../model/email.ts'
import type { EmailId } from '../model/ids.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Db, Tx } from '../store/db.ts'
import { forgetSubmission, noteSubmission, sweepSubmissions } from '../store/recent-submissions.ts'
import type { Proposal } from './proposal.ts'

const guardMs = 60_000
const takenBack: readonly EmailStatus[] = ['cancelled', 'rejected', 'expired']

/** Notes the proposal as handed in. @param digest of it. @returns how to take the note back, for when it is refused after all */
export async function refuseTwice(
  tx: Tx,
  proposal: Proposal,
  digest: string,
  now: number,
): Promise<Result<(tx: Tx) => Promise<void>, 'DUPLICATE_EMAIL'>> {
  const submission = { mailboxId: proposal.mailbox.id, digest, emailId: proposal.id, at: now }
  const first = await noteSubmission(tx, submission, proposal.idempotencyKey === null ? { since: now - guardMs, takenBack } : null)
  return first === null ? ok((later) => forgetSubmission(later, submission)) : duplicateOf(first)
}

const duplicateOf = (first: EmailId) => fail('DUPLICATE_EMAIL', `It is ${first}.`)

/** Of what it says and to whom; the order of recipients says nothing. Attachments may be many megabytes, so not to be made inside a transaction. */
export const digestOf = ({ content, thread, inReplyTo, timing }: Proposal): string =>
  sha256(
    canonicalJson({
      to: content.to.toSorted(),
      cc: content.cc.toSorted(),
      bcc: content.bcc.toSorted(),
      subject: content.subject.toWellFormed(),
      markdown: content.markdown.toWellFormed(),
      attachments: content.attachments.map((one) => [one.name.toWellFormed(), one.contentType, sha256(one.content)]),
      thread: thread.isNew ? null : thread.id,
      in_reply_to: inReplyTo?.toWellFormed() ?? null,
      send_at: timing?.sendAt ?? null,
    }),
  )

/** Forgets what is long enough ago. */
export const forgettingDuplicates = (db: Db) => ({
  name: 'recent-submissions',
  schedule: '*/10 * * * *',
  work: (now: number): Promise<void> => sweepSubmissions(db, now - guardMs),
})
