/**
 * A reviewer changes the words of an email that is held (docs/decisions/027-how-a-hold-ends.md).
 *
 * Promises: what comes of it is composed anew, completely, by the same composer, looked through by the same checks, compared with what its agent had read, and named by a
 * new hash. The hold of the old content ends in the same transaction, and with it every approval of it and every link to it; another begins, with the time that
 * was left, which knows who wrote in it. Nothing is released here: whoever approves has seen what was composed. The old version stays, bytes and all.
 */
import { type Decider, actorId } from '../model/actor.ts'
import type { Finding } from '../model/finding.ts'
import type { Who } from '../model/hold-life.ts'
import type { EmailId } from '../model/ids.ts'
import { type LifeEvent, step } from '../model/life.ts'
import { type Result, fail, ok } from '../model/result.ts'
import { closedHold, isStillIn, openHoldFor } from '../oversight/decide.ts'
import { isAsHeld, isSameContent } from '../oversight/held-content.ts'
import { fewestPeople, hold } from '../oversight/holds.ts'
import { lookUpTaint } from '../oversight/taint/look-up.ts'
import type { Taint } from '../oversight/taint/taint.ts'
import type { StagedBlob } from '../store/blobs.ts'
import type { Tx } from '../store/db.ts'
import { countVersions, insertVersion } from '../store/email-versions.ts'
import { emailEntry, emailFacts, tenancyOf } from '../store/email-record.ts'
import { lifeOf } from '../store/email-life.ts'
import { type EmailRow, emailToChange, moveEmail, writingKeys } from '../store/emails.ts'
import { appendEvent } from '../store/events.ts'
import { type HoldRow, endHold, holdToChange, latestHold } from '../store/holds.ts'
import { appendLogs } from '../store/log.ts'
import { mailboxById } from '../store/mailboxes.ts'
import { insertOpenToken } from '../store/opens.ts'
import { renameThread } from '../store/threads.ts'
import { recordBlocked } from './blocked.ts'
import { circumstancesOf } from './circumstances.ts'
import { checkContent } from './content.ts'
import { proposalOf } from './drafts.ts'
import { type HandInDeps, composed, namesIn, prepared } from './hand-in.ts'
import { openFlag } from './opens/opens.ts'
import { type Composed, type Proposal, composedColumns, contentColumns, outgoingMail } from './proposal.ts'
import type { SubmitCode } from './submission.ts'

/** Each is a composed message that is kept. */
const mostVersions = 20

/** What is left out stays as it is. `contentHash`: of the content that the reviewer looked at. */
export type HeldEdit = { email: EmailId; contentHash: string; subject?: string | undefined; markdown?: string | undefined }
/** `expiresAt`: epoch ms, as before. */
export type EditedHeld = {
  emailId: EmailId
  contentHash: string
  previousContentHash: string
  people: number
  expiresAt: number
  findings: readonly Finding[]
}
export type HeldEditCode =
  | SubmitCode
  | 'SCOPE_MISSING'
  | 'SELF_APPROVAL'
  | 'NOT_SIGNED_IN'
  | 'NOT_PENDING'
  | 'HOLD_EXPIRED'
  | 'CONTENT_CHANGED'
  | 'NOTHING_CHANGED'
  | 'EDIT_NOT_POSSIBLE'
type Edited = Result<EditedHeld, HeldEditCode>

/** `people`: how many it takes by itself. */
type Rewritten = { proposal: Proposal; taint: Taint; composed: Composed; raw: StagedBlob; rule: string; people: number }

export async function editHeld(deps: HandInDeps, actor: Decider, input: HeldEdit): Promise<Edited> {
  const { store, clock, log, allowTestSelfApproval = false } = deps
  const found = await openHoldFor({ store, clock, allowTestSelfApproval }, actor, input.email, { now: clock.now(), asked: 'edit' })
  if (!found.ok) return found
  const { email, hold: seen, by, writers } = found.value
  if (email.direction === 'inbound') return fail('EDIT_NOT_POSSIBLE', 'What others wrote is let in as it is, or not.')
  if (input.contentHash !== seen.content_hash) return changedMeanwhile
  if (!(await isAsHeld(store, email, seen))) return fail('CONTENT_CHANGED', 'What is stored is no longer what was held: reject it.')
  const rewritten = await rewrite(deps, actor, email, seen, input)
  if (!rewritten.ok) return rewritten
  const replacing = { actor, by, writers, email, seen, rewritten: rewritten.value }
  const edited = await store.transaction((tx) => replace(tx, deps, replacing))
  if (edited.ok) log.info({ emailId: email.id, contentHash: edited.value.contentHash }, 'hold.edited')
  return edited
}

const changedMeanwhile = fail('CONTENT_CHANGED', 'The content you name is not the one that waits; look at the email again.')

/** Composes what it is to say, for the mailbox as it is now. */
async function rewrite(
  deps: HandInDeps,
  actor: Decider,
  email: EmailRow,
  seen: HoldRow,
  { subject, markdown }: HeldEdit,
): Promise<Result<Rewritten, HeldEditCode>> {
  const { store, clock } = deps
  const mailbox = await mailboxById(store.db, email.mailbox_id)
  if (mailbox?.is_active !== 1) return fail('MAILBOX_NOT_FOUND')
  const before = await proposalOf(deps, email, mailbox, email.idempotency_key)
  const content = checkContent({
    ...before.content,
    subject: subject ?? before.content.subject,
    markdown: markdown ?? before.content.markdown,
  })
  if (!content.ok) return content
  if (content.value.subject === before.content.subject && content.value.markdown === before.content.markdown) return fail('NOTHING_CHANGED')
  const proposal = { ...before, content: content.value }
  const whatFollows = await prepared(deps, content.value)
  if (!whatFollows.ok) return whatFollows
  // What its agent had read: that of the reviewer's words nobody has to be warned of is not known to a program.
  const tenancy = { accountId: email.account_id, world: email.world }
  const taint = await lookUpTaint(store.db, tenancy, mailbox.id, outgoingMail(proposal), email)
  const circumstances = await circumstancesOf(
    store.db,
    mailbox,
    proposal,
    { ...whatFollows.value, taint, writers: writingKeys(email) },
    clock.now(),
  )
  const { verdict } = circumstances
  if (verdict.outcome === 'refuse') {
    const { findings } = whatFollows.value
    if (verdict.code !== 'READ_ONLY_MAILBOX') await recordBlocked(deps, actor, { proposal, draft: email, findings, rule: verdict.rule })
    return fail(verdict.code, verdict.rule)
  }
  // It leaves by a person's yes, whatever the gate would say to it now.
  const made = await composed(deps, proposal, { ...circumstances, said: 'approved' }, whatFollows.value)
  if (!made.ok) return made
  const forTwo = verdict.outcome === 'hold' && verdict.forTwo === true ? (deps.people ?? fewestPeople) : 1
  const rule = forTwo > seen.people ? verdict.rule : seen.reason
  return ok({ proposal, taint, ...made.value, rule, people: forTwo })
}

type Replacing = { actor: Decider; by: Who; writers: readonly Who[]; email: EmailRow; seen: HoldRow; rewritten: Rewritten }

async function replace(tx: Tx, deps: HandInDeps, { actor, by, writers, email: before, seen, rewritten }: Replacing): Promise<Edited> {
  const now = deps.clock.now()
  if (!(await isStillIn(tx, { actor, now }))) return fail('NOT_SIGNED_IN')
  // The hold before its email, as whoever decides has them.
  const open = await holdToChange(tx, seen.id)
  const email = await emailToChange(tx, before.id)
  if (open === undefined || email === undefined || !isSameContent(email, before)) return changedMeanwhile
  const reword: LifeEvent = { kind: 'reword', by, hash: rewritten.composed.contentHash, people: rewritten.people }
  const next = step(lifeOf(email, now, { hold: open, writers }), reword)
  if (next.kind === 'refused' || next.life.hold === null) return closedHold(await latestHold(tx, before.id), now)
  const { people, editors } = next.life.hold
  const number = (await countVersions(tx, email.id)) + 1
  if (number > mostVersions) return fail('EDIT_NOT_POSSIBLE', `It was changed ${mostVersions} times already.`)

  const { proposal, taint, composed: made, raw, rule } = rewritten
  await deps.store.blobs.put(tx, raw, now)
  await keepVersion(tx, email, { number, hold_id: seen.id, edited_by: actorId(actor), edited_at: now })
  await endHold(tx, seen.id, 'cancelled', now)
  if (made.openToken) await insertOpenToken(tx, made.openToken, email.id)
  await renameThread(tx, email.thread_id, proposal.content.subject)
  const change = { ...columnsOf(email, rewritten, now), taint_json: JSON.stringify(taint) }
  if (!(await moveEmail(tx, email.id, next, change))) throw new Error(`email ${email.id} has an open hold and the status ${email.status}`)
  const after: EmailRow = { ...email, ...change }
  const said = { hold_id: seen.id, content_hash: made.contentHash, previous_content_hash: seen.content_hash, edited_by: actorId(actor) }
  const event = { tenancy: tenancyOf(email), mailboxId: email.mailbox_id, now }
  await appendEvent(tx, { ...event, type: 'oversight.edited', data: { ...emailFacts(after), ...said, edited_by_kind: actor.kind } })
  const held = await hold(tx, {
    email: after,
    contentHash: made.contentHash,
    rule,
    people,
    editors,
    now,
    expiresAt: open.expires_at,
    before: open,
  })
  const metadata = {
    hold_id: seen.id,
    mailbox_id: email.mailbox_id,
    content_hash: made.contentHash,
    previous_content_hash: seen.content_hash,
    message_id: made.messageId,
    size: made.rawSize,
    version: number + 1,
  }
  await appendLogs(tx, [{ ...emailEntry(email, actor, now), action: 'email.edited', metadata, details: namesIn(proposal.content) }, held])
  const { content_hash: previousContentHash, expires_at: expiresAt } = open
  return ok({ emailId: email.id, contentHash: made.contentHash, previousContentHash, people, expiresAt, findings: made.findings })
}

const keepVersion = async (
  tx: Tx,
  { id, content_hash, raw_hash, raw_size, subject, markdown, reverse_path, forward_paths_json }: EmailRow,
  of: Pick<Parameters<typeof insertVersion>[1], 'number' | 'hold_id' | 'edited_by' | 'edited_at'>,
): Promise<void> => {
  if (content_hash === null || raw_hash === null) throw new Error(`email ${id} is held and was never composed`)
  const content = { content_hash, raw_hash, raw_size, subject, markdown, reverse_path, forward_paths_json }
  await insertVersion(tx, { email_id: id, ...content, ...of })
}

/** Who handed it in, and when, stays. */
function columnsOf(email: EmailRow, { proposal, composed: made }: Rewritten, now: number) {
  const { composer_id: keyId, received_at } = email
  const flags_json = JSON.stringify(made.openToken ? [openFlag] : [])
  return {
    ...contentColumns(proposal.content),
    ...composedColumns(proposal, made, { keyId }, now),
    received_at,
    flags_json,
    updated_at: now,
  }
}
