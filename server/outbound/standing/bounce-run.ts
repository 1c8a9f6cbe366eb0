/** Many hard bounces within two days lower a mailbox (docs/ladder.md), also one whose month is good enough for its standing. */
import type { MailboxId } from '../../model/ids.ts'
import { lower, wouldLower } from '../../oversight/lowering/lower.ts'
import type { Tx } from '../../store/db.ts'
import type { NewLogEntry } from '../../store/log.ts'
import { mailboxById } from '../../store/mailboxes.ts'
import { lastLoweredFor } from '../../store/mode-findings.ts'
import { type SendingCounts, countsOf } from '../../store/standings.ts'
import { bounceLimit } from './tiers.ts'

const dayMs = 24 * 60 * 60_000
/** Days in UTC: today and yesterday. */
const runDays = 2
/** Fewer are what happens to everybody who writes to people. */
const fewestBounces = 5

/** The line that the standing draws over a month, over these days. */
export const isBounceRun = ({ delivered, bounced }: SendingCounts): boolean =>
  bounced >= fewestBounces && bounced > bounceLimit * (delivered + bounced)

/** @param now epoch ms. @returns what goes on the record at the end of the transaction */
export async function lowerAfterBounces(tx: Tx, mailboxId: MailboxId, now: number): Promise<NewLogEntry[]> {
  const mailbox = await mailboxById(tx, mailboxId)
  if (mailbox === undefined || !wouldLower(mailbox, 'bounces')) return []
  // What it was lowered for counts no more.
  const last = await lastLoweredFor(tx, { mailboxId, cause: 'bounces', now })
  const days = last === null ? runDays : Math.min(runDays, Math.floor(now / dayMs) - Math.floor(last / dayMs))
  if (days <= 0) return []
  const counts = await countsOf(tx, mailboxId, days, now)
  if (!isBounceRun(counts)) return []
  const messages = counts.delivered + counts.bounced
  const words = `${counts.bounced} of ${messages} messages within ${days === 1 ? 'a day' : `${days} days`} came back for good; more than 5 % are too many.`
  return lower(tx, { mailboxId, cause: 'bounces', finding: String(Math.floor(now / dayMs)), words, now })
}
