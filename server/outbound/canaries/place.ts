/**
 * Puts test emails among those that wait for a decision (docs/ladder.md), in mailboxes whose operator wants that.
 *
 * Promises: one is composed and judged by the code that a real email goes through, and never filed: it has no row in `emails`, which is what holds, releases and deliveries
 * are about. No agent sees it, and it takes nothing of its limits. One at a time in a mailbox, so many in a week as were wanted at most, and only where the gate would have
 * held it and something real waits. It is on the record as what it is.
 */
import type { SystemActor } from '../../model/actor.ts'
import type { CanaryFault } from '../../model/canary.ts'
import { newId } from '../../model/ids.ts'
import { canaryEntry } from '../../oversight/canaries/canaries.ts'
import { isDue } from '../../oversight/canaries/due.ts'
import { fewestPeople } from '../../oversight/holds.ts'
import type { Taint } from '../../oversight/taint/taint.ts'
import type { Job } from '../../platform/periodic.ts'
import {
  type CanaryRow,
  canariesSince,
  dueCanaries,
  endCanary,
  hasOpenCanary,
  insertCanary,
  mailboxesWithCanaries,
} from '../../store/canaries.ts'
import { type EmailRow, envelopeOf, handedIn } from '../../store/emails.ts'
import { isUniqueViolation } from '../../store/errors.ts'
import { hasOpenHold } from '../../store/holds.ts'
import { appendLog } from '../../store/log.ts'
import type { Row } from '../../store/schema.ts'
import { circumstancesOf } from '../circumstances.ts'
import { type HandInDeps, composed, prepared } from '../hand-in.ts'
import { type Proposal, composedColumns, draftRow } from '../proposal.ts'
import { createRender } from '../render.ts'
import type { SubmissionDeps } from '../submission.ts'
import { type Model, faults, faultyContent } from './faults.ts'

const day = 24 * 60 * 60_000
const week = 7 * day
/** Mailboxes that are looked at in one go, and at once. */
const [mostMailboxes, atOnce] = [2_000, 100]
const mostEnded = 500
/** Of what a mailbox handed in lately: one of these is what the test email looks like. */
const mostModels = 10
const modelsFromDays = 30

const oversight: SystemActor = { kind: 'system', part: 'oversight' }
/** Words that nobody wrote come from nowhere. */
const untainted: Taint = {
  fromOtherThread: false,
  fromHiddenText: false,
  fromAttachment: false,
  evidence: [],
  more: 0,
  lookedAtAll: true,
  lookedBackTo: null,
  sources: 1,
}

/** `chance`: from 0 to below 1; a test hands in its own. */
export type CanaryDeps = SubmissionDeps & { chance: () => number }
export type Canaries = {
  /** Each hour. */
  readonly jobs: readonly Job[]
  /** What the job does. @returns how many were put down @param now epoch ms */
  work(now: number): Promise<number>
}

export function createCanaries(given: CanaryDeps): Canaries {
  const deps = { ...given, render: createRender(given.clock) }
  // Where the last turn stopped: who has more mailboxes than are looked at in one goes on there.
  let after = ''
  const work = async (now: number): Promise<number> => {
    await expire(deps, now)
    let placed = 0
    for (let looked = 0; looked < mostMailboxes; looked += atOnce) {
      const mailboxes = await mailboxesWithCanaries(deps.store.db, after, atOnce)
      for (const mailbox of mailboxes) {
        // One that cannot be imitated keeps no other from its turn.
        const isPlaced = await place(deps, mailbox, now).catch((err: unknown) => {
          deps.log.error({ mailboxId: mailbox.id, err }, 'canary.failed')
          return false
        })
        if (isPlaced) placed += 1
      }
      after = (mailboxes.length < atOnce ? undefined : mailboxes.at(-1)?.id) ?? ''
      if (after === '') return placed
    }
    return placed
  }
  return { work, jobs: [{ name: 'canaries', schedule: '29 * * * *', work: async (now) => void (await work(now)) }] }
}

type Deps = HandInDeps & { chance: () => number }

async function expire({ store }: Deps, now: number): Promise<void> {
  for (const row of await dueCanaries(store.db, now, mostEnded))
    await store.transaction(async (tx) => {
      if (await endCanary(tx, row.id, { state: 'expired', by: 'system:oversight', now }))
        await appendLog(tx, canaryEntry(row, 'expired', oversight, now))
    })
}

async function place(deps: Deps, mailbox: Row<'mailboxes'>, now: number): Promise<boolean> {
  const { db } = deps.store
  if (mailbox.is_active !== 1 || mailbox.deleted_at !== null) return false
  const { canaries_per_week: perWeek } = mailbox
  const placed = await canariesSince(db, mailbox.id, now - week, perWeek)
  const chance = deps.chance()
  // By itself it would be no test. Asked of the store only for those whose turn it is.
  if (!isDue({ perWeek, placed, now }, chance) || (await hasOpenCanary(db, mailbox.id)) || !(await hasOpenHold(db, mailbox.id, now)))
    return false
  const emails = await handedIn(db, mailbox.id, { since: now - modelsFromDays * day, before: null, limit: mostModels })
  const model = pick(emails, deps.chance)
  if (model === undefined) return false
  const from = Math.floor(deps.chance() * faults.length)
  for (const fault of [...faults.slice(from), ...faults.slice(0, from)]) {
    const row = await imitation(deps, mailbox, model, fault, now)
    if (row !== null) return file(deps, row)
  }
  return false
}

const pick = <T>(all: readonly T[], chance: () => number): T | undefined => all[Math.floor(chance() * all.length)]

/** @returns null when the gate would not have held it */
async function imitation(
  deps: Deps,
  mailbox: Row<'mailboxes'>,
  model: EmailRow,
  fault: CanaryFault,
  now: number,
): Promise<CanaryRow | null> {
  const [to] = envelopeOf(model).forwardPaths
  const { composer_id: keyId } = model
  if (to === undefined || keyId === null) return null
  const content = faultyContent(fault, { subject: model.subject, to } satisfies Model, deps.chance)
  if (content === null) return null
  const thread = { id: newId('thread', now), isNew: true }
  const proposal: Proposal = { id: newId('email', now), mailbox, thread, content, inReplyTo: null, references: [], idempotencyKey: null }
  const seen = await prepared(deps, content)
  if (!seen.ok) return null
  const circumstances = await circumstancesOf(deps.store.db, mailbox, proposal, { ...seen.value, taint: untainted, writers: [keyId] }, now)
  const { verdict } = circumstances
  if (verdict.outcome !== 'hold') return null
  const made = await composed(deps, proposal, circumstances, seen.value)
  if (!made.ok || made.value.raw.bytes === null) return null
  const actor = { accountId: mailbox.account_id, world: mailbox.world, keyId }
  const email: EmailRow = {
    ...draftRow(proposal, actor, now),
    ...composedColumns(proposal, made.value.composed, actor, now),
    taint_json: JSON.stringify(untainted),
    status: 'pending_send_approval',
  }
  return {
    id: proposal.id,
    hold_id: newId('hold', now),
    account_id: mailbox.account_id,
    world: mailbox.world,
    mailbox_id: mailbox.id,
    fault,
    state: 'open',
    reason: verdict.rule,
    people: verdict.forTwo === true ? (deps.people ?? fewestPeople) : 1,
    content_hash: made.value.composed.contentHash,
    email_json: JSON.stringify(email),
    raw: made.value.raw.bytes,
    decided_by: null,
    created_at: now,
    expires_at: now + deps.holdExpiryMs,
    ended_at: null,
  }
}

/** @returns false when another node was faster */
async function file({ store, log }: Deps, row: CanaryRow): Promise<boolean> {
  try {
    await store.transaction(async (tx) => {
      await insertCanary(tx, row)
      await appendLog(tx, canaryEntry(row, 'placed', oversight, row.created_at))
    })
  } catch (error) {
    if (isUniqueViolation(error)) return false
    throw error
  }
  log.info({ canaryId: row.id, mailboxId: row.mailbox_id }, 'canary.placed')
  return true
}
