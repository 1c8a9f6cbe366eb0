/** From a recipient's domain to the places to try, or the reason why there is none. */
import { isIPv4, isIPv6 } from 'node:net'
import { type MailHost, type MailHosts, findMailHosts } from '../../dns/mx.ts'
import type { DomainName } from '../../dns/name.ts'
import type { Resolver } from '../../dns/resolver.ts'
import { type DomainRoute, type Smarthost, smarthostFor, targetOf } from './smarthosts.ts'
import { isPublicAddress } from '../platform/public-address.ts'
import { type Source, canReach } from './transport/sources.ts'
import { type Ending, type Target, ourEnding } from './transport.ts'

export type RouteConfig = {
  /** our own name, as EHLO and MX say it */
  hostname: string
  /** of other people's mail servers: 25 */
  port: number
  /** takes all mail, whatever its domain; set by the operator, so any address is allowed */
  smarthost: Smarthost | null
  /** where mail for single domains goes instead */
  routes?: readonly DomainRoute[]
  /** our addresses to send from; none: whichever the system takes */
  sources?: readonly Source[]
  allowPrivateTargets: boolean
  /** where our own listener is reached from here, for mail between our own mailboxes */
  ownListener: { host: string; port: number } | null
}

/** `targets` has at least one, most preferred first. */
export type Route = { kind: 'targets'; targets: readonly Target[] } | { kind: 'none'; ending: Ending }

type Question = { resolver: Resolver; config: RouteConfig; domain: DomainName; isOurs: boolean; random?: () => number }

// What Postfix tries at most (smtp_mx_address_limit).
const maxTargets = 5

/** RFC 5321 §5.1. @param question `isOurs`: the domain is one of this appliance's own */
export async function findRoute(question: Question): Promise<Route> {
  const smarthost = smarthostFor(question.config, question.domain)
  if (smarthost !== null) return { kind: 'targets', targets: [targetOf(smarthost)] }
  const hosts = await mailHosts(question)
  if (hosts.kind !== 'found') return { kind: 'none', ending: noHost(hosts) }
  const reachable = withoutLoop(hosts.hosts, question)
  if (reachable.length === 0) return none(550, '5.4.6', 'The domain says that we are its mail server, and we are not')
  const targets = reachable.flatMap((host) => targetsOf(host, question)).slice(0, maxTargets)
  return targets.length > 0 ? { kind: 'targets', targets } : none(550, '5.4.4', 'The domain’s mail hosts have no public address')
}

/** That a domain does not exist ends a delivery for good, so it is asked twice. */
async function mailHosts({ resolver, domain, random }: Question): Promise<MailHosts> {
  const hosts = await findMailHosts(resolver, domain, random)
  return hosts.kind === 'no-domain' ? await findMailHosts(resolver, domain, random) : hosts
}

function noHost(hosts: Exclude<MailHosts, { kind: 'found' }>): Ending {
  switch (hosts.kind) {
    case 'null-mx':
      return ourEnding('route', 556, '5.1.10', 'The domain does not accept mail (null MX)') // RFC 7505 §4.1
    case 'no-domain':
      return ourEnding('route', 550, '5.1.2', 'The domain does not exist')
    case 'no-address':
      return ourEnding('route', 550, '5.4.4', 'The domain has no host that takes mail')
    case 'failed':
      return ourEnding('route', 451, '4.4.3', `The DNS gave no answer (${hosts.reason})`)
  }
}

const none = (code: number, status: `5.${number}.${number}`, text: string): Route => ({
  kind: 'none',
  ending: ourEnding('route', code, status, text),
})

/** For a domain that is not ours, only hosts better than ourselves are further along the way (RFC 5321 §5.1, end). */
function withoutLoop(hosts: readonly MailHost[], { config, isOurs }: Question): readonly MailHost[] {
  const us = hosts.find((host) => host.name === config.hostname)
  return us === undefined || isOurs ? hosts : hosts.filter((host) => host.priority < us.priority)
}

function targetsOf(host: MailHost, { config, isOurs }: Question): Target[] {
  if (isOurs && host.name === config.hostname && config.ownListener !== null) {
    return [{ host: host.name, address: config.ownListener.host, port: config.ownListener.port, trusted: true }]
  }
  const { allowPrivateTargets, sources = [], port } = config
  const allowed = host.addresses.filter((address) => (allowPrivateTargets || isPublicAddress(address)) && canReach(sources, address))
  return alternating(allowed).map((address) => ({ host: host.name, address, port, trusted: allowPrivateTargets }))
}

/** IPv6 and IPv4 in turn, so that a machine without one of them still reaches the host within the limit (RFC 8305 §4). */
function alternating(addresses: readonly string[]): string[] {
  const six = addresses.filter((address) => isIPv6(address))
  const four = addresses.filter((address) => isIPv4(address))
  return Array.from({ length: Math.max(six.length, four.length) }, (_, at) => [six[at], four[at]])
    .flat()
    .filter((address) => address !== undefined)
}
