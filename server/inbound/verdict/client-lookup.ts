/** What the DNS says of the address of a client: its names, and the block lists that have it. */
import { type Blocklist, type BlocklistAnswer, askBlocklists } from '../../../dns/dnsbl.ts'
import type { Resolver } from '../../../dns/resolver.ts'
import { type ReverseResult, findReverse } from '../../../dns/reverse.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import type { ClientReverse, Listing } from './message-facts.ts'

/** `names`: those that lead back to it. */
export type ClientNames = { reverse: ClientReverse; names: readonly string[]; listings: readonly Listing[] }

/** Never rejects, and ends within the limits of the look-ups. */
export type LookUpClient = (ip: string) => Promise<ClientNames>

export const unknownClient: ClientNames = { reverse: 'unknown', names: [], listings: [] }

/** As much as marks a message by itself. */
const usualPoints = 6
/** The operator is told of a list that is of no use, and not with each message. */
const sayAgainMs = 3_600_000

type Deps = { resolver: Resolver; blocklists: readonly Blocklist[]; clock: Clock; log: Log }

export function createClientLookup({ resolver, blocklists, clock, log }: Deps): LookUpClient {
  const saidAt = new Map<string, number>()
  const sayUnusable = (answer: BlocklistAnswer): void => {
    if (answer.kind !== 'unusable' || clock.now() - (saidAt.get(answer.zone) ?? -Infinity) < sayAgainMs) return
    saidAt.set(answer.zone, clock.now())
    log.warn({ list: answer.zone, reason: answer.reason }, 'blocklist.unusable')
  }
  return async (ip) => {
    const [reverse, answers] = await Promise.all([findReverse(resolver, clock, ip), askBlocklists(resolver, clock, blocklists, ip)])
    answers.forEach(sayUnusable)
    return { reverse: reverse.kind, names: namesOf(reverse), listings: answers.flatMap(listingsIn) }
  }
}

const namesOf = (reverse: ReverseResult): readonly string[] => (reverse.kind === 'confirmed' ? reverse.names : [])

const listingsIn = (answer: BlocklistAnswer): Listing[] =>
  answer.kind === 'listed' ? [{ list: answer.listing.zone, points: answer.listing.points ?? usualPoints }] : []
