/**
 * DKIM-Signature fields (RFC 6376, RFC 8463), relaxed/relaxed, made anew for each attempt so that they expire sooner than the queue.
 *
 * Promise: nothing can be added that a reader would see. Every field in `oversigned` is named once more in `h=` than it occurs, which makes a
 * second one break the signature (RFC 6376 §8.15); there is no `l=`, so nothing can be appended to the body (§8.2).
 * Our own code, because mailauth's signer names only fields that are there; its verifier is what the tests judge us with.
 */
import { type KeyObject, createHash, createPrivateKey, sign } from 'node:crypto'
import { promisify } from 'node:util'
import { addressParser } from 'postal-mime'
import { type DomainName } from '../../dns/name.ts'
import { type Address, parseAddress } from '../model/address.ts'
import { type HeaderField, fieldValue, headerFields, splitMessage } from '../model/headers.ts'
import { relaxedBodyHash } from './body-hash.ts'

/** `privateKey` is PKCS #8 PEM. */
export type SigningKey = { domain: DomainName; selector: string; algorithm: 'rsa-sha256' | 'ed25519-sha256'; privateKey: string }

const oversigned = [
  'From',
  'To',
  'Cc',
  'Subject',
  'Date',
  'Message-ID',
  'Reply-To',
  'MIME-Version',
  'Content-Type',
  'In-Reply-To',
  'References',
  // RFC 8058 §4: a one-click link that no signature covers is not followed.
  'List-Unsubscribe',
  'List-Unsubscribe-Post',
  'X-AI-Generated',
  'X-MultiMail-Identity',
  'X-MultiMail-Reputation',
] as const

/** `validForMs` becomes x= (RFC 6376 §3.5), against replay: whoever gets a copy has this long to send it to others in our name. `bodyHash`: when it is
 *  known already. */
export type Signing = { now: number; validForMs: number; bodyHash?: string }

/** Of a message or of its header: the one From address, whose domain alignment (RFC 9989) and our choice of key go by; null when there is not exactly one. */
export function senderAddress(message: Buffer): Address | null {
  const from = headerFields(splitMessage(message).header).filter((field) => field.name === 'from')
  const [field] = from
  if (field === undefined || from.length > 1) return null
  const authors = addressParser(fieldValue(field), { flatten: true })
  return authors.length === 1 ? parseAddress(authors[0]?.address ?? '') : null
}

/** The fields to put in front of `message`, each with its CRLF, one per key. Lines must end in CRLF. */
export async function signMessage(message: Buffer, keys: readonly SigningKey[], signing: Signing): Promise<string> {
  const { header, body } = splitMessage(message)
  const signed = signedFields(headerFields(header))
  const bodyHash = signing.bodyHash ?? (await relaxedBodyHash(body))
  return (await Promise.all(keys.map((key) => signatureField(key, signed, bodyHash, signing)))).join('')
}

type SignedFields = { names: string[]; canonical: string }

/** Of a field that occurs more than once, the lowest counts first (RFC 6376 §5.4.2); one that does not occur adds no octets. */
function signedFields(fields: readonly HeaderField[]): SignedFields {
  const named = oversigned.map((name) => ({ name, found: fields.filter((field) => field.name === name.toLowerCase()).toReversed() }))
  return {
    names: named.flatMap(({ name, found }) => [...found.map(() => name), name]),
    canonical: named.flatMap(({ found }) => found.map((field) => `${relaxedField(field.raw.toString('latin1'))}\r\n`)).join(''),
  }
}

async function signatureField(
  key: SigningKey,
  { names, canonical }: SignedFields,
  bodyHash: string,
  { now, validForMs }: Signing,
): Promise<string> {
  const time = Math.floor(now / 1000)
  const unsigned = [
    `DKIM-Signature: v=1; a=${key.algorithm}; c=relaxed/relaxed; d=${key.domain};`,
    ` s=${key.selector}; t=${time}; x=${time + Math.floor(validForMs / 1000)};`,
    ` h=${folded(names)};`,
    ` bh=${bodyHash};`,
    ' b=',
  ].join('\r\n')
  const signature = await signatureOf(key, Buffer.from(canonical + relaxedField(unsigned), 'latin1'))
  return `${unsigned}${signature.replace(/.{72}(?=.)/g, '$&\r\n ')}\r\n`
}

/** RSA takes most of a millisecond: other threads do that, and the event loop goes on. */
const signInThread = promisify(sign)

async function signatureOf({ algorithm, privateKey }: SigningKey, input: Buffer): Promise<string> {
  const key = keyFrom(privateKey)
  if (algorithm === 'rsa-sha256') return (await signInThread('sha256', input, key)).toString('base64')
  // RFC 8463 §3: Ed25519 signs the hash of what RSA signs.
  return sign(null, createHash('sha256').update(input).digest(), key).toString('base64')
}

/** Reading a key takes longer than signing with Ed25519 does. Those of the domains that write now are kept. */
const mostKeys = 100
const keys = new Map<string, KeyObject>()

function keyFrom(pem: string): KeyObject {
  const known = keys.get(pem)
  if (known !== undefined) return known
  const [oldest] = keys.size < mostKeys ? [] : keys.keys()
  if (oldest !== undefined) keys.delete(oldest)
  const key = createPrivateKey(pem)
  keys.set(pem, key)
  return key
}

const namesPerLine = 3

const folded = (names: readonly string[]): string =>
  Array.from({ length: Math.ceil(names.length / namesPerLine) }, (_, line) =>
    names.slice(line * namesPerLine, (line + 1) * namesPerLine).join(':'),
  ).join(':\r\n  ')

/** RFC 6376 §3.4.2, without the final CRLF. Octets as Latin-1. */
function relaxedField(field: string): string {
  const colon = field.indexOf(':')
  const value = field.slice(colon + 1).replaceAll('\r\n', '')
  return `${field.slice(0, colon).trim().toLowerCase()}:${value.replace(/[ \t]+/g, ' ').replace(/^ | $/g, '')}`
}
