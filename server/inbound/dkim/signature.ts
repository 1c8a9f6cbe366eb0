/** A DKIM-Signature field (RFC 6376 §3.5, §6.1.1): what it says, or what is wrong with it. Pure. */
import { type DomainName, isWithin, parseDomainName } from '../../../dns/name.ts'
import type { Canonicalization } from './canonical-header.ts'
import { type Row, lowerCase } from './header-rows.ts'
import { type TagList, readTagList } from './tag-list.ts'
import { trimWhite, withoutWhite } from './white.ts'

/** Whose it claims to be, as it is written there; `signature` is its base64. */
export type Claim = { domain: string; selector: string; signature: string }

/** `signed`: the names of `h=` in small letters; `keyName`: where the key is; `value`: the place of the signature in the field; `limit`: of `l=`,
 *  or Infinity; `expires`: epoch seconds, or Infinity; `isOwnDomain`: the domain of `i=` is that of `d=`. */
export type Signature = {
  algorithm: Algorithm
  form: { header: Canonicalization; body: Canonicalization }
  signed: readonly string[]
  bodyHash: string
  keyName: DomainName
  value: { start: number; end: number }
  limit: number
  expires: number
  isOwnDomain: boolean
}
export type Algorithm = { key: 'rsa' | 'ed25519'; hash: 'sha1' | 'sha256' }

export type SignatureProblem = { problem: string }

/** Null: none of ours. It uses what we do not know (§6.1: such a signature is ignored), or does not say whose it is.
 *  @param text the header section, octets as Latin-1 */
export function readSignature(text: string, row: Row): { claim: Claim; signature: Signature | SignatureProblem } | null {
  const list = readTagList(text.slice(row.start, row.end), row.colon + 1 - row.start)
  const tags = valuesOf(list)
  const algorithm = algorithms.get(tags.get('a')?.toLowerCase() ?? '')
  const form = forms.get(tags.get('c')?.toLowerCase() ?? '')
  const claim = { domain: asName(tags.get('d')), selector: asName(tags.get('s')), signature: tags.get('b') ?? '' }
  if (algorithm === undefined || form === undefined || claim.domain === '' || claim.selector === '') return null
  const problem = list.isValid ? problemOf(tags) : syntaxError
  if (problem !== null) return { claim, signature: { problem } }
  const { start = 0, end = 0 } = list.tags.get('b') ?? {}
  const value = { start: row.start + start, end: row.start + end }
  return { claim, signature: signatureOf(tags, claim, { algorithm, form, value }) }
}

/** White space stands within these, and says nothing there. */
const foldable = new Set(['b', 'bh', 'h', 'i', 'q'])
type Values = ReadonlyMap<string, string>
const valuesOf = ({ tags }: TagList): Values =>
  new Map([...tags].map(([name, { value }]) => [name, foldable.has(name) ? withoutWhite(value) : trimWhite(value)]))

const algorithms: ReadonlyMap<string, Algorithm> = new Map([
  ['rsa-sha256', { key: 'rsa', hash: 'sha256' }],
  ['ed25519-sha256', { key: 'ed25519', hash: 'sha256' }],
  // Known, so that it can be said why it is refused (RFC 8301 §3.1).
  ['rsa-sha1', { key: 'rsa', hash: 'sha1' }],
])

const forms: ReadonlyMap<string, Signature['form']> = new Map([
  ['', { header: 'simple', body: 'simple' }],
  ['simple', { header: 'simple', body: 'simple' }],
  ['relaxed', { header: 'relaxed', body: 'simple' }],
  ['simple/simple', { header: 'simple', body: 'simple' }],
  ['simple/relaxed', { header: 'simple', body: 'relaxed' }],
  ['relaxed/simple', { header: 'relaxed', body: 'simple' }],
  ['relaxed/relaxed', { header: 'relaxed', body: 'relaxed' }],
])

/** What has letters beyond US-ASCII is UTF-8 (RFC 8616 §3). */
const asName = (value = ''): string => (ascii.test(value) ? value : Buffer.from(value, 'latin1').toString())

const ascii = /^[\0-\x7f]*$/

const required = ['v', 'a', 'b', 'bh', 'd', 'h', 's']
const syntaxError = 'signature syntax error'
const timestamp = /^\d{1,12}$/
const base64 = /^[A-Za-z0-9+/]+={0,2}$/
const syntax: readonly [tag: string, is: RegExp][] = [
  ['b', base64],
  ['bh', base64],
  ['t', timestamp],
  ['x', timestamp],
  ['l', /^\d{1,76}$/],
  ['c', /./],
]

/** What is wrong with it whatever it signs, in the order of §6.1.1. */
function problemOf(tags: Values): string | null {
  if (required.some((name) => (tags.get(name) ?? '') === '')) return 'signature missing required tag'
  if (tags.get('v') !== '1') return 'incompatible version'
  if (syntax.some(([name, is]) => !is.test(tags.get(name) ?? '0'))) return syntaxError
  if (!methodsIn(tags.get('q') ?? knownMethod).includes(knownMethod)) return 'unsupported query method'
  if (numberIn(tags, 'x') <= Number(tags.get('t') ?? -1)) return 'invalid expiration'
  return null
}

const knownMethod = 'dns/txt'
const methodsIn = (list: string): string[] => list.toLowerCase().split(':')
const numberIn = (tags: Values, name: 'x' | 'l'): number => Number(tags.get(name) ?? Infinity)

type Known = Pick<Signature, 'algorithm' | 'form' | 'value'>

function signatureOf(tags: Values, claim: Claim, known: Known): Signature | SignatureProblem {
  const domain = parseDomainName(claim.domain)
  const keyName = parseDomainName(`${claim.selector}._domainkey.${claim.domain}`)
  const identity = tags.has('i') ? parseDomainName(identityDomain(tags.get('i') ?? '')) : domain
  if (domain === null || keyName === null || identity === null || !domain.includes('.')) return { problem: syntaxError }
  if (!isWithin(identity, domain)) return { problem: 'domain mismatch' }
  const signed = lowerCase(tags.get('h') ?? '').split(':')
  // §5.4: it would say nothing about the author.
  if (!signed.includes('from')) return { problem: 'From field not signed' }
  const [bodyHash = '', limit, expires] = [tags.get('bh'), numberIn(tags, 'l'), numberIn(tags, 'x')]
  return { ...known, signed, keyName, bodyHash, limit, expires, isOwnDomain: identity === domain }
}

/** What is behind the last `@` of `i=`, which is written in quoted-printable (§2.11); '' when there is none. */
function identityDomain(identity: string): string {
  const octets = identity.replaceAll(/=([0-9A-F]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  const text = Buffer.from(octets, 'latin1').toString()
  return text.includes('@') ? text.slice(text.lastIndexOf('@') + 1) : ''
}
