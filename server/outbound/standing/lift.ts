/**
 * What a person decides about a mailbox that does not stand well: that it may send again.
 *
 * Promises: who lifted it and why is on the record, with what had been counted. What was counted before counts no more, or the next bounce would undo
 * it. Autonomy stays as low as it was made, but where the operator says on the host that it goes up (design promise 4).
 */
import type { Actor, SystemActor } from '../../model/actor.ts'
import { addressKey, parseAddress } from '../../model/address.ts'
import { stepAutonomy } from '../../model/autonomy.ts'
import type { OversightMode } from '../../model/email.ts'
import type { MailboxId } from '../../model/ids.ts'
import { type Result, fail, ok } from '../../model/result.ts'
import type { EnforcementTier } from '../../model/standing.ts'
import type { World } from '../../model/world.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Store, Tx } from '../../store/db.ts'
import { appendEvent } from '../../store/events.ts'
import { type NewLogEntry, appendLogs } from '../../store/log.ts'
import { mailboxAt, mailboxToChange, setMode } from '../../store/mailboxes.ts'
import { countsOf, forgetCounts, setStanding, standingOf } from '../../store/standings.ts'
import { windowDays } from './tiers.ts'

/** What an enforcement may have taken away. */
export type Autonomy = Extract<OversightMode, 'gated_new' | 'monitored' | 'autonomous'>

type Lift = { actor: Actor; reason: string; autonomy: Autonomy | null; now: number }
/** `lifted`: the tier it was in; null when it stood well. */
type Lifted = { lifted: EnforcementTier | null; mode: OversightMode; entries: NewLogEntry[] }

const longestReason = 500

/** @returns undefined when the mailbox is gone; `entries` go on the record at the end of the transaction; none when nothing changed */
async function liftStanding(tx: Tx, id: MailboxId, { actor, reason, autonomy, now }: Lift): Promise<Lifted | undefined> {
  // Of a pause that is under way it sees the end: what a person took away meanwhile is not given back.
  const mailbox = await mailboxToChange(tx, id)
  if (mailbox === undefined) return undefined
  const standing = await standingOf(tx, mailbox.id)
  const before = mailbox.oversight_mode
  const next = autonomy === null ? null : stepAutonomy({ mode: before, asked: null }, { kind: 'restore', to: autonomy })
  const mode = next?.kind === 'moved' ? next.autonomy.mode : before
  if (standing === undefined && mode === before) return { lifted: null, mode, entries: [] }
  const counts = await countsOf(tx, mailbox.id, windowDays, now)
  await forgetCounts(tx, mailbox.id)
  await setStanding(tx, mailbox.id, null)
  if (next?.kind === 'moved') await setMode(tx, mailbox.id, before, next)
  const tenancy = { accountId: mailbox.account_id, world: mailbox.world }
  const lifted = standing?.tier ?? null
  const facts = { enforcement_tier: null, previous_tier: lifted, oversight_mode: mode, previous_oversight_mode: before }
  const data = { mailbox_id: mailbox.id, ...facts, sending_disabled: false, reason: null }
  await appendEvent(tx, { tenancy, mailboxId: mailbox.id, type: 'mailbox.standing_changed', data, now })
  const about = { at: now, actor, tenancy, action: 'mailbox.standing_lifted', resourceType: 'mailbox', resourceId: mailbox.id } as const
  const words = reason.slice(0, longestReason).toWellFormed().replaceAll('\0', '')
  return { lifted, mode, entries: [{ ...about, metadata: { ...facts, counted: counts }, details: { reason: words } }] }
}

/** What reviewers may do, as a room that callers are handed; whoever calls has checked that the mailbox is theirs to decide about. */
export type Standings = {
  /** Its agent goes on asking. @returns undefined when the mailbox is gone */
  lift(actor: Actor, mailbox: MailboxId, reason: string): Promise<Pick<Lifted, 'lifted' | 'mode'> | undefined>
}

export const createStandings = ({ store, clock }: { store: Store; clock: Clock }): Standings => ({
  lift: (actor, id, reason) =>
    store.transaction(async (tx) => {
      const done = await liftStanding(tx, id, { actor, reason, autonomy: null, now: clock.now() })
      if (done === undefined) return undefined
      await appendLogs(tx, done.entries)
      return { lifted: done.lifted, mode: done.mode }
    }),
})

const host: SystemActor = { kind: 'system', part: 'host' }

/** For the command on the host. @param text the address of the mailbox, as people write it */
export async function liftOnHost(
  { store, clock }: { store: Store; clock: Clock },
  text: string,
  world: World,
  { reason, autonomy }: Pick<Lift, 'reason' | 'autonomy'>,
): Promise<Result<Pick<Lifted, 'lifted' | 'mode'> & { address: string }, 'MAILBOX_NOT_FOUND'>> {
  const address = parseAddress(text)
  return store.transaction(async (tx) => {
    const mailbox = address === null ? undefined : await mailboxAt(tx, world, addressKey(address))
    const done = mailbox && (await liftStanding(tx, mailbox.id, { actor: host, reason, autonomy, now: clock.now() }))
    if (mailbox === undefined || done === undefined) return fail('MAILBOX_NOT_FOUND', `There is no mailbox ${JSON.stringify(text)}.`)
    await appendLogs(tx, done.entries)
    return ok({ lifted: done.lifted, mode: done.mode, address: mailbox.address })
  })
}
