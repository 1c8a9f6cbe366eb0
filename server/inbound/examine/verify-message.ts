/**
 * SPF, DKIM, ARC and DMARC of one message: signatures by our own verifier (`dkim/verify.ts`), the rest by mailauth's own parts.
 *
 * Its front door (`authenticate`) reads a stream byte by byte, asks for and imports each key anew, and writes header fields that nobody needs
 * here. test/inbound/verify-message.test.ts holds the two ways beside each other.
 */
import { createPublicKey } from 'node:crypto'
import { isIP } from 'node:net'
// Types only: with its front door come parsers of certificates, XML and HTTP, 20 MB in each thread.
import type { AuthenticateResult, DNSResolver, SPFResult } from 'mailauth'
import { arc } from 'mailauth/lib/arc/index.js'
import { DkimVerifier } from 'mailauth/lib/dkim/dkim-verifier.js'
import { evaluateDmarc } from 'mailauth/lib/dmarc/index.js'
import { spf } from 'mailauth/lib/spf/index.js'
import { type KeyCache, type PublicKey, formatDomain, getAlignment, getPublicKey, parseHeaders, toALabel } from 'mailauth/lib/tools.js'
import { splitMessage } from '../../model/headers.ts'
import { systemClock } from '../../platform/clock.ts'
import type { Row } from '../dkim/header-rows.ts'
import { type KeyAnswer, type Subject, type VerifiedSignature, subjectOf, verifySignatures } from '../dkim/verify.ts'

export type VerifyOptions = { ip: string; helo: string; sender: string; mta: string; resolver: DNSResolver; minBitLength: number }

/** `headerFrom`: the addresses of the authors, in `fromFields` fields. `isAligned`: it passed and counts for DMARC, or would if it passed. */
export type Verified = Pick<AuthenticateResult, 'spf' | 'arc' | 'dmarc' | 'dmarcSkipReason'> & {
  headerFrom: string[]
  fromFields: number
  signatures: readonly JudgedSignature[]
}
export type JudgedSignature = VerifiedSignature & { isAligned: boolean }

/** @param message with CRLF line ends only */
export async function verifyMessage(message: Buffer, options: VerifyOptions): Promise<Verified> {
  const { resolver, minBitLength, ip } = options
  const subject = subjectOf(splitMessage(message))
  const signatures = await verifySignatures(subject, { askKey: (name) => askKey(resolver, name), now: systemClock.now() })
  const others = await authorsAndChain(subject, options)
  const client = { ...options, helo: isIP(options.helo) ? `[${options.helo}]` : options.helo || `[${options.ip}]` }
  const spfResult = await spf(client)
  const arcResult = await arc(others.arc, { resolver, minBitLength, ip })
  const { headerFrom, fromFields } = others
  const dmarc = await dmarcOf({ headerFrom, fromFields, signatures }, spfResult, arcResult, resolver)
  return { headerFrom, fromFields, spf: spfResult, arc: arcResult, ...dmarc }
}

async function askKey(resolver: DNSResolver, name: string): Promise<KeyAnswer> {
  try {
    const [record = ''] = await resolver(name, 'TXT')
    return { kind: 'found', record: typeof record === 'string' ? record : record.join('') }
  } catch (error) {
    const { code = 'unknown' } = error as { code?: string }
    return code === 'ENOTFOUND' || code === 'ENODATA' ? { kind: 'none' } : { kind: 'failed', reason: code }
  }
}

const chainFields = new Set(['arc-seal', 'arc-message-signature', 'arc-authentication-results'])

/** As mailauth reads them. Most messages have no chain, and then it is shown the authors only. */
async function authorsAndChain(subject: Subject, { sender, resolver, minBitLength }: VerifyOptions): Promise<DkimVerifier> {
  const verifier = new DkimVerifier({ resolver, sender, minBitLength, rejectRsaSha1: true })
  const keys = keysBy(resolver)
  verifier.keyCache = keys
  Object.assign(verifier.arc, { keyCache: keys })
  const { header, rows, body } = subject
  const hasChain = rows.some(({ name }) => chainFields.has(name))
  await verifier.messageHeaders(hasChain ? parseHeaders(header) : { parsed: rows.filter(isAuthor).map(fieldIn(header)), original: header })
  if (hasChain) await verifyChain(verifier, body)
  return verifier
}

/** The newest signature of the chain alone: those of the message are verified already. */
async function verifyChain(verifier: DkimVerifier, body: Buffer): Promise<void> {
  verifier.signatureHeaders = verifier.signatureHeaders.filter(({ type }) => type === 'ARC')
  const wanted = new Set(verifier.signatureHeaders.flatMap((one) => [one.bodyHashKey, one.fallbackBodyHashKey]))
  for (const key of verifier.bodyHashes.keys()) if (!wanted.has(key)) verifier.bodyHashes.delete(key)
  if (body.length > 0) await verifier.nextChunk(body)
  await verifier.finalChunk()
}

const isAuthor = ({ name }: Row): boolean => name === 'from'
const fieldIn =
  (header: Buffer) =>
  ({ name, start, end }: Row): { key: string; casedKey: string; line: Buffer } => ({
    key: name,
    casedKey: name,
    line: header.subarray(start, end),
  })

type Unjudged = { headerFrom: string[]; fromFields: number; signatures: readonly VerifiedSignature[] }

async function dmarcOf(
  { headerFrom, fromFields, signatures }: Unjudged,
  spfResult: SPFResult,
  arcResult: Exclude<AuthenticateResult['arc'], false>,
  resolver: DNSResolver,
): Promise<Pick<Verified, 'dmarc' | 'dmarcSkipReason' | 'signatures'>> {
  const author = headerFrom[0]?.split('@').pop()
  const guessed = signatures.map((one) => ({
    ...one,
    isAligned: author !== undefined && getAlignment(author, [one.domain]) !== false,
  }))
  const { response, dkimAligned, reason } = await evaluateDmarc({
    headerFrom,
    fromFields,
    spfDomains: spfResult.status.result === 'pass' && spfResult.domain ? [spfResult.domain] : [],
    dkimDomains: guessed
      .filter(({ result }) => result === 'pass')
      .map(({ signature, domain, isAligned, unsigned }) => ({
        id: signature,
        domain,
        aligned: isAligned && domain,
        underSized: unsigned,
      })),
    arcResult,
    resolver,
  })
  if (!response) return { dmarc: response, signatures: guessed, ...(reason && { dmarcSkipReason: reason }) }
  return { dmarc: response, signatures: dkimAligned ? guessed.map((one) => aligned(one, response, dkimAligned)) : guessed }
}

/** Alignment was only guessed before the policy was known: those that passed get what DMARC found, the others the policy's mode. */
function aligned(one: JudgedSignature, dmarc: Exclude<AuthenticateResult['dmarc'], false>, found: ReadonlySet<string>): JudgedSignature {
  if (one.result === 'pass') return { ...one, isAligned: found.has(formatDomain(one.domain)) }
  if (!dmarc.alignment.dkim.strict) return one
  return { ...one, isAligned: one.isAligned && getAlignment(String(dmarc.status.header?.from), [one.domain], true) !== false }
}

/** Reading a key takes as long as verifying with it, and many chains have the same one. */
const mostKeys = 1_000
const known = new Map<string, PublicKey>()

const keysBy = (resolver: DNSResolver): KeyCache => ({
  resolver,
  get(type, name, minBits, options) {
    const key = findKey(
      () => resolver(toALabel(name), 'TXT'),
      [options, minBits],
      (records) => getPublicKey(type, name, minBits, () => Promise.resolve(records), options),
    )
    // Some are asked for in advance, by nobody who waits.
    key.catch(() => null)
    return key
  },
})

type TextRecords = Awaited<ReturnType<DNSResolver>>

async function findKey(
  ask: () => Promise<TextRecords>,
  conditions: readonly unknown[],
  read: (records: TextRecords) => Promise<PublicKey>,
): Promise<PublicKey> {
  const records = await ask()
  const text = JSON.stringify([...conditions, records[0]])
  const key = known.get(text) ?? (await readKey(() => read(records)))
  known.delete(text)
  known.set(text, key)
  if (known.size > mostKeys) known.delete(known.keys().next().value ?? text)
  return key
}

async function readKey(read: () => Promise<PublicKey>): Promise<PublicKey> {
  const key = await read()
  return { ...key, publicKey: createPublicKey(String(key.publicKey)) }
}
