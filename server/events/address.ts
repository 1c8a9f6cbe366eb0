/** Which addresses a webhook may have. Where a name leads is looked at each time something is brought there (platform/https.ts). */
import { isIP } from 'node:net'
import { isPossibleName } from '../../dns/asked-name.ts'
import { type Result, fail, ok } from '../model/result.ts'
import { isPublicAddress } from '../platform/public-address.ts'

const longest = 2048
/** 443, and what nobody needs to be root for: below that are services which are no web. */
const isPort = (port: number): boolean => port === 443 || (port >= 1024 && port <= 65_535)

/** `host`: a name in small letters, or an IP address without brackets. `path`: with its query. */
export type Place = { url: string; host: string; port: number | null; path: string; plain: boolean }

/** @param allowPrivate for development: http, any port, and hosts that are nobody else's business */
export function readAddress(text: string, allowPrivate: boolean): Result<Place, 'WEBHOOK_URL_REFUSED'> {
  const no = (why: string) => fail('WEBHOOK_URL_REFUSED', why)
  if (text.length > longest) return no(`It is longer than ${longest} characters.`)
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null) return no('It is no URL.')
  const plain = url.protocol === 'http:'
  if (url.protocol !== 'https:' && !(plain && allowPrivate)) return no('It has to begin with https://')
  if (url.username !== '' || url.password !== '') return no('A name or password does not belong in a URL.')
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  const port = url.port === '' ? null : Number(url.port)
  if (!allowPrivate && port !== null && !isPort(port)) return no('The port has to be 443, or 1024 and above.')
  if (isIP(host) === 0 && !isPossibleName(host)) return no('Its host is no name.')
  if (!allowPrivate && !mayBePublic(host)) return no('Its host is not on the public internet.')
  url.hash = ''
  return ok({ url: url.href, host, port, path: url.pathname + url.search, plain })
}

/** What has one label, or ends in a name that is set apart (RFC 6761, RFC 6762, RFC 8375), leads nowhere from outside. */
const mayBePublic = (host: string): boolean =>
  isIP(host) === 0 ? host.includes('.') && !/\.(localhost|local|internal|home\.arpa|onion)$/.test(host) : isPublicAddress(host)
