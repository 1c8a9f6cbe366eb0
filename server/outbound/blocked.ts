/** What stays of an email that was refused for what it would carry out: an event, and an entry of the log. */
import type { Actor } from '../model/actor.ts'
import type { Finding } from '../model/finding.ts'
import { kindsOf } from '../oversight/checks/check.ts'
import type { EmailRow } from '../store/emails.ts'
import { appendEvent } from '../store/events.ts'
import { appendLog } from '../store/log.ts'
import { theSubject } from './look.ts'
import type { Proposal } from './proposal.ts'
import type { SubmissionDeps } from './submission.ts'

/** @param blocked.draft that which was to be sent or changed, and stays as it was; null: it was new, and nothing of it is kept */
export async function recordBlocked(
  { store, clock, log }: SubmissionDeps,
  actor: Actor,
  { proposal, draft, findings, rule }: { proposal: Proposal; draft: EmailRow | null; findings: readonly Finding[]; rule: string },
): Promise<void> {
  const now = clock.now()
  const { mailbox, thread, content } = proposal
  const tenancy = { accountId: mailbox.account_id, world: mailbox.world }
  const facts = { mailbox_id: mailbox.id, email_id: draft?.id ?? null, rule, findings: kindsOf(findings) }
  await store.transaction(async (tx) => {
    await appendEvent(tx, { tenancy, mailboxId: mailbox.id, type: 'oversight.blocked', data: facts, now })
    // What was there before is what it is about.
    const resource = draft === null ? { resourceType: 'mailbox', resourceId: mailbox.id } : { resourceType: 'email', resourceId: draft.id }
    const about = { at: now, actor, tenancy, ...resource }
    const { to, cc, bcc } = content
    // What was found is kept masked, so the subject that it stands in is not kept.
    const said = findings.some(({ where }) => where.startsWith(theSubject)) ? {} : { subject: content.subject }
    await appendLog(tx, {
      ...about,
      action: 'email.blocked',
      metadata: { ...facts, ...(!thread.isNew && { thread_id: thread.id }) },
      details: { to, cc, bcc, ...said, findings },
    })
  })
  log.info({ mailboxId: mailbox.id, findings: facts.findings }, 'submission.blocked')
}
