import { createHash, createSign, generateKeyPairSync } from 'node:crypto'
import { type Zone, createZoneResolver } from '../../dns/resolver.ts'
import { createAuthenticator } from '../../server/inbound/examine/authenticate.ts'
import type { Authentication } from '../../server/inbound/verdict/message-facts.ts'
import type { Address } from '../../server/model/address.ts'

const hostname = 'mx.ours.test'

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

const own = generateKeyPairSync('rsa', { modulusLength: 1024 })

type ByHand = { hash?: 'sha1' | 'sha256'; domain?: string; fields?: readonly string[]; from?: string }

/** A letter signed by the book (c=simple/simple, RFC 6376 §3.7), also where signers refuse to, and the name of the key. */
export function signedByHand({
  hash = 'sha256',
  domain = 'remote.test',
  fields = ['From', 'Subject'],
  from = 'From: bo@remote.test\r\n',
}: ByHand): {
  message: string
  names: Zone
} {
  const lines: Record<string, string> = { From: from, Subject: 'Subject: Lunch\r\n' }
  const body = 'Hello.\r\n'
  const bodyHash = createHash(hash).update(body).digest('base64')
  const field = `DKIM-Signature: v=1; a=rsa-${hash}; d=${domain}; s=own; h=${fields.join(':')}; bh=${bodyHash}; b=`
  const text = fields.map((name) => lines[name] ?? '').join('') + field
  const signature = createSign(`rsa-${hash}`).update(text).sign(own.privateKey, 'base64')
  const key = own.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  return {
    message: `${field}${signature}\r\n${Object.values(lines).join('')}\r\n${body}`,
    names: { [`own._domainkey.${domain}`]: { TXT: [`v=DKIM1; p=${key}`] } },
  }
}
