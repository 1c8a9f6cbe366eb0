import dns from 'node:dns'
import { parseServer } from './wire/server.ts'

/** Whether every resolver is asked on this very machine, so that nobody on the way can write "DNSSEC proves it" into an answer (RFC 7672 §2.1.1). Only
 *  127.0.0.1 and ::1: other loopback addresses belong to forwarders (Docker's 127.0.0.11, systemd's 127.0.0.53), which pass on what they are told.
 *  @param servers as for `createResolver`; null is the system's own */
export function asksItself(servers: readonly string[] | null): boolean {
  const addresses = (servers ?? dns.getServers()).map((server) => parseServer(server).host)
  return addresses.length > 0 && addresses.every((address) => address === '127.0.0.1' || address === '::1')
}
