/**
 * SPF, DKIM, DMARC and ARC of an arriving message, by mailauth with our resolver. Runs in a worker.
 *
 * Promise: it ends. The number of signatures and of look-ups is limited, and a header section or a line made to be slow is not given to it: then
 * only the author is judged, by SPF and without signatures, so that neither is a way around a DMARC policy.
 */
import { forMailauth } from '../../../dns/for-mailauth.ts'
import type { Resolver } from '../../../dns/resolver.ts'
import type { Address } from '../../model/address.ts'
import { type HeaderField, headerFields, removeFields, splitMessage } from '../../model/headers.ts'
import { readResult } from './authentication-result.ts'
import { repeatedFields } from './repeated-fields.ts'
import type { Client } from '../arrival.ts'
import type { Authentication } from '../verdict/message-facts.ts'
import { verifyMessage } from './verify-message.ts'

/** SPF may make 10 look-ups of up to 10 names each, DMARC and the keys some dozens. */
const maxLookups = 200
const maxTextRecord = 4_096
/** Verifiers agree on ignoring more; without a limit one message makes us ask for thousands of keys. */
const maxSignatures = 10
const maxHeaderBytes = 100 * 1024
const maxHeaderLines = 1_000
const maxAuthorBytes = 8 * 1024
/** mailauth takes a Received field apart in time that grows with its square. */
const maxReceivedBytes = 8 * 1024
/** RFC 5322 §2.1.1 allows 998. What mailauth does to a line takes memory and time that nobody's letter needs. */
const maxLineBytes = 64 * 1024
/** RFC 8301 §3.2 */
const minKeyBits = 1_024

export type Authenticator = (message: Buffer, client: Client, reversePath: Address | null) => Promise<Authentication>

export const createAuthenticator =
  ({ hostname, resolver }: { hostname: string; resolver: Resolver }): Authenticator =>
  async (message, client, reversePath) => {
    const { header } = splitMessage(message)
    const fields = headerFields(header)
    const verified = await verifyMessage(checkable(message, header, fields), {
      ip: client.ip,
      helo: client.helo,
      sender: reversePath ?? '',
      mta: hostname,
      resolver: limitLookups(forMailauth(resolver)),
      minBitLength: minKeyBits,
    })
    return readResult(verified, repeatedFields(fields))
  }

type Lookup = ReturnType<typeof forMailauth>

/** Past the limit every answer is a failure of the DNS, so that what is still running ends soon. */
function limitLookups(lookup: Lookup): (domain: string, rrtype: string) => Promise<string[] | string[][]> {
  let lookups = 0
  return (domain, rrtype) => {
    if (++lookups > maxLookups) return Promise.reject(Object.assign(new Error('too many DNS look-ups'), { code: 'ESERVFAIL' }))
    // mailauth takes what dns.promises.resolve gives; its type leaves out the shapes of MX.
    return (lookup(domain, rrtype) as Promise<string[] | string[][]>).then((records) => records.filter(isOfUsualLength) as typeof records)
  }
}

/** RFC 7208 §3.4 wants a policy to fit in 512 octets and a key of 8192 bits has 1400. mailauth reads a policy in time that grows with its
 *  square, so a longer text is none: the domain that published it proves nothing by it. */
const isOfUsualLength = (record: unknown): boolean =>
  !Array.isArray(record) || record.reduce((sum: number, part) => sum + String(part).length, 0) <= maxTextRecord

/** The message as far as verifiers should see it. */
function checkable(message: Buffer, header: Buffer, fields: readonly HeaderField[]): Buffer {
  const authors = fields.filter(({ name }) => name === 'from')
  const hugeAuthor = authors.reduce((sum, { raw }) => sum + raw.length, 0) > maxAuthorBytes
  if (
    hugeAuthor ||
    header.length > maxHeaderBytes ||
    hasMoreLines(header, maxHeaderLines) ||
    hasLongerLine(message, header.length, maxLineBytes)
  )
    return Buffer.concat([...(hugeAuthor ? [] : authors.map(({ raw }) => raw)), Buffer.from('\r\n')])
  const signatures = fields.filter(({ name }) => name === 'dkim-signature')
  const hugeReceived = fields.filter(({ name, raw }) => name === 'received' && raw.length > maxReceivedBytes)
  const surplus = new Set([...signatures.slice(maxSignatures), ...hugeReceived].map(({ raw }) => raw.byteOffset))
  return surplus.size === 0 ? message : removeFields(message, ({ raw }) => surplus.has(raw.byteOffset))
}

function hasMoreLines(header: Buffer, limit: number): boolean {
  const text = header.toString('latin1')
  let lines = 0
  for (let at = text.indexOf('\n'); at >= 0 && lines <= limit; at = text.indexOf('\n', at + 1)) lines++
  return lines > limit
}

/** @param from where to begin */
function hasLongerLine(message: Buffer, from: number, limit: number): boolean {
  let start = from
  // From the far end of each stretch: of eleven million short lines few have to be looked at.
  while (message.length - start > limit) {
    const end = message.lastIndexOf(10, start + limit)
    if (end < start) return true
    start = end + 1
  }
  return false
}
