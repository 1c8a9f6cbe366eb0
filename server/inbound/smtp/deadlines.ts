/** When somebody has had time enough. Judged for every connection once a second, so that limits which change hold for those already there. */
import type { Reply } from '../../model/reply.ts'
import type { SessionLimits } from '../conduct/conduct.ts'

/** Times in epoch ms. `busy`: it is our turn. `securingSince`: the TLS handshake is under way. `transfer`: a message is on its way in. */
export type TimeFacts = {
  arrivedAt: number
  heardAt: number
  busy: boolean
  securingSince: number | null
  transfer: { since: number; bytes: number } | null
}

/** How often it is looked at. */
export const timeCheckMs = 1_000
const handshakeMs = 60_000
/** At the start of a message a link that stalls is not told from a sender that plays for time. */
const transferAllowanceMs = 60_000

const over = (text: string): Reply => ({ code: 421, status: '4.4.2', text })

/** What it is told before we hang up; null while there is time. */
export function judgeTime(
  { arrivedAt, heardAt, busy, securingSince, transfer }: TimeFacts,
  limits: SessionLimits,
  now: number,
): Reply | null {
  if (securingSince !== null) return now - securingSince > handshakeMs ? over('TLS handshake takes too long') : null
  if (busy) return null
  if (now - arrivedAt > limits.sessionMs) return over('Session too long')
  if (now - heardAt > limits.idleMs) return over('Idle for too long')
  if (transfer === null) return null
  const expected = ((now - transfer.since - transferAllowanceMs) * limits.minBytesPerSecond) / 1_000
  return transfer.bytes < expected ? over('Message comes too slowly') : null
}
