/** DNS block lists (RFC 5782): asks whether others have listed an address, and believes only what such a list says. */
import type { DnsAnswer, Resolver } from './answer.ts'
import { plainAddress, reverseLabels } from './asked-name.ts'
import type { DomainName } from './name.ts'
import { within } from './within.ts'
import type { Timer } from './wire/client.ts'

/** @property points what a listing is worth, in points of the verdict; null for the usual */
export type Blocklist = { zone: DomainName; points: number | null }

/** `codes`: the addresses in 127.0.0.0/8 that say why, in the words of the list's own documentation. */
export type Listing = Blocklist & { codes: string[] }

/** `unusable`: the list refuses us, or lists everybody. The operator should know; it says nothing about the address. `unknown`: no answer in time. */
export type BlocklistAnswer =
  | { kind: 'listed'; listing: Listing }
  | { kind: 'not-listed' }
  | { kind: 'unusable'; zone: DomainName; reason: 'refuses-us' | 'lists-everything' }
  | { kind: 'unknown'; zone: DomainName }

const timeLimitMs = 10_000
const maxCodes = 10

/** Asks all lists at once. In the order of `lists`; [] when `ip` is no address. */
export async function askBlocklists(resolver: Resolver, clock: Timer, lists: readonly Blocklist[], ip: string): Promise<BlocklistAnswer[]> {
  const labels = reverseLabels(plainAddress(ip))
  if (labels === null) return []
  return Promise.all(
    lists.map((list) => within(clock, timeLimitMs, askOne(resolver, list, labels), { kind: 'unknown', zone: list.zone } as const)),
  )
}

async function askOne(resolver: Resolver, list: Blocklist, labels: string): Promise<BlocklistAnswer> {
  const { zone } = list
  const answer = await resolver.a(`${labels}.${zone}`)
  if (answer.kind === 'failed') return { kind: 'unknown', zone }
  const codes = codesIn(answer)
  if (codes.some(isRefusal)) return { kind: 'unusable', zone, reason: 'refuses-us' }
  if (codes.length === 0) return { kind: 'not-listed' }
  return (await listsEverything(resolver, zone))
    ? { kind: 'unusable', zone, reason: 'lists-everything' }
    : { kind: 'listed', listing: { ...list, codes: codes.slice(0, maxCodes) } }
}

/** §2.1 allows nothing but 127.0.0.0/8. What else comes is no list but, say, the new owner of an expired domain, or an advertising resolver. */
const codesIn = (answer: DnsAnswer<string[]>): string[] =>
  answer.kind === 'found' ? answer.value.filter((address) => address.startsWith('127.')) : []

/** Spamhaus: 127.255.255.252 a misspelt zone, .254 asked through a public resolver, .255 asked too often. Others do as they do. */
const isRefusal = (code: string): boolean => code.startsWith('127.255.255.')

/** §5: 127.0.0.1 is in no list. The answer is kept like any other, so this costs a look-up per zone and hour at most. */
const listsEverything = async (resolver: Resolver, zone: DomainName): Promise<boolean> =>
  codesIn(await resolver.a(`1.0.0.127.${zone}`)).length > 0
