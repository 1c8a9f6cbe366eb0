/** From a recipient's domain to the places to try, or the reason why there is none. */
import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { type MailHost, type MailHosts, findMailHosts } from '../../dns/mx.ts'
import type { DomainName } from '../../dns/name.ts'
import type { Resolver } from '../../dns/resolver.ts'
import { type Ending, type Target, ourEnding } from './transport.ts'

export type RouteConfig = {
  /** our own name, as EHLO and MX say it */
  hostname: string
  /** of other people's mail servers: 25 */
  port: number
  /** takes all mail, whatever its domain; set by the operator, so any address is allowed */
  smarthost: { host: string; port: number } | null
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
  const { smarthost } = question.config
  if (smarthost !== null) return { kind: 'targets', targets: [{ host: smarthost.host, address: smarthost.host, port: smarthost.port }] }
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
    return [{ host: host.name, address: config.ownListener.host, port: config.ownListener.port }]
  }
  const allowed = host.addresses.filter((address) => config.allowPrivateTargets || isPublicAddress(address))
  return alternating(allowed).map((address) => ({ host: host.name, address, port: config.port }))
}

/** IPv6 and IPv4 in turn, so that a machine without one of them still reaches the host within the limit (RFC 8305 §4). */
function alternating(addresses: readonly string[]): string[] {
  const six = addresses.filter((address) => isIPv6(address))
  const four = addresses.filter((address) => isIPv4(address))
  return Array.from({ length: Math.max(six.length, four.length) }, (_, at) => [six[at], four[at]])
    .flat()
    .filter((address) => address !== undefined)
}

// The special-purpose registries (RFC 6890): whoever writes an MX record must not make us talk to our own network.
const privateNetworks = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  privateNetworks.addSubnet(network, prefix, 'ipv4')
}
// 6to4 and Teredo carry an IPv4 address inside.
privateNetworks.addSubnet('2002::', 16, 'ipv6')
privateNetworks.addSubnet('2001::', 32, 'ipv6')
const globalUnicast = new BlockList()
globalUnicast.addSubnet('2000::', 3, 'ipv6')

/** An address of the internet at large: not loopback, private, link-local, multicast, or one that wraps another. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !privateNetworks.check(address, 'ipv4')
  return isIPv6(address) && globalUnicast.check(address, 'ipv6') && !privateNetworks.check(address, 'ipv6')
}
