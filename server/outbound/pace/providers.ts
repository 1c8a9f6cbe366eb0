/** Who takes the mail of many domains, and how much of it at a time. Knowledge of the world: a row for each, with where it is from. */
import { getDomain } from 'tldts'
import type { Target } from '../transport.ts'
import { isPublicAddress } from '../../platform/public-address.ts'

/** `connections` at a time, `perMinute` new connections, `perConnection` messages over one of them. */
export type Limits = { connections: number; perMinute: number; perConnection: number }

export type ProviderName = 'google' | 'outlook' | 'office365' | 'yahoo' | 'apple' | 'orange' | 'smarthost' | 'other'

export type Provider = {
  name: ProviderName
  /** their MX hosts are these names, or end in them */ hosts: readonly string[]
  limits: Limits
}

/** First match wins. From the shaping rules that KumoMTA ships, which large senders share (assets/policy-extras/shaping.toml, 2026). Where it has no
 *  number of its own its default stands. */
export const providers: readonly Provider[] = [
  { name: 'google', hosts: ['google.com', 'googlemail.com'], limits: { connections: 5, perMinute: 100, perConnection: 50 } },
  { name: 'outlook', hosts: ['olc.protection.outlook.com'], limits: { connections: 5, perMinute: 100, perConnection: 50 } },
  {
    name: 'office365',
    hosts: ['mail.protection.outlook.com', 'mx.microsoft'],
    limits: { connections: 5, perMinute: 100, perConnection: 50 },
  },
  { name: 'yahoo', hosts: ['yahoodns.net'], limits: { connections: 10, perMinute: 100, perConnection: 20 } },
  { name: 'apple', hosts: ['mail.icloud.com'], limits: { connections: 10, perMinute: 100, perConnection: 5 } },
  { name: 'orange', hosts: ['orange.fr', 'wanadoo.fr'], limits: { connections: 2, perMinute: 100, perConnection: 100 } },
]

/** Everybody else, each for itself. */
export const otherLimits: Limits = { connections: 10, perMinute: 100, perConnection: 100 }
/** A server that takes all our mail by agreement. */
export const smarthostLimits: Limits = { connections: 20, perMinute: 600, perConnection: 100 }

/** Who takes the mail, whatever the recipient's domain. `key` tells one from the other, `name` is for people and numbers. */
export type Destination = { key: string; name: ProviderName; limits: Limits }

/** Null: a server of the operator's own network, which nobody else has a say in. */
export function destinationOf({ host, address, relay, trusted }: Target): Destination | null {
  if (trusted === true && !isPublicAddress(address) && relay === undefined) return null
  if (relay !== undefined) return isOwn(host) ? null : { key: `smarthost ${host}`, name: 'smarthost', limits: smarthostLimits }
  const provider = providerOf(host)
  if (provider !== null) return { key: provider.name, name: provider.name, limits: provider.limits }
  // All hosts under one registered name are one company's. A key of this kind has a dot, a provider's has none.
  return { key: registeredName(host), name: 'other', limits: otherLimits }
}

/** Messages that go over one connection to this host. */
export const messagesOver = (target: Target): number => (destinationOf(target)?.limits ?? otherLimits).perConnection

/** @param host a name in lower case */
const providerOf = (host: string): Provider | null =>
  providers.find(({ hosts }) => hosts.some((name) => host === name || host.endsWith(`.${name}`))) ?? null

const longestKey = 253
const registeredName = (host: string): string => (getDomain(host) ?? host).slice(0, longestKey)

/** A smarthost on this machine or network, by its address or the name every machine has for itself. */
const isOwn = (host: string): boolean => host === 'localhost' || (/^[\d.:a-f]+$/.test(host) && /[.:]/.test(host) && !isPublicAddress(host))
