/**
 * TLS as domains and messages ask for it: DANE, MTA-STS, REQUIRETLS.
 *
 * Promise: a requirement that could not be found out is never taken for one that is not there, where an attacker could make the difference: what the
 * DNS cannot prove waits, and a policy that was known holds until its time is over. What came of TLS is counted for the domain that wants to know.
 */
import { type DomainName, parseDomainName } from '../../../dns/name.ts'
import type { Log } from '../../platform/log.ts'
import type { Resolver } from '../../../dns/resolver.ts'
import type { Target, Transport } from '../transport.ts'
import { type DaneFinding, findDane } from './dane.ts'
import type { FoundPolicy, StsPolicies } from './mta-sts.ts'
import { type Ruling, endingOf, rule } from './requirement.ts'
import { type Counted, countedResult } from './results.ts'

/** `targets` are the hosts of `domain` by its MX records; `chosen` those that the operator named, for whom no DNS speaks. */
export type Way = { domain: DomainName; targets: readonly Target[]; chosen: (target: Target) => boolean; requireTls: boolean }

export type TlsGuard = {
  /** The transport for one delivery: with each target, what TLS has to be there; a target to which nothing may go is not dialled.
   *  Rejects only when the store fails. */
  guard(transport: Transport, way: Way, log: Log): Promise<Transport>
}

export type GuardDeps = {
  resolver: Resolver
  policies: Pick<StsPolicies, 'find'>
  /** whether the resolver's word that DNSSEC proves an answer counts */
  validates: boolean
  /** called once a session has shown something */
  count: (result: Counted) => void
}

export function createTlsGuard(deps: GuardDeps): TlsGuard {
  return {
    async guard(transport, way, log) {
      const isAsked = way.targets.some((target) => !way.chosen(target))
      const found: FoundPolicy = isAsked ? await deps.policies.find(way.domain) : { policy: null, trouble: null }
      const views = new Map<string, View>()
      await Promise.all(way.targets.map(async (target) => void views.set(keyOf(target), await viewOf(deps, way, target, found))))
      const hopeless = [...views.values()].every(({ ruling }) => ruling.kind === 'refuse' && ruling.forGood)
      return async (session) => {
        const view = views.get(keyOf(session.target))
        if (view === undefined) throw new Error('a target that is not on the way')
        const { ruling, dane } = view
        const end =
          ruling.kind === 'refuse'
            ? { ...endingOf(ruling, hopeless), remoteAddress: null, tls: null }
            : await transport({
                ...session,
                tls: ruling.requirement,
                ...(way.requireTls && { dispatch: { ...session.dispatch, requireTls: true } }),
              })
        if (ruling.kind === 'refuse')
          log.warn({ host: session.target.host, reason: ruling.why, detail: ruling.detail }, 'delivery.tls-refused')
        const counted = way.chosen(session.target)
          ? null
          : countedResult({ domain: way.domain, host: session.target.host, dane, found, ruling, end })
        if (counted !== null) deps.count(counted)
        return end
      }
    },
  }
}

type View = { ruling: Ruling; dane: DaneFinding }

const keyOf = ({ host, address, port }: Target): string => `${host} ${address} ${port}`

async function viewOf(deps: GuardDeps, way: Way, target: Target, { policy }: FoundPolicy): Promise<View> {
  const host = parseDomainName(target.host)
  if (way.chosen(target) || host === null) return { ruling: ofChosen(target, way.requireTls), dane: notLookedAt }
  const { domain, requireTls } = way
  const dane = deps.validates ? await findDane(deps.resolver, { domain, host, address: target.address, port: target.port }) : notLookedAt
  return { ruling: rule({ host, dane, policy, requireTls }), dane }
}

const notLookedAt: DaneFinding = { kind: 'none', hostProved: false }

/** The operator's word counts for proof of the name (RFC 8689 §4.2.1). */
const ofChosen = ({ host }: Target, requireTls: boolean): Ruling => ({
  kind: 'allow',
  requirement: requireTls ? { kind: 'verified', because: 'requiretls', names: [host] } : { kind: 'opportunistic' },
})
