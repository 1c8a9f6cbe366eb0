/** What a client calls itself. */
import { isIP } from 'node:net'
import { parseDomainName } from '../../../dns/name.ts'
import type { Client } from '../arrival.ts'
import type { Helo } from './message-facts.ts'

/** RFC 5321 §4.1.4 wants the full name of the client, or its address as a literal. Nobody is refused for less, but who takes our own name lies.
 *  @param names those that lead to the client's address: when ours is among them, we talk to ourselves */
export function heloKind({ helo, ip }: Pick<Client, 'helo' | 'ip'>, hostname: string, names: readonly string[]): Helo {
  const name = parseDomainName(helo)
  if (name !== null && name === parseDomainName(hostname)) return names.includes(name) ? 'plausible' : 'ours'
  if (name !== null) return name.includes('.') ? 'plausible' : 'no-name'
  const literal = /^\[(?:IPv6:)?([0-9A-Fa-f.:]{2,45})\]$/i.exec(helo)?.[1] ?? ''
  return isIP(literal) !== 0 && sameAddress(literal, ip) ? 'plausible' : 'no-name'
}

const sameAddress = (one: string, other: string): boolean => normal(one) === normal(other)
const normal = (ip: string): string => (isIP(ip) === 6 ? new URL(`http://[${ip}]/`).hostname : ip)
