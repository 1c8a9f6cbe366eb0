/** Mail servers that take leaving mail from us: where they are, what goes to which, and how we log in there. */
import { readFileSync, statSync } from 'node:fs'
import { type DomainName, parseDomainName } from '../dns/name.ts'
import { type HostAndPort, hostAndPort, read } from './values.ts'

export type Login = { user: string; password: string }
/** `implicit`: TLS from the first octet on. `starttls`: not without TLS. `offered`: TLS when it works. */
export type Smarthost = HostAndPort & { tls: 'implicit' | 'starttls' | 'offered'; login: Login | null }
/** `mx`: to the mail servers of the domain itself. */
export type DomainRoute = { domain: DomainName; to: Smarthost | 'mx' }

export type RelayPlace = HostAndPort & { tls: 'implicit' | 'starttls' | 'offered' }

const example = 'a host and a port, such as relay.example.com:587, or smtps://relay.example.com:2465 for TLS from the start'

/** RFC 8314 §3.3: 465 begins with TLS. 587 is for those who log in, which nobody should without. */
function placeOf(text: string): RelayPlace | null {
  const [, scheme, rest = ''] = /^(smtps:\/\/)?(.*)$/s.exec(text) ?? []
  const place = hostAndPort.safeParse(rest)
  if (!place.success) return null
  const { port } = place.data
  return { ...place.data, tls: scheme !== undefined || port === 465 ? 'implicit' : port === 587 ? 'starttls' : 'offered' }
}
export const relayPlace = read(placeOf, example)

const maxRoutes = 200
/** `example.org=relay.example.net:587,example.com=mx`. */
export const domainRoutes = read((text): { domain: DomainName; to: RelayPlace | 'mx' }[] | null => {
  const routes = text.split(',').map((part) => routeOf(part.trim()))
  return routes.length <= maxRoutes && routes.every((route) => route !== null) ? routes : null
}, `up to ${maxRoutes} routes separated by commas, such as example.org=relay.example.net:587,example.com=mx`)

function routeOf(text: string): { domain: DomainName; to: RelayPlace | 'mx' } | null {
  const at = text.indexOf('=')
  const domain = at < 0 ? null : parseDomainName(text.slice(0, at).trim())
  const where = text.slice(at + 1).trim()
  const to = where === 'mx' ? 'mx' : placeOf(where)
  return domain === null || to === null ? null : { domain, to }
}

const maxFileBytes = 64 * 1024
/** A file with lines of `host user password`, the host with or without its port, as a container engine brings secrets in; `#` begins a comment. The password may have spaces. */
export const loginsFile = read((path): ReadonlyMap<string, Login> | null => {
  try {
    return statSync(path).size > maxFileBytes ? null : loginsOf(readFileSync(path, 'utf8'))
  } catch {
    return null
  }
}, 'the path of a file that can be read, with lines of: host user password')

function loginsOf(text: string): ReadonlyMap<string, Login> | null {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.trimStart().startsWith('#'))
  const logins = lines.map((line) => /^\s*(\S+)\s+(\S+)\s(.+)$/.exec(line))
  return logins.every((login) => login !== null)
    ? new Map(
        logins.map(([, host = '', user = '', password = '']) => [
          hostAndPort.safeParse(host).data?.host ?? host.toLowerCase(),
          { user, password: password.trim() },
        ]),
      )
    : null
}

/** Who logs in does it over TLS, whatever the port. */
export function smarthostAt(place: RelayPlace, logins: ReadonlyMap<string, Login> | null, login: Login | null = null): Smarthost {
  const found = login ?? logins?.get(place.host) ?? null
  return { ...place, tls: found !== null && place.tls === 'offered' ? 'starttls' : place.tls, login: found }
}
