import type { FindingKind } from '../../model/finding.ts'
import type { Hit } from './hit.ts'
import { masked } from './masked.ts'

/**
 * Keys that say what they are. A pattern begins where no character of it stands before, so no text makes it begin often in vain.
 *
 * PEM: RFC 7468 §10, 11. PGP: RFC 9580 §6.2. The prefixes of tokens are those by which their makers have them found in public code.
 */
const known: readonly { kind: FindingKind; pattern: RegExp }[] = [
  { kind: 'private_key', pattern: /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g },
  { kind: 'private_key', pattern: /PuTTY-User-Key-File-\d/g },
  { kind: 'private_key', pattern: /(?<![A-Za-z0-9-])AGE-SECRET-KEY-1[A-Z0-9]{20,100}/gi },
  // ours
  { kind: 'access_token', pattern: /(?<![A-Za-z0-9_])mm_(?:live|test)_[A-Za-z0-9_-]{16,200}/g },
  { kind: 'access_token', pattern: /(?<![A-Za-z0-9_])whsec_[A-Za-z0-9+/=_-]{16,200}/g },
  { kind: 'access_token', pattern: /(?<![A-Za-z0-9])(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])/g },
  { kind: 'access_token', pattern: /(?<![A-Za-z0-9_])gh[pousr]_[A-Za-z0-9]{30,255}/g },
  { kind: 'access_token', pattern: /(?<![A-Za-z0-9_])github_pat_[A-Za-z0-9_]{22,255}/g },
  { kind: 'access_token', pattern: /(?<![A-Za-z0-9_-])glpat-[A-Za-z0-9_-]{20,255}/g },
  { kind: 'access_token', pattern: /(?<![A-Za-z0-9-])xox[abeoprs]-[A-Za-z0-9-]{10,255}/g },
  { kind: 'access_token', pattern: /(?<![A-Za-z0-9])hooks\.slack\.com\/services\/[A-Za-z0-9/]{20,100}/g },
  { kind: 'access_token', pattern: /(?<![A-Za-z0-9_])[rs]k_(?:live|test)_[A-Za-z0-9]{16,255}/g },
  { kind: 'access_token', pattern: /(?<![A-Za-z0-9_-])sk-[A-Za-z0-9_-]{20,255}/g },
  { kind: 'access_token', pattern: /(?<![A-Za-z0-9_-])AIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])/g },
  { kind: 'access_token', pattern: /(?<![A-Za-z0-9_.-])SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}/g },
  { kind: 'access_token', pattern: /(?<![A-Za-z0-9_])npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])/g },
  { kind: 'access_token', pattern: /(?<![A-Za-z0-9_-])pypi-[A-Za-z0-9_-]{50,400}/g },
  { kind: 'access_token', pattern: /(?<![A-Za-z0-9_-])hf_[A-Za-z0-9]{30,64}(?![A-Za-z0-9])/g },
  { kind: 'access_token', pattern: /(?<![A-Za-z0-9_-])dop_v1_[a-f0-9]{64}(?![a-f0-9])/g },
  { kind: 'access_token', pattern: /(?<![A-Za-z0-9])\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])/g },
  // JSON Web Tokens (RFC 7519 §3): the beginning is `{"` in base64url
  { kind: 'access_token', pattern: /(?<![A-Za-z0-9_.-])eyJ[A-Za-z0-9_-]{8,1000}\.eyJ[A-Za-z0-9_-]{8,2000}\.[A-Za-z0-9_-]{16,800}/g },
]

/** How each of them begins. Nearly every text has none, and is not searched for each. */
const begins =
  /-----BEGIN |PuTTY-User-Key|AGE-SECRET|mm_|whsec_|AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|xox|hooks\.slack|k_(?:live|test)_|sk-|AIza|SG\.|npm_|pypi-|hf_|dop_|\d:AA|eyJ/i

/** `password: …`, `API_KEY=…`: only where the value looks like no word. */
const assigned =
  /(?:passwords?|passwd|passphrase|pwd|secrets?|secret[ _-]?key|tokens?|access[ _-]?(?:key|token)|api[ _-]?(?:key|token)|client[ _-]?secret|auth[ _-]?token|private[ _-]?key)["'`*]{0,3} {0,4}(?::|=|=>| is ) {0,4}["'`*]{0,3}([^\s"'`<>]{8,200})/gi

export function* secrets(text: string): Generator<Hit> {
  for (const { kind, pattern } of begins.test(text) ? known : [])
    for (const match of text.matchAll(pattern))
      yield { kind, at: match.index, excerpt: kind === 'private_key' ? masked(match[0], 20, 2) : masked(match[0]) }
  for (const match of text.matchAll(assigned)) {
    const value = match[1] ?? ''
    if (looksRandom(value)) yield { kind: 'assigned_secret', at: match.index, excerpt: masked(value, 2, 1) }
  }
}

const leastBits = 2.75

/** Letters and digits, and few that come again: words have no digits, and dates or amounts few different characters. */
function looksRandom(value: string): boolean {
  if (/^(?:https?:|www\.)/i.test(value)) return false
  const kinds = [/[a-z]/, /[A-Z]/, /[^A-Za-z0-9.,;:!?)\]/_-]/].filter((kind) => kind.test(value)).length
  return /\d/.test(value) && /[A-Za-z]/.test(value) && kinds >= (value.length >= 16 ? 1 : 2) && bitsOf(value) >= leastBits
}

/** Shannon entropy of its characters, in bits for each. */
function bitsOf(value: string): number {
  const counts = new Map<string, number>()
  for (const one of value) counts.set(one, (counts.get(one) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / value.length) * Math.log2(count / value.length)
  return bits
}
