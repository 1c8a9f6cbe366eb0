/**
 * The header with which a proxy says who connects through it: the PROXY protocol, versions 1 (a line) and 2 (binary), as
 * https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt defines them.
 */
import { isIPv4, isIPv6 } from 'node:net'

/** `client` null: the proxy speaks for itself (a health check), or does not know. `length`: of the header; what follows is the client's. */
export type ProxyHeader =
  | { kind: 'header'; client: { ip: string; port: number } | null; length: number }
  | { kind: 'more' }
  | { kind: 'bad' }

const more: ProxyHeader = { kind: 'more' }
const bad: ProxyHeader = { kind: 'bad' }

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const word = Buffer.from('PROXY ', 'latin1')
/** Its CRLF included. */
const maxLineBytes = 107
/** What stands before the addresses. */
const prologueBytes = 16
/** What stands behind the addresses (TLS, names, ids) is passed over, and is never this long. */
const maxBehindPrologue = 2_048

/** @param bytes all that came so far */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  if (begins(bytes, signature)) return bytes.length < prologueBytes ? more : parseBinary(bytes)
  return begins(bytes, word) ? parseLine(bytes) : bad
}

/** As far as there is anything. */
const begins = (bytes: Buffer, start: Buffer): boolean => {
  const length = Math.min(bytes.length, start.length)
  return bytes.compare(start, 0, length, 0, length) === 0
}

function parseLine(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, maxLineBytes).indexOf('\r\n')
  if (end < 0) return bytes.length < maxLineBytes ? more : bad
  const [, protocol, source = '', destination = '', sourcePort = '', destinationPort = '', ...rest] = bytes
    .toString('latin1', 0, end)
    .split(' ')
  const header = (client: { ip: string; port: number } | null): ProxyHeader => ({ kind: 'header', client, length: end + 2 })
  if (protocol === 'UNKNOWN') return header(null)
  const isAddress = protocol === 'TCP4' ? isIPv4 : protocol === 'TCP6' ? isIPv6 : null
  const sound = isAddress !== null && [source, destination].every((ip) => isAddress(ip) && !ip.includes('%'))
  const port = portOf(sourcePort)
  return sound && port !== null && portOf(destinationPort) !== null && rest.length === 0 ? header({ ip: source, port }) : bad
}

const portOf = (text: string): number | null => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : null)

const local = 0x20
const proxied = 0x21
const tcp4 = 0x11
const tcp6 = 0x21

function parseBinary(bytes: Buffer): ProxyHeader {
  const [command, family, behind] = [bytes[12], bytes[13], bytes.readUInt16BE(14)]
  if ((command !== local && command !== proxied) || behind > maxBehindPrologue) return bad
  if (bytes.length < prologueBytes + behind) return more
  const client = command === local ? null : clientOf(family, bytes.subarray(prologueBytes, prologueBytes + behind))
  return client === 'bad' ? bad : { kind: 'header', client, length: prologueBytes + behind }
}

function clientOf(family: number | undefined, addresses: Buffer): { ip: string; port: number } | null | 'bad' {
  if (family === tcp4) return addresses.length < 12 ? 'bad' : { ip: addresses.subarray(0, 4).join('.'), port: addresses.readUInt16BE(8) }
  if (family === tcp6) return addresses.length < 36 ? 'bad' : { ip: ipv6Of(addresses), port: addresses.readUInt16BE(32) }
  return null
}

const ipv6Of = (bytes: Buffer): string => Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16)).join(':')
