/** From a checked proposal to a committed submission: composed once, then held or released by the gate, in one transaction. */
import type { KeyActor, SystemActor } from '../model/actor.ts'
import { type Address, domainOf } from '../model/address.ts'
import { contentHash } from '../model/envelope.ts'
import { asksForCounts } from '../model/policy.ts'
import { maxRecipients } from '../model/letter-limits.ts'
import { type Gate, type LifeEvent, type Moved, may, step, unwritten } from '../model/life.ts'
import { type Result, fail, ok } from '../model/result.ts'
import { gateOf, neverSends } from '../oversight/gate.ts'
import { fewestPeople, hold } from '../oversight/holds.ts'
import { textFacts } from '../oversight/policy/text-facts.ts'
import { release } from '../oversight/release.ts'
import { lockReplaced, supersede } from '../oversight/supersede.ts'
import { lookUpTaint } from '../oversight/taint/look-up.ts'
import { attachmentsOf, insertAttachments } from '../store/attachments.ts'
import type { StagedBlob } from '../store/blobs.ts'
import type { Db, Tx } from '../store/db.ts'
import { emailEntry } from '../store/email-record.ts'
import { lifeOf } from '../store/email-life.ts'
import { firstVersionOf } from '../store/email-versions.ts'
import { type EmailRow, emailToChange, findByIdempotencyKey, insertEmail, moveEmail, writingKeys } from '../store/emails.ts'
import { isUniqueViolation } from '../store/errors.ts'
import { type NewLogEntry, appendLogs } from '../store/log.ts'
import { lockForCounting } from '../store/send-caps.ts'
import { mailboxById, mailboxToFile, policyIn } from '../store/mailboxes.ts'
import { insertOpenToken, noticesOpens } from '../store/opens.ts'
import type { Row } from '../store/schema.ts'
import { insertThread, touchThread } from '../store/threads.ts'
import { countForPolicy } from './policy-facts.ts'
import { lowerIfOrdered } from './answered-orders.ts'
import { type Circumstances, type Prepared, areSame, circumstancesOf } from './circumstances.ts'
import { compose, newMessageId } from './compose.ts'
import { withCopies } from './copies.ts'
import { footerText, imitatesFooter, withFooterHtml } from './footer.ts'
import { newOpenToken, openFlag, openImage } from './opens/opens.ts'
import { digestOf, refuseTwice } from './duplicates.ts'
import { type Content, forwardPaths, isSendable, maxMessageBytes, tooLarge } from './content.ts'
import { lookAt } from './look.ts'
import { recordBlocked } from './blocked.ts'
import { whyReadOnly } from './control/pause.ts'
import { noCaps } from './pace/caps.ts'
import { spendOfMonth } from './pace/quota.ts'
import { askToSend } from './pace/spend.ts'
import { type Composed, type Proposal, attachmentRows, composedColumns, draftRow, outgoingMail, saysTheSame } from './proposal.ts'
import type { Render } from './render.ts'
import type { SubmissionDeps, SubmitCode, Submitted } from './submission.ts'
import { atOnce, whenToSend } from './timing.ts'
import { whyNotSend } from './standing/standing.ts'
import { allSuppressed } from './suppression/suppression.ts'
import { mayCarryLink } from './unsubscribe/unsubscribe.ts'

export type HandInDeps = SubmissionDeps & { render: Render }

// Each further try means that somebody changed the mailbox while it was composed.
const mostTries = 4

/** @param draft the row this email has as a draft; null when it is new */
export async function handIn(
  deps: HandInDeps,
  actor: KeyActor,
  proposal: Proposal,
  draft: EmailRow | null,
): Promise<Result<Submitted, SubmitCode>> {
  const prepare = prepareOnce(deps, proposal.content)
  for (let seen = proposal, tries = 0; tries < mostTries; tries += 1) {
    const filed = await tryToHandIn(deps, actor, seen, draft, prepare)
    if (filed !== 'changed') return filed
    seen = { ...seen, mailbox: (await mailboxById(deps.store.db, seen.mailbox.id)) ?? seen.mailbox }
  }
  return fail('UNAVAILABLE', 'Its mailbox is being changed just now.')
}

/** @returns `changed` when it was composed for a mailbox that is another now */
async function tryToHandIn(
  deps: HandInDeps,
  actor: KeyActor,
  proposal: Proposal,
  draft: EmailRow | null,
  prepare: Prepare,
): Promise<Result<Submitted, SubmitCode> | 'changed'> {
  // All of it is asked again inside the transaction; here it saves composing in vain.
  const earlier = await replay(deps.store.db, proposal)
  if (earlier !== null) return earlier
  const now = deps.clock.now()
  const never = neverSends(proposal.mailbox.oversight_mode)
  if (never !== null) return fail(never.code, await whyReadOnly(deps.store.db, proposal.mailbox, never.rule))
  if (wantsTime(proposal.mailbox, proposal)) return noScheduling
  if (draft !== null && !may(draft, 'submit')) return notADraft
  const [whyNot, isForNobody] = await Promise.all([
    whyNotSend(deps.store, proposal.mailbox.id, now),
    allSuppressed(deps.store.db, actor, forwardPaths(proposal.content), now),
  ])
  if (whyNot !== null) return fail('SENDING_DISABLED', `${whyNot}.`)
  // Of several recipients the others get it, and the delivery to this one ends before anybody is dialled (deliver.ts).
  if (isForNobody) return fail('RECIPIENT_SUPPRESSED')

  const prepared = await prepare()
  if (!prepared.ok) return prepared
  const { findings } = prepared.value
  // Before the gate is asked: it is a fact to go by.
  const taint = await lookUpTaint(deps.store.db, actor, proposal.mailbox.id, outgoingMail(proposal), draft)
  if (await lowerIfOrdered(deps, proposal.mailbox, proposal.thread.id, taint)) return 'changed'
  const circumstances = await circumstancesOf(
    deps.store.db,
    proposal.mailbox,
    proposal,
    { ...prepared.value, taint, writers: keysOf(actor, draft) },
    now,
  )
  const { verdict } = circumstances
  if (verdict.outcome === 'refuse') {
    if (verdict.code !== 'READ_ONLY_MAILBOX') await recordBlocked(deps, actor, { proposal, draft, findings, rule: verdict.rule })
    return fail(verdict.code, verdict.rule)
  }
  const made = await composed(deps, proposal, circumstances, prepared.value)
  if (!made.ok) return made
  const blobs = [made.value.raw, ...(draft === null ? await stageAttachments(deps, proposal) : [])]
  const filing = {
    actor,
    proposal,
    digest: digestOf(proposal),
    draft,
    composed: made.value.composed,
    circumstances,
    prepared: prepared.value,
    blobs,
  }
  const attempt = () => deps.store.transaction((tx) => file(tx, deps, filing))
  const filed = await attempt().catch((error: unknown) => {
    // The same idempotency key came twice at once and the other call was first: now its email is there to be found.
    if (isUniqueViolation(error)) return attempt()
    throw error
  })
  if (filed !== 'changed' && filed.ok && !filed.value.replayed) announce(deps, filed.value)
  return filed
}

type Prepare = () => Promise<Result<Prepared, 'MESSAGE_TOO_LARGE' | 'UNAVAILABLE'>>

/** Renders it and has the outgoing checks look at it. */
export async function prepared(deps: HandInDeps, content: Content): ReturnType<Prepare> {
  const html = await deps.render(content.markdown)
  if (!html.ok) return html
  const carried = { ...textFacts(content.subject, content.markdown), hasAttachments: content.attachments.length > 0 }
  return ok({ html: html.value, findings: await lookAt(deps, content, html.value), carried })
}

function prepareOnce(deps: HandInDeps, content: Content): Prepare {
  let once: ReturnType<Prepare> | null = null
  return () => (once ??= prepared(deps, content))
}

type Made = { raw: StagedBlob; composed: Composed }
type ComposeCode = 'UNSUPPORTED_ADDRESS' | 'MESSAGE_TOO_LARGE' | 'TOO_MANY_RECIPIENTS' | 'IMITATES_FOOTER'

/** Composes it, and keeps the bytes ready to be put. */
export async function composed(
  deps: HandInDeps,
  proposal: Proposal,
  { fromName, writer, postalAddress, copies, said }: Circumstances,
  { html, findings }: Prepared,
): Promise<Result<Made, ComposeCode>> {
  const { mailbox, inReplyTo, references } = proposal
  const content = withCopies(proposal.content, copies)
  const paths = forwardPaths(content)
  const from = mailbox.address as Address
  if (!isSendable(from)) return fail('UNSUPPORTED_ADDRESS', 'The address of this mailbox cannot be written in a message.')
  if (paths.length > maxRecipients)
    return fail('TOO_MANY_RECIPIENTS', `At most ${maxRecipients} recipients, with the copies that this mailbox makes of each email.`)
  if (imitatesFooter(content.markdown)) return fail('IMITATES_FOOTER')
  const isNoticing = await noticesOpens(deps.store.db, mailbox.id)
  const messageId = newMessageId(domainOf(from))
  const isOne = { inReplyTo, recipients: forwardPaths(proposal.content).length }
  const unsubscribe = (mayCarryLink(isOne) ? deps.unsubscribeLink?.(proposal.id) : null) ?? null
  const isConversation = inReplyTo !== null
  const facts = { writer, said, publicUrl: deps.publicUrl ?? null, postalAddress: isConversation ? null : postalAddress, unsubscribe }
  const footer = footerText(facts)
  const letter = { from, fromName, content, messageId, inReplyTo, references, unsubscribe, footer }
  const openToken = deps.publicUrl !== undefined && isNoticing ? newOpenToken() : null
  const image = openToken === null || deps.publicUrl === undefined ? '' : openImage(deps.publicUrl, openToken)
  const bytes = await compose(letter, withFooterHtml(html, facts) + image)
  if (bytes.length > maxMessageBytes) return fail('MESSAGE_TOO_LARGE', tooLarge)
  const reversePath = deps.returnPath?.(proposal.id, domainOf(from)) ?? from
  const hash = contentHash(bytes, { reversePath, forwardPaths: paths })
  const raw = await deps.store.blobs.stage(bytes)
  deps.log.debug({ emailId: proposal.id, contentHash: hash }, 'submission.composed')
  const named = { reversePath, messageId, rawHash: raw.hash, rawSize: raw.size, contentHash: hash, openToken }
  return ok({ raw, composed: { ...named, copies, footer, said, findings } })
}

export const stageAttachments = ({ store }: SubmissionDeps, { content }: Proposal): Promise<StagedBlob[]> =>
  Promise.all(content.attachments.map((it) => store.blobs.stage(it.content)))

/** Those that wrote its draft write it too. */
const keysOf = ({ keyId }: KeyActor, draft: EmailRow | null) => [keyId, ...(draft === null ? [] : writingKeys(draft))]

type Filing = {
  actor: KeyActor
  proposal: Proposal
  digest: string
  draft: EmailRow | null
  composed: Composed
  circumstances: Circumstances
  prepared: Prepared
  blobs: readonly StagedBlob[]
}

async function file(tx: Tx, deps: SubmissionDeps, filing: Filing): Promise<Result<Submitted, SubmitCode> | 'changed'> {
  const { actor, proposal, composed, blobs } = filing
  const now = deps.clock.now()
  const earlier = await replay(tx, proposal)
  if (earlier !== null) return earlier
  // The mode as it is now: somebody may have lowered it while we composed (design promise 4).
  const ask = { mailboxId: proposal.mailbox.id, forwardPaths: forwardPaths(proposal.content), caps: deps.caps ?? noCaps, now }
  const counts = asksForCounts(policyIn(proposal.mailbox))
  if (counts) await lockForCounting(tx, ask.mailboxId)
  // In this order: who counts locks the mailbox, and of several that had all locked it to file, none could.
  const spend = await askToSend(tx, ask)
  const mailbox = await mailboxToFile(tx, ask.mailboxId)
  if (mailbox === undefined || mailbox.is_active !== 1) return fail('MAILBOX_NOT_FOUND')
  // Who did not lock it for counting may not count.
  if (asksForCounts(policyIn(mailbox)) && !counts) return 'changed'
  const circumstances = await circumstancesOf(
    tx,
    mailbox,
    proposal,
    { ...filing.prepared, taint: filing.circumstances.taint, writers: keysOf(actor, filing.draft) },
    now,
  )
  const { verdict } = circumstances
  // A refusal that was none before: it is asked again, so that it goes on the record.
  if (verdict.outcome === 'refuse')
    return verdict.code === 'READ_ONLY_MAILBOX' ? fail(verdict.code, await whyReadOnly(tx, mailbox, verdict.rule)) : 'changed'
  // What it says of who looks at it, and whom it goes to, must be so at the moment at which it is filed.
  if (!areSame(circumstances, filing.circumstances)) return 'changed'
  if (wantsTime(mailbox, proposal)) return noScheduling
  if (!spend.ok) return spend
  // Before anything is counted: of two that send one draft, the later is told so and costs nothing.
  const draft = filing.draft === null ? null : await emailToChange(tx, filing.draft.id)
  const next = step(draft ? lifeOf(draft, now) : unwritten, submission(filing, gateOf(verdict, deps.people ?? fewestPeople), now))
  if (draft === undefined || next.kind === 'refused') return notADraft
  const replaced = proposal.replaces === undefined ? null : await lockReplaced(tx, proposal.replaces)
  if (replaced !== null && !replaced.ok) return replaced
  const twice = await refuseTwice(tx, proposal, filing.digest, now)
  if (!twice.ok) return twice
  const month = await spendOfMonth(tx, { tenancy: actor, messages: ask.forwardPaths.length, most: deps.monthly ?? null, now })
  if (!month.ok) {
    await twice.value(tx)
    return month
  }

  for (const blob of blobs) await deps.store.blobs.put(tx, blob, now)
  const email = await fileEmail(tx, filing, next, now)
  if (email === null) return notADraft
  await spend.value(tx)
  // What is sent later counts at its time.
  if (counts && email.status !== 'scheduled')
    await countForPolicy(tx, mailbox.id, { named: ask.forwardPaths, thread: email.thread_id }, now)
  if (composed.openToken) await insertOpenToken(tx, composed.openToken, email.id)
  const entries: NewLogEntry[] = [submittedEntry(email, filing, now)]
  if (replaced !== null) entries.push(await supersede(tx, replaced.value, { by: email.id, actor, now }))
  const { rule } = verdict
  const { contentHash } = composed
  if (email.status === 'scheduled') entries.push(scheduledEntry(email, rule, now))
  if (next.life.hold !== null) {
    const { people } = next.life.hold
    entries.push(await hold(tx, { email, contentHash, rule, people, now, expiresAt: now + deps.holdExpiryMs }))
  }
  if (next.life.release !== null) {
    const grounds = { kind: 'policy', rule } as const
    entries.push(await release(tx, { email, contentHash, grounds, actor: gate, now, giveUpAfterMs: deps.giveUpAfterMs }))
  }
  await appendLogs(tx, entries)
  return ok(submitted(email, false, verdict.rule))
}

const submission = ({ actor, proposal, composed }: Filing, gateSays: Gate, now: number): LifeEvent => ({
  kind: 'submit',
  by: { key: actor.keyId, person: null },
  hash: composed.contentHash,
  gate: gateSays,
  ...whenToSend(proposal.timing ?? atOnce, now),
})

/** Writes the email, or turns its draft into it. @returns null when the draft is none any more */
async function fileEmail(
  tx: Tx,
  { actor, proposal, draft, composed, circumstances }: Filing,
  next: Moved,
  now: number,
): Promise<EmailRow | null> {
  const columns = {
    ...composedColumns(proposal, composed, actor, now),
    taint_json: JSON.stringify(circumstances.taint),
    drafter_id: draft === null || draft.composer_id === actor.keyId ? null : draft.composer_id,
    ...(composed.openToken && { flags_json: JSON.stringify([openFlag]) }),
    sent_at: next.life.release === null ? null : now,
  }
  if (draft !== null) {
    if (!(await moveEmail(tx, draft.id, next, columns))) return null
    await touchThread(tx, draft.thread_id, now)
    return { ...draft, ...columns, status: next.life.status ?? draft.status }
  }
  const row = draftRow(proposal, actor, now)
  const email = { ...row, ...columns, status: next.life.status ?? row.status }
  await fileNew(tx, proposal, email, now)
  return email
}

/** A row that was not there before, with its thread and attachments, whose contents are put already. */
export async function fileNew(tx: Tx, proposal: Proposal, email: EmailRow, now: number): Promise<void> {
  const { thread } = proposal
  // One of the test world may have been taken away meanwhile (sandbox/sandbox.ts): then it begins anew.
  if (thread.isNew || !(await touchThread(tx, thread.id, now))) {
    const { account_id, world, mailbox_id, subject } = email
    await insertThread(tx, { id: thread.id, account_id, world, mailbox_id, subject, created_at: now, last_activity_at: now })
  }
  await insertEmail(tx, email)
  await insertAttachments(tx, attachmentRows(proposal, now))
}

/** What the same idempotency key did before; null when it is new, or there is none. */
async function replay(db: Db, proposal: Proposal): Promise<Result<Submitted, 'IDEMPOTENCY_CONFLICT'> | null> {
  if (proposal.idempotencyKey === null) return null
  const earlier = await findByIdempotencyKey(db, proposal.mailbox.id, proposal.idempotencyKey)
  if (earlier === undefined) return null
  const attachments = await attachmentsOf(db, [earlier.id])
  if (saysTheSame(earlier, attachments, proposal)) return ok(submitted(earlier, true))
  // A reviewer may have changed its words since.
  const first = await firstVersionOf(db, earlier.id)
  if (first !== undefined && saysTheSame({ ...earlier, subject: first.subject, markdown: first.markdown }, attachments, proposal))
    return ok(submitted(earlier, true))
  return fail('IDEMPOTENCY_CONFLICT', 'This idempotency key was used for another email. Use a new key for new content.')
}

function announce({ log, onReleased }: SubmissionDeps, { id, contentHash, status }: Submitted): void {
  log.info({ emailId: id, contentHash }, said[status] ?? 'submission.held')
  if (status === 'sent') onReleased()
}

const said: Partial<Record<EmailRow['status'], string>> = { sent: 'submission.released', scheduled: 'submission.scheduled' }

export const submitted = (email: EmailRow, replayed: boolean, rule: string | null = null): Submitted => ({
  id: email.id,
  threadId: email.thread_id,
  mailboxId: email.mailbox_id,
  status: email.status,
  contentHash: email.content_hash,
  sendAt: email.send_at,
  rule,
  replayed,
})

const wantsTime = ({ scheduling_enabled }: Row<'mailboxes'>, { timing }: Proposal): boolean =>
  scheduling_enabled === 0 && timing !== undefined && timing.sendAt !== null
export const noScheduling = fail('SCHEDULING_DISABLED', 'It can be sent at once.')

const notADraft = fail('NOT_A_DRAFT', 'Only a draft can be sent this way; this email has been submitted or cancelled.')
const gate: SystemActor = { kind: 'system', part: 'oversight' }

const scheduledEntry = (email: EmailRow, rule: string, now: number): NewLogEntry => ({
  ...emailEntry(email, gate, now),
  action: 'email.scheduled',
  metadata: { content_hash: email.content_hash, send_at: email.send_at, gate_timing: email.gate_timing, rule },
})

const submittedEntry = (email: EmailRow, { actor, proposal, draft, composed }: Filing, now: number): NewLogEntry => ({
  ...emailEntry(email, actor, now),
  action: 'email.submitted',
  // A draft has been in sight already.
  ...(draft === null && { appearsIn: email.mailbox_id }),
  metadata: {
    mailbox_id: email.mailbox_id,
    thread_id: email.thread_id,
    message_id: composed.messageId,
    content_hash: composed.contentHash,
    size: composed.rawSize,
    // As caps and quota count it, and from here the usage of the account is summed up (store/usage.ts).
    messages: forwardPaths(proposal.content).length,
    ...(proposal.forwards !== undefined && { forwards: proposal.forwards }),
    ...(proposal.replaces !== undefined && { replaces: proposal.replaces }),
  },
  details: namesIn(withCopies(proposal.content, composed.copies)),
})

/** What an entry of the log says of people. */
export const namesIn = ({ to, cc, bcc, subject }: Content) => ({ to, cc, bcc, subject })
