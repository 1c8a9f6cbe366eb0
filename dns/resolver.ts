/**
 * Asks the DNS, and says exactly what kind of answer came back.
 *
 * Promise: "there is none" and "we could not find out" are never confused. A server failure or a time-out is `failed`, which callers treat as
 * temporary; only what a server said and meant is `no-data` (the name exists without such records) or `no-domain`. Every look-up ends within a
 * fixed time. Answers are kept as long as they hold, in bounded memory, and a question that several ask at once is asked once.
 */
import dns from 'node:dns'
import type { Resolver } from './answer.ts'
import { type CacheCounts, type CacheLimits, createCache } from './cache.ts'
import { resolverOver } from './lookup.ts'
import { type Timer, createWireClient } from './wire/client.ts'
import { parseServer } from './wire/server.ts'

export type { DnsAnswer, MxRecord, Records, Resolver, RrType, Timed } from './answer.ts'
export { reverseName } from './asked-name.ts'
export { forMailauth } from './for-mailauth.ts'
export { type Zone, type ZoneRecords, createZoneResolver } from './zone.ts'

const defaultTimeoutMs = 5_000

/** A resolver that remembers, and can say how much that helped. */
export type CachingResolver = Resolver & { counts(): CacheCounts }

/** @param options.servers IP addresses, each with an optional port (`192.0.2.53`, `[2001:db8::53]:5353`); null is the system's own.
 *  @param options.timeoutMs for one try at one server
 *  @param options.cache how much to remember at most */
export function createResolver(options: {
  servers?: readonly string[] | null
  timeoutMs?: number
  clock: Timer
  cache?: CacheLimits
}): CachingResolver {
  const { clock, timeoutMs = defaultTimeoutMs } = options
  const servers = (options.servers ?? dns.getServers()).map(parseServer)
  const ask = createWireClient({ servers, timeoutMs, clock })
  const cache = createCache({ ask, clock, ...(options.cache && { limits: options.cache }) })
  return { ...resolverOver(cache.lookup, cache.peek), counts: cache.counts }
}
