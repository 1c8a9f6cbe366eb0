/**
 * What bounces and complaints lead to for the mailbox they are about (contract §12.2): a warning, then its agent has to ask before it sends, then it
 * sends nothing more.
 *
 * Promises: only what says something of the sender counts (an address that does not exist, a person who complains; no trouble of ours, nothing of the
 * test world). Autonomy is lowered here and never raised (design promise 4). Each change is on the record and an event, in the transaction that counted.
 */
import type { SystemActor } from '../../model/actor.ts'
import type { MailboxId } from '../../model/ids.ts'
import { type EnforcementTier, asksFirst, isSendingDisabled, isWorse } from '../../model/standing.ts'
import { tellOfLowering } from '../../oversight/lowering/lower.ts'
import type { Store, Tx } from '../../store/db.ts'
import { appendEvent } from '../../store/events.ts'
import { type NewLogEntry, appendLogs } from '../../store/log.ts'
import { mailboxById } from '../../store/mailboxes.ts'
import { type SendingCounts, countSending, countsOf, lowerAutonomy, setStanding, standingOf } from '../../store/standings.ts'
import { lowerAfterBounces } from './bounce-run.ts'
import { type Standing, standingFor, windowDays } from './tiers.ts'

const outbound: SystemActor = { kind: 'system', part: 'outbound' }

/** Counts what became of messages, and lets the mailbox's standing get worse. @returns what goes on the record, at the end of the transaction */
export async function noteSending(tx: Tx, mailboxId: MailboxId, more: Partial<SendingCounts>, now: number): Promise<NewLogEntry[]> {
  await countSending(tx, mailboxId, more, now)
  if (!more.bounced && !more.complained) return []
  const standing = standingFor(await countsOf(tx, mailboxId, windowDays, now))
  const before = (await standingOf(tx, mailboxId))?.tier ?? null
  const entries = standing !== null && isWorse(standing.tier, before) ? await change(tx, mailboxId, { standing, before, now }) : []
  return more.bounced ? [...entries, ...(await lowerAfterBounces(tx, mailboxId, now))] : entries
}

/** Why nothing may be sent from the mailbox now; null when something may. What was counted long ago counts no more, so a standing gets better by
 *  itself, when somebody asks; the autonomy that it took stays low. */
export async function whyNotSend(store: Store, mailboxId: MailboxId, now: number): Promise<string | null> {
  if ((await standingOf(store.db, mailboxId)) === undefined) return null
  return store.transaction(async (tx) => {
    const row = await standingOf(tx, mailboxId)
    if (row === undefined) return null
    const standing = row.tier === 'termination' ? row : standingFor(await countsOf(tx, mailboxId, windowDays, now))
    const isBetter = standing === null || isWorse(row.tier, standing.tier)
    if (isBetter) await appendLogs(tx, await change(tx, mailboxId, { standing, before: row.tier, now }))
    const current = isBetter ? standing : row
    return current !== null && isSendingDisabled(current.tier) ? current.reason : null
  })
}

type Change = { standing: Standing | null; before: EnforcementTier | null; now: number }

async function change(tx: Tx, mailboxId: MailboxId, { standing, before, now }: Change): Promise<NewLogEntry[]> {
  const mailbox = await mailboxById(tx, mailboxId)
  if (mailbox === undefined) return []
  const tenancy = { accountId: mailbox.account_id, world: mailbox.world }
  await setStanding(tx, mailboxId, standing === null ? null : { tier: standing.tier, reason: standing.reason, since: now })
  const lowered = standing !== null && asksFirst(standing.tier) && (await lowerAutonomy(tx, mailboxId))
  if (lowered) await tellOfLowering(tx, mailbox, { to: 'gated_send', because: 'standing', words: `${standing.reason}.`, now })
  const facts = {
    enforcement_tier: standing?.tier ?? null,
    previous_tier: before,
    oversight_mode: lowered ? 'gated_send' : mailbox.oversight_mode,
    previous_oversight_mode: mailbox.oversight_mode,
  }
  const disabled = standing !== null && isSendingDisabled(standing.tier)
  const said = { mailbox_id: mailboxId, ...facts, sending_disabled: disabled, reason: standing?.reason ?? null }
  await appendEvent(tx, { tenancy, mailboxId, type: 'mailbox.standing_changed', data: said, now })
  const entry = {
    at: now,
    actor: outbound,
    tenancy,
    action: 'mailbox.standing_changed',
    resourceType: 'mailbox',
    resourceId: mailboxId,
  } as const
  return [{ ...entry, metadata: facts, details: { reason: standing?.reason ?? null } }]
}
