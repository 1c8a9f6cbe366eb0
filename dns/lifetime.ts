import type { DnsAnswer } from './answer.ts'

const minuteMs = 60_000

// One message asks some questions several times, so what the world calls "never keep this" is kept for as long as a message takes.
const floorMs = 5_000
// A week-old mistake of a domain's owner should not outlive its correction here by more than this.
const foundCapMs = 60 * minuteMs
// RFC 2308 §5 speaks of hours. A record that was just published, such as a new DKIM key, should be seen within minutes.
const noneCapMs = 5 * minuteMs
// §5 keeps nothing that names no time, lest two caches feed each other for ever. We feed nobody.
const noneUntoldMs = minuteMs
// RFC 9520 §3.2: a failure is remembered, as a failure, for at least a second, so that a dead server is not asked once for each header field.
const failedMs = 5_000

/** We did not ask at all, because we were asking too much at the time. Says nothing about the name. */
export const tooBusy = 'EBUSY'

/** How long an answer may be kept, in ms.
 *  @param ttlSeconds what its records say: of the found ones the least, of none that of the SOA record (RFC 2308 §5); null when they do not */
export function lifetimeMs(answer: DnsAnswer<unknown>, ttlSeconds: number | null): number {
  const toldMs = ttlSeconds === null ? noneUntoldMs : ttlSeconds * 1000
  if (answer.kind === 'failed') return answer.reason === tooBusy ? 0 : failedMs
  return Math.min(Math.max(toldMs, floorMs), answer.kind === 'found' ? foundCapMs : noneCapMs)
}
