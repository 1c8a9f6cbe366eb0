/**
 * SPF, DKIM, DMARC and ARC of an arriving message, by mailauth with our resolver.
 *
 * Promise: it ends, and meanwhile others get their turn. The number of signatures, of look-ups and the time are limited, and a header section
 * or a line made to be slow is not given to it: then only the author is judged, by SPF and without signatures, so that neither is a way around
 * a DMARC policy.
 */
import { Readable } from 'node:stream'
import { setImmediate as breathe } from 'node:timers/promises'
import { authenticate } from 'mailauth'
import { type Resolver, forMailauth } from '../../dns/resolver.ts'
import type { Address } from '../model/address.ts'
import { type HeaderField, headerFields, removeFields, splitMessage } from '../model/headers.ts'
import type { Clock } from '../platform/clock.ts'
import { readResult, undecided } from './authentication-result.ts'
import type { Client } from './trace.ts'
import type { Authentication } from './verdict.ts'

/** RFC 7208 §4.6.4 wants at least 20 s for SPF; all tests together get that. */
const timeLimitMs = 20_000
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
/** RFC 5322 §2.1.1 allows 998. With each piece mailauth goes through the unfinished line again: without a limit one message takes minutes. */
const maxLineBytes = 64 * 1024
/** What is hashed at a time, for each signature anew: some milliseconds at worst. */
const pieceBytes = 8 * 1024
/** RFC 8301 §3.2 */
const minKeyBits = 1_024

export type Authenticator = (message: Buffer, client: Client, reversePath: Address | null) => Promise<Authentication>

export function createAuthenticator({ hostname, resolver, clock }: { hostname: string; resolver: Resolver; clock: Clock }): Authenticator {
  return async (message, client, reversePath) => {
    const limit = createTimeLimit(clock)
    const options = {
      ip: client.ip,
      helo: client.helo,
      sender: reversePath ?? '',
      mta: hostname,
      resolver: limitLookups(forMailauth(resolver), limit),
      minBitLength: minKeyBits,
      rejectRsaSha1: true,
      disableBimi: true,
    }
    try {
      const result = await Promise.race([authenticate(inPieces(checkable(message), limit), options), limit.passed])
      return result === 'late' ? undecided : readResult(result)
    } finally {
      limit.cancel()
    }
  }
}

type TimeLimit = { passed: Promise<'late'>; isOver(): boolean; cancel(): void }

function createTimeLimit(clock: Clock): TimeLimit {
  const { promise, resolve } = Promise.withResolvers<'late'>()
  let over = false
  const alarm = clock.at(clock.now() + timeLimitMs, () => {
    over = true
    resolve('late')
  })
  return { passed: promise, isOver: () => over, cancel: () => alarm.cancel() }
}

type Lookup = ReturnType<typeof forMailauth>

/** Past a limit every answer is a failure of the DNS, so that what is still running ends soon. */
function limitLookups(lookup: Lookup, limit: TimeLimit): (domain: string, rrtype: string) => Promise<string[] | string[][]> {
  let lookups = 0
  return (domain, rrtype) => {
    if (limit.isOver() || ++lookups > maxLookups)
      return Promise.reject(Object.assign(new Error('too many DNS look-ups'), { code: 'ESERVFAIL' }))
    // mailauth takes what dns.promises.resolve gives; its type leaves out the shapes of MX.
    return (lookup(domain, rrtype) as Promise<string[] | string[][]>).then((records) => records.filter(isOfUsualLength) as typeof records)
  }
}

/** RFC 7208 §3.4 wants a policy to fit in 512 octets and a key of 8192 bits has 1400. mailauth reads a policy in time that grows with its
 *  square, so a longer text is none: the domain that published it proves nothing by it. */
const isOfUsualLength = (record: unknown): boolean =>
  !Array.isArray(record) || record.reduce((sum: number, part) => sum + String(part).length, 0) <= maxTextRecord

/** The message piece by piece, with a turn for everybody else in between. It breaks off when the time is over: mailauth itself hashes to the end. */
const inPieces = (message: Buffer, limit: TimeLimit): Readable => Readable.from(pieces(message, limit), { objectMode: false })

async function* pieces(message: Buffer, limit: TimeLimit): AsyncGenerator<Buffer> {
  for (let at = 0; at < message.length; at += pieceBytes) {
    if (limit.isOver()) throw new Error('no time left')
    yield message.subarray(at, at + pieceBytes)
    await breathe()
  }
}

/** The message as far as mailauth should see it. */
function checkable(message: Buffer): Buffer {
  const { header, body } = splitMessage(message)
  const fields = headerFields(header)
  const lines = fields.reduce((sum, field) => sum + linesOf(field), 0)
  const authors = fields.filter(({ name }) => name === 'from')
  const hugeAuthor = authors.reduce((sum, { raw }) => sum + raw.length, 0) > maxAuthorBytes
  if (hugeAuthor || header.length > maxHeaderBytes || lines > maxHeaderLines || hasLongerLine(body, maxLineBytes))
    return Buffer.concat([...(hugeAuthor ? [] : authors.map(({ raw }) => raw)), Buffer.from('\r\n')])
  const signatures = fields.filter(({ name }) => name === 'dkim-signature')
  const hugeReceived = fields.filter(({ name, raw }) => name === 'received' && raw.length > maxReceivedBytes)
  const surplus = new Set([...signatures.slice(maxSignatures), ...hugeReceived].map(({ raw }) => raw.byteOffset))
  return surplus.size === 0 ? message : removeFields(message, ({ raw }) => surplus.has(raw.byteOffset))
}

function linesOf({ raw }: HeaderField): number {
  let lines = 0
  for (let at = raw.indexOf(10); at >= 0; at = raw.indexOf(10, at + 1)) lines++
  return lines
}

function hasLongerLine(body: Buffer, limit: number): boolean {
  let start = 0
  // From the far end of each stretch: of eleven million short lines few have to be looked at.
  while (body.length - start > limit) {
    const end = body.lastIndexOf(10, start + limit)
    if (end < start) return true
    start = end + 1
  }
  return false
}
