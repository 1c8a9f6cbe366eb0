import type { Relay, Target } from './transport.ts'

/** A server that takes mail for others from us. Left out, `tls` is `offered` and there is no login. */
export type Smarthost = { host: string; port: number; tls?: Relay['tls']; login?: Relay['login'] }

/** Mail for `domain` and what is below it; `mx`: to its own hosts, whatever holds for the rest. */
export type DomainRoute = { domain: string; to: Smarthost | 'mx' }

type Routes = { smarthost: Smarthost | null; routes?: readonly DomainRoute[] }

/** The smarthost for mail to this domain: of the routes the one that names most of it, or else the one for all. Null: its own hosts. */
export function smarthostFor({ smarthost, routes = [] }: Routes, domain: string): Smarthost | null {
  const [route] = routes
    .filter((one) => domain === one.domain || domain.endsWith(`.${one.domain}`))
    .toSorted((one, other) => other.domain.length - one.domain.length)
  if (route === undefined) return smarthost
  return route.to === 'mx' ? null : route.to
}

/** Named by the operator, so any address is allowed, and the system looks its name up. */
export const targetOf = ({ host, port, tls = 'offered', login = null }: Smarthost): Target => ({
  host,
  address: host,
  port,
  trusted: true,
  relay: { tls, login },
})
