import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { z } from 'zod'
import { type DomainName, parseDomainName } from '../dns/name.ts'

/** How the text of a setting becomes its value. Each reader is strict: what it does not understand it refuses, saying what to write instead. */
export const read = <T>(parse: (text: string) => T | null, instead: string) =>
  z.string().transform((text, context) => {
    const value = parse(text.trim())
    if (value !== null) return value
    context.issues.push({ code: 'custom', input: text, message: `write ${instead}` })
    return z.NEVER
  })

const durationUnits: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const sizes: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2 }

/** `90s`, `1.5h`: one number and one unit. */
function measure(text: string, units: Record<string, number>): number | null {
  const [, number, unit = ''] = /^(\d{1,9}(?:\.\d{1,3})?)\s?([A-Za-z]+)$/.exec(text) ?? []
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined
  return number === undefined || factor === undefined ? null : Math.round(Number(number) * factor)
}

const between = (value: number | null, low: number, high: number): number | null =>
  value !== null && value >= low && value <= high ? value : null

const wholeNumber = (text: string): number | null => (/^\d{1,9}$/.test(text) ? Number(text) : null)

/** Milliseconds. @param low and high as a person writes them */
export const duration = (low: string, high: string) =>
  read(
    (text) => between(measure(text, durationUnits), measure(low, durationUnits) ?? 0, measure(high, durationUnits) ?? 0),
    `a number with its unit (ms, s, m, h or d) from ${low} to ${high}, such as ${high}`,
  )

const mostDurations = 20
/** Several of them in ms; `none` for no such thing. */
export const durations = (low: string, high: string) =>
  read((text): number[] | null => {
    if (text === 'none') return []
    const [from, to] = [measure(low, durationUnits) ?? 0, measure(high, durationUnits) ?? 0]
    const all = text.split(',').map((one) => between(measure(one.trim(), durationUnits), from, to))
    return all.length <= mostDurations && all.every((one) => one !== null) ? all : null
  }, `none, or up to ${mostDurations} numbers with their units (ms, s, m, h or d) from ${low} to ${high}, separated by commas`)

/** Bytes. */
export const size = (low: string, high: string) =>
  read(
    (text) => between(measure(text, sizes), measure(low, sizes) ?? 0, measure(high, sizes) ?? 0),
    `a number with its unit (B, KiB or MiB) from ${low} to ${high}, such as ${high}`,
  )

export const count = (low: number, high: number) =>
  read((text) => between(wholeNumber(text), low, high), `a whole number from ${low} to ${high}`)

/** Port 0 lets the system choose a free one. */
export const listenPort = read((text) => between(wholeNumber(text), 0, 65_535), 'a port number from 1 to 65535, or 0 for any free one')

export const remotePort = read((text) => between(wholeNumber(text), 1, 65_535), 'a port number from 1 to 65535')

export const yesOrNo = read(
  (text) => ({ true: true, yes: true, '1': true, false: false, no: false, '0': false })[text.toLowerCase()] ?? null,
  'true or false',
)

/** A name of at least two labels: other servers refuse a greeting such as `localhost` (RFC 5321 §4.1.1.1 wants a fully-qualified name). */
export const hostName = read((text): DomainName | null => {
  const name = parseDomainName(text)
  return name?.includes('.') ? name : null
}, 'a full host name, such as mail.example.com')

export const listenAddress = read(
  (text) => (isIP(text) === 0 ? null : text),
  'an IP address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them',
)

export const logLevel = read(
  (text) => (['debug', 'info', 'warn', 'error'] as const).find((level) => level === text) ?? null,
  'one of debug, info, warn, error',
)

export const adminApproval = read((text) => (['code', 'off'] as const).find((one) => one === text) ?? null, 'code or off')

export const signUp = read((text) => (['off', 'people', 'agents'] as const).find((one) => one === text) ?? null, 'off, people or agents')

export const domainName = read((text): DomainName | null => {
  const name = parseDomainName(text)
  return name?.includes('.') ? name : null
}, 'a domain, such as example.com')

/** Absolute; a relative path starts at the folder the program was started in. */
export const filePath = read((text) => (text.includes('\0') ? null : resolve(text)), 'the path of a file or folder')

/** The address of our own server, without a path: `https://mail.example.com`. */
export const webAddress = read((text) => {
  const url = URL.canParse(text) ? new URL(text) : null
  const plain =
    url !== null && ['http:', 'https:'].includes(url.protocol) && url.pathname === '/' && url.search + url.hash + url.username === ''
  return plain ? url.origin : null
}, 'an address with http or https and no path, such as https://mail.example.com')

export const databaseUrl = read(
  (text) => (/^postgres(ql)?:\/\/./.test(text) && URL.canParse(text) ? text : null),
  'an address such as postgresql://user:password@host:5432/database, or leave it out to use SQLite',
)

export type HostAndPort = { host: string; port: number }

/** `relay.example.com:587`, `192.0.2.7:25`, `[2001:db8::7]:25`. */
export const hostAndPort = read((text): HostAndPort | null => {
  const [, bracketed, plain, digits = ''] = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/i.exec(text) ?? []
  const host = bracketed === undefined ? hostOf(plain) : isIP(bracketed) === 6 ? bracketed : null
  const port = between(wholeNumber(digits), 1, 65_535)
  return host === null || port === null ? null : { host, port }
}, 'a host and a port, such as relay.example.com:587 or [2001:db8::7]:25')

/** `/run/clamav/clamd.ctl`, or `127.0.0.1:3310`. */
export const socketPlace = read((text): { path: string } | HostAndPort | null => {
  if (/^\/[^\0]{1,100}$/.test(text)) return { path: text }
  const place = hostAndPort.safeParse(text)
  return place.success ? place.data : null
}, 'the path of a socket, or a host and a port, such as 127.0.0.1:3310')

const hostOf = (text = ''): string | null => (isIP(text) === 4 ? text : parseDomainName(text))

const maxServers = 8
/** IP addresses, each with an optional port, separated by commas. */
export const dnsServers = read((text): string[] | null => {
  const servers = text.split(',').map((part) => part.trim())
  return servers.length <= maxServers && servers.every(isServer) ? servers : null
}, `up to ${maxServers} IP addresses separated by commas, such as 127.0.0.1 or 192.0.2.53:5353,[2001:db8::53]:53`)

function isServer(text: string): boolean {
  if (isIP(text) !== 0) return true
  const [, bracketed, plain, port = ''] = /^(?:\[([0-9a-f:.]+)\]|([\d.]+)):(\d{1,5})$/i.exec(text) ?? []
  return (isIP(bracketed ?? '') === 6 || isIP(plain ?? '') === 4) && between(wholeNumber(port), 1, 65_535) !== null
}

const maxAddresses = 16
/** IP addresses, separated by commas. */
export const addresses = read((text): string[] | null => {
  const list = text.split(',').map((part) => part.trim())
  return list.length <= maxAddresses && list.every((address) => isIP(address) !== 0 && !address.includes('%')) ? list : null
}, `up to ${maxAddresses} IP addresses separated by commas, such as 192.0.2.7,2001:db8::7`)

/** IP addresses of ours, separated by commas, each with the name it has in the DNS if that is not the host name. */
export const sourceAddresses = read((text): { address: string; name: DomainName | null }[] | null => {
  const list = text.split(',').map((part) => sourceOf(part.trim()))
  return list.length <= maxAddresses && list.every((one) => one !== null) ? list : null
}, `up to ${maxAddresses} IP addresses separated by commas, each with or without a host name, such as 192.0.2.7,2001:db8::7=mail6.example.com`)

function sourceOf(text: string): { address: string; name: DomainName | null } | null {
  const [address = '', name, ...more] = text.split('=').map((part) => part.trim())
  if (isIP(address) === 0 || address.includes('%') || more.length > 0) return null
  const known = name === undefined ? null : parseDomainName(name)
  return name !== undefined && !known?.includes('.') ? null : { address, name: known }
}

/** A first day, or several addresses of ours each with its own: epoch ms, UTC. `address` null: those that are not named. */
export const warmUpDays = read((text): { address: string | null; since: number }[] | null => {
  const list = text.split(',').map((part) => warmUpOf(part.trim()))
  return list.length <= maxAddresses && list.every((one) => one !== null) ? list : null
}, `a day such as 2026-11-22, or up to ${maxAddresses} addresses with their days, separated by commas, such as 192.0.2.7=2026-11-22,192.0.2.8=2026-12-01`)

function warmUpOf(text: string): { address: string | null; since: number } | null {
  const [, address = null, day = ''] = /^(?:([0-9a-f:.]+) ?= ?)?(\d{4}-\d{2}-\d{2})$/i.exec(text) ?? []
  const since = Date.parse(`${day}T00:00:00Z`)
  return Number.isNaN(since) || new Date(since).toISOString().slice(0, 10) !== day || (address !== null && isIP(address) === 0)
    ? null
    : { address, since }
}

const maxNames = 100
/** Names of domains, separated by commas; may be none. */
export const domainNames = read((text): DomainName[] | null => {
  const names = text === '' ? [] : text.split(',').map((part) => parseDomainName(part.trim()))
  return names.length <= maxNames && names.every((name) => name !== null) ? names : null
}, `up to ${maxNames} domains separated by commas, such as example.org,lists.example.net`)

const maxNetworks = 100
/** Networks as an address and a length (CIDR), or single addresses, separated by commas. */
export const networks = read((text): string[] | null => {
  const parts = text.split(',').map((part) => part.trim())
  return parts.length <= maxNetworks && parts.every(isNetwork) ? parts : null
}, `up to ${maxNetworks} networks separated by commas, such as 192.0.2.0/24,2001:db8::/48 or 192.0.2.7`)

function isNetwork(text: string): boolean {
  const [address = '', length, ...more] = text.split('/')
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
  return (
    more.length === 0 && most >= 0 && !address.includes('%') && (length === undefined || between(wholeNumber(length), 0, most) !== null)
  )
}

/** Which DKIM signatures a message gets. */
export const dkimAlgorithms = read(
  (text): ('rsa-sha256' | 'ed25519-sha256')[] | null =>
    text === 'both' ? ['rsa-sha256', 'ed25519-sha256'] : text === 'rsa' ? ['rsa-sha256'] : null,
  'both or rsa',
)

export const limitsInForce = read(
  (text) => (['on', 'monitor', 'off'] as const).find((word) => word === text) ?? null,
  'one of on, monitor, off',
)

/** What RFC 6750 §2.1 lets a bearer token be, and too long to be tried out. */
export const metricsToken = read(
  (text) => (/^[A-Za-z0-9._~+/-]{16,200}=*$/.test(text) && text.length <= 200 ? text : null),
  'at least 16 and at most 200 letters, digits or any of ._~+/-',
)

const maxBlocklists = 8
/** Zones of DNS block lists, separated by commas, each with what a listing in it is worth if that is not the usual. */
export const blocklists = read((text): { zone: DomainName; points: number | null }[] | null => {
  const lists = text.split(',').map((part) => blocklistOf(part.trim()))
  return lists.length <= maxBlocklists && lists.every((list) => list !== null) ? lists : null
}, `up to ${maxBlocklists} names of block lists separated by commas, each with or without points from 0 to 100, such as bl.example.org=3,dnsbl.example.com`)

function blocklistOf(text: string): { zone: DomainName; points: number | null } | null {
  const [, name = '', points] = /^([^=]+?)(?:\s*=\s*(\d{1,3}(?:\.\d{1,2})?))?$/.exec(text) ?? []
  const zone = parseDomainName(name)
  return zone === null || Number(points ?? 0) > 100 ? null : { zone, points: points === undefined ? null : Number(points) }
}

/** Any text; what it must be is for its reader to say. */
export const anyText = read((text) => text, 'some text')
