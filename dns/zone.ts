import type { DnsAnswer, MxRecord, Records, Resolver, RrType, TlsaRecord } from './answer.ts'
import { plainName, reverseName } from './asked-name.ts'
import { answerOf, resolverOver } from './lookup.ts'

/** The records of one name. `SERVFAIL` makes every question about it fail; `TIMEOUT` likewise. TXT records may be given joined.
 *  `TTL` (seconds) is for a server that serves the zone; `SECURE` marks what DNSSEC would prove. */
export type ZoneRecords = {
  A?: readonly string[]
  AAAA?: readonly string[]
  MX?: readonly MxRecord[]
  TXT?: readonly (string | readonly string[])[]
  PTR?: readonly string[]
  TLSA?: readonly TlsaRecord[]
  CNAME?: string
  SERVFAIL?: true
  TIMEOUT?: true
  TTL?: number
  SECURE?: true
}
/** By name; a PTR record may stand under its IP address. */
export type Zone = { [name: string]: ZoneRecords }

const maxAliases = 8

/** A resolver that knows these names and asks nobody. The zone is read at each question, so it may be changed meanwhile. */
export const createZoneResolver = (zone: Zone): Resolver =>
  resolverOver((name, rrtype) =>
    Promise.resolve({
      answer: fromZone(zone, name, rrtype, maxAliases),
      validUntil: 0,
      authenticated: findInZone(zone, name)?.SECURE === true,
    }),
  )

function fromZone<T extends RrType>(zone: Zone, name: string, rrtype: T, aliasesLeft: number): DnsAnswer<Records[T][]> {
  const here = findInZone(zone, name)
  // A name with names below it exists, although it has no records (RFC 8020 §2).
  if (here === undefined) return hasNamesBelow(zone, name) ? { kind: 'no-data' } : { kind: 'no-domain' }
  if (here.SERVFAIL) return { kind: 'failed', reason: 'ESERVFAIL' }
  if (here.TIMEOUT) return { kind: 'failed', reason: 'ETIMEOUT' }
  if (here.CNAME === undefined || rrtype === 'CNAME') return answerOf(pick[rrtype](here))
  if (aliasesLeft === 0) return { kind: 'failed', reason: 'ESERVFAIL' }
  return fromZone(zone, plainName(here.CNAME), rrtype, aliasesLeft - 1)
}

const pick: { [T in RrType]: (records: ZoneRecords) => Records[T][] } = {
  A: ({ A = [] }) => [...A],
  AAAA: ({ AAAA = [] }) => [...AAAA],
  MX: ({ MX = [] }) => MX.map(({ priority, exchange }) => ({ priority, exchange: exchange.replace(/\.$/, '') })),
  TXT: ({ TXT = [] }) => TXT.map((record) => (typeof record === 'string' ? [record] : [...record])),
  PTR: ({ PTR = [] }) => [...PTR],
  TLSA: ({ TLSA = [] }) => [...TLSA],
  CNAME: ({ CNAME }) => (CNAME === undefined ? [] : [CNAME]),
}

const zoneKey = (name: string): string => reverseName(name) ?? plainName(name)

/** What the zone has under this very name. @param name small letters, no final dot */
export const findInZone = (zone: Zone, name: string): ZoneRecords | undefined =>
  Object.entries(zone).find(([key]) => zoneKey(key) === name)?.[1]

const hasNamesBelow = (zone: Zone, name: string): boolean => Object.keys(zone).some((key) => zoneKey(key).endsWith(`.${name}`))
