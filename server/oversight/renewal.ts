/**
 * Renewing a hold: whoever may decide on it, and needs longer, gives it another three days (docs/decisions/028-the-time-of-holds.md).
 *
 * Promises: only what still waits is renewed; of a renewal, a decision and the end of its time at one moment each comes to one of them, and what has run out stays so.
 * A hold is renewed a bounded number of times, and is never older than a month. Silence still never approves: a renewal only moves the time at which it expires.
 */
import type { Decider } from '../model/actor.ts'
import type { EmailId, HoldId } from '../model/ids.ts'
import { type Result, fail, ok } from '../model/result.ts'
import { setLinksExpiry } from '../store/approval-links.ts'
import type { Tx } from '../store/db.ts'
import { emailEntry, emailFacts, tenancyOf } from '../store/email-record.ts'
import type { EmailRow } from '../store/emails.ts'
import { appendEvent } from '../store/events.ts'
import { type HoldRow, latestHold, renewHold } from '../store/holds.ts'
import { appendLog } from '../store/log.ts'
import { type DecidingCode, closedHold, isStillIn, openHoldFor } from './decide.ts'
import type { ApprovalsDeps } from './decision.ts'
import { mostRenewals } from './holds.ts'

const day = 24 * 60 * 60_000
const usualMs = 3 * day

export type Renewed = { emailId: EmailId; holdId: HoldId; /** epoch ms */ expiresAt: number; renewalsLeft: number }
export type RenewalCode = DecidingCode | 'NOT_RENEWABLE'

/** When it would expire then, in epoch ms; null: it cannot be renewed, or that would change nothing. Pure. */
export function renewedUntil(
  { renewals, expires_at, renewable_until }: Pick<HoldRow, 'renewals' | 'expires_at' | 'renewable_until'>,
  { now, forMs = usualMs }: { now: number; forMs?: number | undefined },
): number | null {
  const until = Math.min(now + forMs, renewable_until)
  return renewals < mostRenewals && until > expires_at ? until : null
}

export async function renew(deps: ApprovalsDeps, actor: Decider, id: EmailId): Promise<Result<Renewed, RenewalCode>> {
  const now = deps.clock.now()
  const found = await openHoldFor(deps, actor, id, { now, asked: 'renew' })
  if (!found.ok) return found
  const { email, hold } = found.value
  const until = renewedUntil(hold, { now, forMs: deps.renewForMs })
  if (until === null) return fail('NOT_RENEWABLE', whyNot(hold))
  const renewed = await deps.store.transaction((tx) => settle(tx, { actor, email, hold, until, now }))
  if (renewed.ok) deps.log.info({ emailId: id, holdId: hold.id, expiresAt: until }, 'hold.renewed')
  return renewed
}

const whyNot = ({ renewals }: HoldRow): string =>
  renewals >= mostRenewals
    ? `It was renewed ${mostRenewals} times already.`
    : 'It would wait no longer than it does: it was renewed just now, or has waited for a month.'

type Renewal = { actor: Decider; email: EmailRow; hold: HoldRow; until: number; now: number }

async function settle(tx: Tx, { actor, email, hold, until, now }: Renewal): Promise<Result<Renewed, RenewalCode>> {
  if (!(await isStillIn(tx, { actor, now }))) return fail('NOT_SIGNED_IN')
  if (!(await renewHold(tx, hold, { until, now }))) {
    const current = await latestHold(tx, email.id)
    // Somebody renewed it just now, so it waits; asked again, the answer says until when.
    return current?.state === 'open' && current.expires_at > now
      ? fail('NOT_RENEWABLE', 'Somebody else renewed it just now.')
      : closedHold(current, now)
  }
  await setLinksExpiry(tx, hold.id, until)
  const renewals = hold.renewals + 1
  const data = { ...emailFacts(email), hold_id: hold.id, expires_at: until }
  await appendEvent(tx, { tenancy: tenancyOf(email), mailboxId: email.mailbox_id, type: 'oversight.renewed', data, now })
  const metadata = { hold_id: hold.id, content_hash: hold.content_hash, expires_at: until, previous_expires_at: hold.expires_at, renewals }
  await appendLog(tx, { ...emailEntry(email, actor, now), action: 'hold.renewed', metadata })
  return ok({ emailId: email.id, holdId: hold.id, expiresAt: until, renewalsLeft: mostRenewals - renewals })
}
