/** The trace fields we put in front of what we received (RFC 5321 §4.4, RFC 8601). */
import { isIPv6 } from 'node:net'
import { plainAddress } from '../../../dns/asked-name.ts'
import { parseDomainName } from '../../../dns/name.ts'
import type { ReverseResult } from '../../../dns/reverse.ts'
import type { Address } from '../../model/address.ts'
import { fieldValue, type HeaderField, removeFields } from '../../model/headers.ts'
import { mailDate } from '../../model/mail-date.ts'
import type { AuthenticationResults } from '../../model/verdict.ts'
import type { Client } from '../arrival.ts'

export type Trace = {
  hostname: string
  client: Client
  /** what the message is called here, also in the reply to DATA */
  id: string
  /** named only when there is one: the others need not know of each other */
  recipient: Address | null
  reversePath: Address | null
  /** the names that lead to the client's address and back, and whether there are any */
  names: readonly string[]
  reverse: ReverseResult['kind']
  /** false: its address is not its own, so nothing is said of it */
  judgesByIp: boolean
  results: AuthenticationResults
  /** epoch ms */
  receivedAt: number
}

/** The message as we keep it: our trace fields, then every octet received, without Authentication-Results fields that claim to be ours (RFC 8601 §5). */
export function withTrace(message: Buffer, trace: Trace): Buffer {
  const claimsUs = (field: HeaderField): boolean => field.name === 'authentication-results' && namesServer(field, trace.hostname)
  return Buffer.concat([Buffer.from(received(trace) + authenticationResults(trace)), removeFields(message, claimsUs)])
}

function received({ hostname, client, names, id, recipient, receivedAt }: Trace): string {
  const name = names[0] === undefined ? '' : `${names[0]} `
  const lines = [
    `from ${heloName(client.helo)} (${name}${addressLiteral(client.ip)})`,
    `by ${hostname} with ${client.protocol}${tlsClause(client.cipher)} id ${id}`,
    ...(recipient === null ? [] : [`for <${recipient}>`]),
  ]
  return `Received: ${lines.join('\r\n\t')};\r\n\t${mailDate(receivedAt)}\r\n`
}

/** What the client called itself, if it is a name or an address literal; anything else stays out of the header. */
const heloName = (helo: string): string => (/^\[[0-9A-Za-z.:]{2,50}\]$/.test(helo) ? helo : (parseDomainName(helo) ?? 'unknown'))

/** RFC 8314 §4.3 */
const tlsClause = (cipher: string | null): string => (cipher === null || !/^[A-Z0-9_]{1,60}$/.test(cipher) ? '' : ` tls ${cipher}`)

/** RFC 5321 §4.1.3. A link-local address may have a zone, which means nothing elsewhere. */
function addressLiteral(ip: string): string {
  const plain = plainAddress(ip.replace(/%.*$/, ''))
  return `[${isIPv6(plain) ? 'IPv6:' : ''}${plain}]`
}

function authenticationResults(trace: Trace): string {
  const { hostname, results } = trace
  const parts = [
    ...byAddress(trace),
    ...(results.dkim.length === 0 ? ['dkim=none'] : results.dkim.map(dkimPart)),
    dmarcPart(results.dmarc),
    arcPart(trace),
  ]
  return `Authentication-Results: ${[hostname, ...parts].join(';\r\n\t')}\r\n`
}

const iprev: Readonly<Record<Trace['reverse'], string | null>> = { confirmed: 'pass', mismatch: 'fail', none: 'permerror', unknown: null }

/** RFC 8601 §2.7.2, §2.7.3. */
function byAddress({ client, reversePath, reverse, judgesByIp, results: { spf } }: Trace): string[] {
  if (!judgesByIp) return []
  const address = iprev[reverse] === null ? [] : [`iprev=${iprev[reverse]}${addressProperty('policy.iprev', client.ip)}`]
  const sender = reversePath === null ? property('smtp.helo', parseDomainName(client.helo)) : property('smtp.mailfrom', spf.domain)
  return [...address, `spf=${spf.result}${sender}`]
}

const dkimPart = ({ result, domain, selector, signature }: AuthenticationResults['dkim'][number]): string =>
  `dkim=${result}${property('header.d', domain)}${property('header.s', selector)}${signature === undefined ? '' : ` header.b="${signature}"`}`

/** RFC 9989 §9.1 */
const dmarcPart = ({ result, policy, domain }: AuthenticationResults['dmarc']): string =>
  `dmarc=${result}${property('policy.dmarc', policy)}${property('header.from', domain)}`

/** RFC 8617 §6 */
const arcPart = ({ client, judgesByIp, results: { arc } }: Trace): string =>
  `arc=${arc.result}${arc.result === 'none' || !judgesByIp ? '' : addressProperty('smtp.remote-ip', client.ip)}`

/** A colon is not for a bare word (RFC 8601 §2.2, RFC 2045 §5.1). */
const addressProperty = (name: string, ip: string): string => {
  const plain = plainAddress(ip.replace(/%.*$/, ''))
  return ` ${name}=${isIPv6(plain) ? `"${plain}"` : plain}`
}

/** Values come from a stranger's mail, so only what is plainly a name is written (RFC 8601 §2.2). */
const property = (name: string, value: string | null): string =>
  value !== null && /^[\w.-]{1,253}$/.test(value) ? ` ${name}=${value}` : ''

/** True when the authserv-id may be read as `hostname`: comments, quotes, escapes and a version removed, in any spelling of the name. */
function namesServer(field: HeaderField, hostname: string): boolean {
  const value = withoutComments(fieldValue(field)).replace(/[\\"]/g, '').trim()
  const id = value.split(/[\s;/]/, 1)[0] ?? ''
  return id.toLowerCase() === hostname.toLowerCase() || (parseDomainName(id) !== null && parseDomainName(id) === parseDomainName(hostname))
}

function withoutComments(value: string): string {
  let depth = 0
  let kept = ''
  for (let at = 0; at < value.length; at++) {
    const char = value[at] ?? ''
    if (char === '\\') {
      if (depth === 0) kept += value.slice(at, at + 2)
      at++
    } else if (char === '(') depth++
    else if (char === ')') depth = Math.max(0, depth - 1)
    else if (depth === 0) kept += char
  }
  return kept
}
