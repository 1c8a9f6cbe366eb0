/** The name of an address, as far as both sides agree on it: "iprev" of RFC 8601 §3, also called forward-confirmed reverse DNS. */
import { isIPv4 } from 'node:net'
import type { DnsAnswer, Resolver } from './answer.ts'
import { plainAddress, reverseName } from './asked-name.ts'
import { type DomainName, parseDomainName } from './name.ts'
import { within } from './within.ts'
import type { Timer } from './wire/client.ts'

/** `confirmed`: the address has these names, and each of them has the address. `mismatch`: it has names, and none of them has the address.
 *  `none`: it has no name. `unknown`: the DNS did not say, in time. */
export type ReverseResult = { kind: 'confirmed'; names: DomainName[] } | { kind: 'mismatch' } | { kind: 'none' } | { kind: 'unknown' }

// Whoever owns an address block can give each address hundreds of names, to have each of them looked up.
const maxNames = 5
const timeLimitMs = 10_000

/** @param ip of a client; what is no address has no name */
export const findReverse = (resolver: Resolver, clock: Timer, ip: string): Promise<ReverseResult> =>
  within(clock, timeLimitMs, reverseOf(resolver, plainAddress(ip)), { kind: 'unknown' })

async function reverseOf(resolver: Resolver, ip: string): Promise<ReverseResult> {
  const answer = await resolver.ptr(ip)
  if (answer.kind === 'failed') return { kind: 'unknown' }
  if (answer.kind !== 'found') return { kind: 'none' }
  const names = answer.value
    .slice(0, maxNames)
    .map(parseDomainName)
    .filter((name) => name !== null)
  const checked = await Promise.all(names.map(async (name) => ({ name, has: hasAddress(await addressesOf(resolver, name, ip), ip) })))
  const confirmed = checked.filter(({ has }) => has === 'yes').map(({ name }) => name)
  if (confirmed.length > 0) return { kind: 'confirmed', names: confirmed }
  return { kind: checked.some(({ has }) => has === 'unknown') ? 'unknown' : 'mismatch' }
}

const addressesOf = (resolver: Resolver, name: string, ip: string): Promise<DnsAnswer<string[]>> =>
  isIPv4(ip) ? resolver.a(name) : resolver.aaaa(name)

function hasAddress(answer: DnsAnswer<string[]>, ip: string): 'yes' | 'no' | 'unknown' {
  if (answer.kind === 'failed') return 'unknown'
  // An IPv6 address has many spellings and one reverse name.
  return answer.kind === 'found' && answer.value.some((address) => reverseName(address) === reverseName(ip)) ? 'yes' : 'no'
}
