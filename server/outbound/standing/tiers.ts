/** How a mailbox stands, by what became of its mail (contract §12.2). Pure. */
import type { EnforcementTier } from '../../model/standing.ts'
import type { SendingCounts } from '../../store/standings.ts'

/** What is counted, in days. */
export const windowDays = 30
/** Of fewer messages no rate says anything. */
const leastMessages = 10

const bounceWarning = 0.02
export const bounceLimit = 0.05
/** Gmail and Yahoo turn mail away above it. */
const complaintLimit = 0.003

export type Standing = { tier: EnforcementTier; reason: string }

/** The worst that applies; null: all is well. One bounce or one complaint alone restricts and never suspends, since of few messages it is a high
 *  rate already. No rate terminates: that is for a person. */
export function standingFor(counts: SendingCounts): Standing | null {
  const messages = counts.delivered + counts.bounced
  if (messages < leastMessages) return null
  const bounces = counts.bounced / messages
  const complaints = counts.complained / messages
  const said = `${counts.bounced} of ${messages} messages bounced and ${counts.complained} drew a complaint in ${windowDays} days`
  if (complaints > complaintLimit)
    return { tier: counts.complained > 1 ? 'suspension' : 'restriction', reason: `${said}; complaints may be 0.3 %` }
  if (bounces > bounceLimit) return { tier: counts.bounced > 1 ? 'suspension' : 'restriction', reason: `${said}; bounces may be 5 %` }
  if (bounces > bounceWarning) return { tier: 'warning', reason: `${said}; from 2 % on bounces are too many` }
  return null
}
