import { isIP } from 'node:net'

/** A server to ask. `keepsCase`: as far as is known it repeats a question letter for letter. `deadUntil` (epoch ms): it did not answer lately. */
export type Server = { host: string; port: number; keepsCase: boolean; deadUntil: number }

const standardPort = 53

/** @param text `192.0.2.53`, `2001:db8::53`, and with a port `192.0.2.53:5353`, `[2001:db8::53]:5353`. Throws when it is none of these */
export function parseServer(text: string): Server {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([\d.]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = isIP(text) === 0 ? (bracketed ?? plain ?? '') : text
  if (isIP(host) === 0) throw new Error(`${text} is not the address of a DNS server`)
  return { host, port: Number(port ?? standardPort), keepsCase: true, deadUntil: 0 }
}

const restMs = 30_000

/** Not asked first for a while, so that with two servers one dead one does not slow down everything. */
export function rest(server: Server, now: number): void {
  server.deadUntil = now + restMs
}

/** In the order of the setting, those that did not answer lately last. */
export const inOrder = (servers: readonly Server[], now: number): Server[] =>
  servers.toSorted((one, other) => Number(now < one.deadUntil) - Number(now < other.deadUntil))
