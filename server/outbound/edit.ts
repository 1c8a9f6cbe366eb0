/**
 * Changes an email that waits for its time: when it leaves, or what it says and to whom.
 *
 * Promises: what changes what is sent composes it anew, under a new hash, so no approval of the old one holds (design promise 2); and what a reviewer has
 * approved is not changed at all. Of an edit and a release at one moment one comes first: the other sees what it did. Of two edits none is lost.
 */
import type { KeyActor } from '../model/actor.ts'
import { type Address, addressKey } from '../model/address.ts'
import { may, step } from '../model/life.ts'
import { type Result, fail, ok } from '../model/result.ts'
import { neverSends } from '../oversight/gate.ts'
import { lookUpTaint } from '../oversight/taint/look-up.ts'
import type { Taint } from '../oversight/taint/taint.ts'
import type { StagedBlob } from '../store/blobs.ts'
import type { Tx } from '../store/db.ts'
import { emailEntry } from '../store/email-record.ts'
import { lifeOf } from '../store/email-life.ts'
import { type EmailRow, emailById, emailToChange, moveEmail, writingKeys } from '../store/emails.ts'
import { latestHold } from '../store/holds.ts'
import { type NewLogEntry, appendLog } from '../store/log.ts'
import { mailboxById } from '../store/mailboxes.ts'
import { insertOpenToken } from '../store/opens.ts'
import type { Row } from '../store/schema.ts'
import { renameThread } from '../store/threads.ts'
import { lowerIfOrdered } from './answered-orders.ts'
import { circumstancesOf } from './circumstances.ts'
import { recordBlocked } from './blocked.ts'
import { whyReadOnly } from './control/pause.ts'
import { namedPaths } from './copies.ts'
import { type Content, checkContent, forwardPaths } from './content.ts'
import { proposalOf } from './drafts.ts'
import { type HandInDeps, composed, namesIn, noScheduling, prepared, submitted } from './hand-in.ts'
import { openFlag } from './opens/opens.ts'
import { noCaps } from './pace/caps.ts'
import { spendOfMonth } from './pace/quota.ts'
import { askToSend } from './pace/spend.ts'
import { type Composed, type Proposal, composedColumns, contentColumns, outgoingMail } from './proposal.ts'
import { whyNotSend } from './standing/standing.ts'
import type { EditInput, SubmitCode, Submitted } from './submission.ts'
import { allSuppressed } from './suppression/suppression.ts'

type Edited = Result<Submitted, SubmitCode>
/** What is to be sent instead. */
type Rewritten = { proposal: Proposal; taint: Taint; composed: Composed; raw: StagedBlob }
type Edit = { actor: KeyActor; seen: EmailRow; sendAt: number | undefined; rewritten: Rewritten | null }

// Each further try means that somebody else's edit came in between.
const mostTries = 3

export async function edit(
  deps: HandInDeps,
  actor: KeyActor,
  email: EmailRow,
  mailbox: Row<'mailboxes'>,
  { sendAt, ...changes }: EditInput,
): Promise<Edited> {
  for (let seen = email, tries = 0; tries < mostTries; tries += 1) {
    if (!may(seen, 'edit')) return notScheduled(seen)
    const rewritten = await rewrite(deps, actor, seen, mailbox, changes)
    if (!rewritten.ok) return rewritten
    const done = await deps.store.transaction((tx) => apply(tx, deps, { actor, seen, sendAt, rewritten: rewritten.value }))
    if (done !== null) {
      if (done.ok) deps.log.info({ emailId: email.id, contentHash: done.value.contentHash, sendAt: done.value.sendAt }, 'submission.edited')
      return done
    }
    seen = (await emailById(deps.store.db, email.id)) ?? seen
  }
  return fail('UNAVAILABLE', 'Somebody else is changing it just now.')
}

const approvedAlready = fail('ALREADY_APPROVED', 'A reviewer approved exactly what waits; only its time can still be changed.')
const notScheduled = ({ status }: EmailRow) =>
  fail('NOT_SCHEDULED', `Its status is ${status}; only an email that waits for its time can be edited.`)

/** @returns null when it says the same as before */
async function rewrite(
  deps: HandInDeps,
  actor: KeyActor,
  seen: EmailRow,
  open: Row<'mailboxes'>,
  changes: Omit<EditInput, 'email' | 'sendAt'>,
): Promise<Result<Rewritten | null, SubmitCode>> {
  if (Object.values(changes).every((change) => change === undefined)) return ok(null)
  const before = await proposalOf(deps, seen, open, seen.idempotency_key)
  const { to, cc, bcc, subject, markdown, attachments } = before.content
  const content = checkContent({
    to: changes.to ?? to,
    cc: changes.cc ?? cc,
    bcc: changes.bcc ?? bcc,
    subject: changes.subject ?? subject,
    markdown: changes.markdown ?? markdown,
    attachments,
  })
  if (!content.ok) return content
  if (saysTheSame(before.content, content.value)) return ok(null)
  const whyNot = await whyNotSend(deps.store, open.id, deps.clock.now())
  if (whyNot !== null) return fail('SENDING_DISABLED', `${whyNot}.`)
  const tenancy = { accountId: seen.account_id, world: seen.world }
  if (await allSuppressed(deps.store.db, tenancy, forwardPaths(content.value), deps.clock.now())) return fail('RECIPIENT_SUPPRESSED')
  const proposal = { ...before, content: content.value }
  const whatFollows = await prepared(deps, content.value)
  if (!whatFollows.ok) return whatFollows
  const { findings } = whatFollows.value
  const taint = await lookUpTaint(deps.store.db, actor, open.id, outgoingMail(proposal), seen)
  const isLowered = await lowerIfOrdered(deps, open, seen.thread_id, taint)
  const mailbox = (isLowered ? await mailboxById(deps.store.db, open.id) : undefined) ?? open
  const circumstances = await circumstancesOf(
    deps.store.db,
    mailbox,
    proposal,
    { ...whatFollows.value, taint, writers: [actor.keyId, ...writingKeys(seen)] },
    deps.clock.now(),
  )
  const { verdict } = circumstances
  if (verdict.outcome === 'refuse') {
    if (verdict.code !== 'READ_ONLY_MAILBOX') await recordBlocked(deps, actor, { proposal, draft: seen, findings, rule: verdict.rule })
    return fail(verdict.code, verdict.rule)
  }
  const made = await composed(deps, proposal, circumstances, whatFollows.value)
  return made.ok ? ok({ proposal, taint, ...made.value }) : made
}

const words = ({ to, cc, bcc, subject, markdown }: Content): string => JSON.stringify([to, cc, bcc, subject, markdown])
const saysTheSame = (one: Content, other: Content): boolean => words(one) === words(other)

/** @returns null when it was changed since it was looked at */
async function apply(tx: Tx, deps: HandInDeps, { actor, seen, sendAt, rewritten }: Edit): Promise<Edited | null> {
  const now = deps.clock.now()
  const email = await emailToChange(tx, seen.id)
  if (email === undefined) return notScheduled(seen)
  const life = lifeOf(email, now, { hold: await latestHold(tx, email.id) })
  const by = { key: actor.keyId, person: null }
  const hash = rewritten?.composed.contentHash ?? email.content_hash ?? ''
  const next = step(life, { kind: 'edit', by, hash, waits: sendAt === undefined ? life.waits : sendAt > now })
  if (next.kind === 'refused') return next.why === 'ALREADY_APPROVED' ? approvedAlready : notScheduled(email)
  if (rewritten !== null && email.content_hash !== seen.content_hash) return null
  const mailbox = await mailboxById(tx, email.mailbox_id)
  if (mailbox?.is_active !== 1) return fail('MAILBOX_NOT_FOUND')
  const never = neverSends(mailbox.oversight_mode)
  if (never !== null) return fail(never.code, await whyReadOnly(tx, mailbox, never.rule))
  if (mailbox.scheduling_enabled === 0 && sendAt !== undefined && sendAt > now) return noScheduling
  const content = rewritten === null ? ok({}) : await replace(tx, deps, { actor, email, rewritten, now })
  if (!content.ok) return content
  const change = { ...content.value, ...timeOf(sendAt, email, now), updated_at: now }
  await moveEmail(tx, email.id, next, change)
  const after: EmailRow = { ...email, ...change }
  await appendLog(tx, entry(email, after, rewritten, actor, now))
  return ok(submitted(after, false))
}

/** A time that is past means at once, but not before its approval can no longer be taken back. */
const timeOf = (sendAt: number | undefined, { undo_until }: EmailRow, now: number): Partial<EmailRow> =>
  sendAt === undefined ? {} : { send_at: Math.max(sendAt, now), due_at: Math.max(sendAt, now, undo_until ?? 0) }

/** Puts the new content in the place of the old. @returns the columns it has */
async function replace(
  tx: Tx,
  deps: HandInDeps,
  { actor, email, rewritten, now }: { actor: KeyActor; email: EmailRow; rewritten: Rewritten; now: number },
): Promise<Result<Partial<EmailRow>, SubmitCode>> {
  const { proposal, taint, composed: made, raw } = rewritten
  // It counts as what is handed in anew does; what it replaces stays counted, as what is withdrawn does.
  const paths = forwardPaths(proposal.content)
  const spend = await askToSend(tx, { mailboxId: email.mailbox_id, forwardPaths: paths, caps: deps.caps ?? noCaps, now })
  if (!spend.ok) return spend
  const month = await spendOfMonth(tx, { tenancy: actor, messages: newTo(email, paths), most: deps.monthly ?? null, now })
  if (!month.ok) return month
  await deps.store.blobs.put(tx, raw, now)
  await spend.value(tx)
  if (made.openToken) await insertOpenToken(tx, made.openToken, email.id)
  await renameThread(tx, email.thread_id, proposal.content.subject)
  const flags = JSON.stringify(made.openToken ? [openFlag] : [])
  const columns = { ...contentColumns(proposal.content), ...composedColumns(proposal, made, actor, now), taint_json: JSON.stringify(taint) }
  return ok({ ...columns, ...drafterColumn(email, actor), flags_json: flags })
}

/** Who wrote it first is remembered when another rewrites it. */
const drafterColumn = ({ drafter_id, composer_id }: EmailRow, actor: KeyActor): Partial<EmailRow> =>
  drafter_id !== null || composer_id === actor.keyId ? {} : { drafter_id: composer_id }

/** How many of these were not written to before; the others have been counted. */
function newTo(email: EmailRow, paths: readonly Address[]): number {
  const before = new Set(namedPaths(email).map(addressKey))
  return paths.filter((path) => !before.has(addressKey(path))).length
}

const entry = (before: EmailRow, after: EmailRow, rewritten: Rewritten | null, actor: KeyActor, now: number): NewLogEntry => ({
  ...emailEntry(after, actor, now),
  action: 'email.rescheduled',
  metadata: {
    send_at: after.send_at,
    previous_send_at: before.send_at,
    content_hash: after.content_hash,
    previous_content_hash: before.content_hash,
    message_id: after.message_id,
    size: after.raw_size,
    previous_size: before.raw_size,
    messages: rewritten === null ? 0 : newTo(before, forwardPaths(rewritten.proposal.content)),
  },
  ...(rewritten !== null && { details: namesIn(rewritten.proposal.content) }),
})
