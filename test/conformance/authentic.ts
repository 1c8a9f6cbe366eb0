import { type Zone, createZoneResolver } from '../../dns/resolver.ts'
import { createAuthenticator } from '../../server/inbound/authenticate.ts'
import type { Authentication } from '../../server/inbound/verdict/message-facts.ts'
import type { Address } from '../../server/model/address.ts'

export const hostname = 'mx.ours.test'

/** Who hands a message over. `reversePath` null: the null reverse-path. `asked` gets every question to the DNS, such as `TXT example.com`. */
export type Hand = { ip?: string; helo?: string; reversePath?: string | null; asked?: string[] }

/** What our authenticator says of a message in a world with these names. */
export async function authenticity(zone: Zone, message: string | Buffer, hand: Hand = {}): Promise<Authentication> {
  const { ip = '192.0.2.1', helo = 'client.test', reversePath = null, asked = [] } = hand
  const resolver = createZoneResolver(zone)
  const raw: typeof resolver.raw = (name, rrtype) => {
    asked.push(`${rrtype} ${name}`)
    return resolver.raw(name, rrtype)
  }
  const authenticate = createAuthenticator({ hostname, resolver: { ...resolver, raw } })
  const client = { ip, helo, protocol: 'ESMTP', cipher: null }
  return authenticate(Buffer.from(message), client, reversePath as Address | null)
}

/** What SPF says of a sender. @param sender a reverse-path, or `null` for a client that only said who it is */
export const spfOf = async (zone: Zone, { ip, sender, helo }: { ip: string; sender: string | null; helo?: string }): Promise<string> =>
  (await authenticity(zone, 'From: a@author.test\r\n\r\n', { ip, reversePath: sender, ...(helo !== undefined && { helo }) })).results.spf
    .result
