/**
 * SPF, DKIM, ARC and DMARC of one message, by mailauth's own parts.
 *
 * Its front door (`authenticate`) reads a stream byte by byte, asks for and imports each key anew, and writes header fields that nobody needs
 * here; given a whole message with CRLF line ends, its parts find the same in a quarter of the time. test/inbound/verify-message.test.ts holds
 * the two beside each other.
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

export type VerifyOptions = { ip: string; helo: string; sender: string; mta: string; resolver: DNSResolver; minBitLength: number }

export type Verified = AuthenticateResult

/** @param message with CRLF line ends only */
export async function verifyMessage(message: Buffer, options: VerifyOptions): Promise<Verified> {
  const verifier = await verifySignatures(message, options)
  const client = { ...options, helo: isIP(options.helo) ? `[${options.helo}]` : options.helo || `[${options.ip}]` }
  const spfResult = await spf(client)
  const { resolver, minBitLength, ip } = options
  const arcResult = await arc(verifier.arc, { resolver, minBitLength, ip })
  const dmarc = await dmarcOf(verifier, spfResult, arcResult, resolver)
  const { headerFrom, fromFields, results } = verifier
  const dkim = { headerFrom, fromFields, results, envelopeFrom: false as const }
  return { dkim, spf: spfResult, arc: arcResult, dmarc: dmarc.response, ...dmarc.reason, bimi: false, headers: '' }
}

/** DKIM, and the newest signature of an ARC chain. */
async function verifySignatures(message: Buffer, { sender, resolver, minBitLength }: VerifyOptions): Promise<DkimVerifier> {
  const verifier = new DkimVerifier({ resolver, sender, minBitLength, rejectRsaSha1: true })
  const keys = keysBy(resolver)
  verifier.keyCache = keys
  Object.assign(verifier.arc, { keyCache: keys })
  const { body } = splitMessage(message)
  await verifier.messageHeaders(parseHeaders(message.subarray(0, message.length - body.length)))
  if (body.length > 0) await verifier.nextChunk(body)
  await verifier.finalChunk()
  return verifier
}

type Dmarc = { response: AuthenticateResult['dmarc']; reason: Pick<AuthenticateResult, 'dmarcSkipReason'> }

async function dmarcOf(
  { headerFrom, fromFields, results }: DkimVerifier,
  spfResult: SPFResult,
  arcResult: Exclude<AuthenticateResult['arc'], false>,
  resolver: DNSResolver,
): Promise<Dmarc> {
  const passed = results.filter(({ status }) => status.result === 'pass')
  const { response, dkimAligned, reason } = await evaluateDmarc({
    headerFrom,
    fromFields,
    spfDomains: spfResult.status.result === 'pass' && spfResult.domain ? [spfResult.domain] : [],
    dkimDomains: passed.map(({ id, signingDomain, status }) => ({
      id,
      domain: signingDomain,
      aligned: status.aligned,
      underSized: status.underSized,
    })),
    arcResult,
    resolver,
  })
  if (response && dkimAligned) align(results, response, dkimAligned)
  return { response, reason: !response && reason ? { dmarcSkipReason: reason } : {} }
}

/** The verifier only guessed alignment, before the policy was known: those that passed get what DMARC found, the others the policy's mode. */
function align(results: DkimVerifier['results'], dmarc: Exclude<AuthenticateResult['dmarc'], false>, aligned: ReadonlySet<string>): void {
  const author = String(dmarc.status.header?.from)
  for (const { status, signingDomain = '' } of results) {
    const passed = status.result === 'pass'
    if (passed ? !aligned.has(formatDomain(signingDomain)) : dmarc.alignment.dkim.strict && !getAlignment(author, [signingDomain], true))
      status.aligned = false
    else if (passed) status.aligned = signingDomain
  }
}

/** Reading a key takes as long as verifying with it, and many messages have the same one. */
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
