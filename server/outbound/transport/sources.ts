import { createHash } from 'node:crypto'
import { BlockList, isIP, isIPv6 } from 'node:net'
import { type Address, domainOf } from '../../model/address.ts'
import type { Target } from '../transport.ts'

/** One of our own addresses to send from, and the name to say in EHLO there; null: our host name. */
export type Source = { address: string; name: string | null }

/** The address a sender's mail for this target comes from; null: whichever the system takes. It depends on nothing but the sender's domain: greylisting hosts
 *  know the address that came first, what a domain earns in reputation stays with it, and an address more or less moves no other domain's
 *  mail (rendezvous hashing). @param reversePath null: reports of our own */
export function sourceFor(sources: readonly Source[], reversePath: Address | null, target: Target): Source | null {
  if (isOnThisMachine(target.address)) return null
  const family = isIP(target.address)
  const fitting = sources.filter((source) => family === 0 || isIP(source.address) === family)
  const domain = reversePath === null ? '' : domainOf(reversePath)
  return fitting.toSorted((one, other) => weight(domain, other).compare(weight(domain, one)))[0] ?? null
}

/** Whether mail may go to an address of this kind: who lists addresses to send from wants no other used. */
export const canReach = (sources: readonly Source[], address: string): boolean =>
  sources.length === 0 || isOnThisMachine(address) || sources.some((source) => isIPv6(source.address) === isIPv6(address))

const weight = (domain: string, { address }: Source): Buffer => createHash('sha256').update(`${domain} ${address}`).digest()

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')
const isOnThisMachine = (address: string): boolean => isIP(address) > 0 && loopback.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
