/** Where something that listens on `host` is reached from this machine: nobody can connect to "every address". */
export const dialable = (host: string): string => ({ '0.0.0.0': '127.0.0.1', '::': '::1' })[host] ?? host

/** The address of an HTTP server that listens there; an IPv6 address stands in brackets (RFC 3986 §3.2.2). */
export function httpUrl({ host, port }: { host: string; port: number }): string {
  const name = dialable(host)
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`
}
