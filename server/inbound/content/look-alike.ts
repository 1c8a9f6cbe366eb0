/** Domains and names made to be taken for others: how they look beside the known ones. Pure. */
import { domainToUnicode } from 'node:url'
import { parse } from 'tldts'
import { skeleton } from './confusables.ts'

/** `same-look`: with letters that look alike · `typo`: one letter off · `other-ending`: the same name under another ending ·
 *  `within`: the name as a part of a longer one · `in-front`: the whole domain as labels before another. */
export type Likeness = { known: string; how: 'same-look' | 'typo' | 'other-ending' | 'within' | 'in-front' }

/** `domain` is what somebody registers (Public Suffix List), `name` its label before the suffix in Unicode. */
export type RegisteredName = { domain: string; name: string; suffix: string }

const maxHost = 253
/** Comparing takes about a microsecond each. */
const maxKnown = 2_000
/** Shorter names are one letter off from too many others. */
export const shortestForTypo = 6
export const shortestWithin = 5

/** Null for an address literal or a name of one label. @param host lower case, A-labels */
export function registeredName(host: string): RegisteredName | null {
  if (host.length > maxHost) return null
  const { domain, domainWithoutSuffix, publicSuffix } = parse(host, { validateHostname: false })
  if (domain === null || domainWithoutSuffix === null || publicSuffix === null) return null
  return { domain, name: inUnicode(domainWithoutSuffix), suffix: publicSuffix }
}

const inUnicode = (name: string): string => (name.includes('xn--') ? domainToUnicode(name) || name : name)

/** Whether `host` was made to be taken for one of `known` domains. Null when it is one of them, or like none. */
export function likenessOf(host: string, known: Iterable<string>): Likeness | null {
  const registered = registeredName(host)
  if (registered === null) return null
  let best: Likeness | null = null
  let count = 0
  for (const domain of known) {
    if (++count > maxKnown) break
    const other = registeredName(domain)
    if (other === null) continue
    if (other.domain === registered.domain) return null
    const how = likeness(host, registered, other)
    if (how !== null) best ??= { known: domain, how }
  }
  return best
}

function likeness(host: string, own: RegisteredName, other: RegisteredName): Likeness['how'] | null {
  if (own.name === other.name) return own.suffix === other.suffix ? null : 'other-ending'
  const [look, otherLook] = [lookOf(own.name), lookOf(other.name)]
  if (look === otherLook) return 'same-look'
  if (other.name.length >= shortestForTypo && isOneOff(look, otherLook)) return 'typo'
  if (other.name.length >= shortestWithin && look.split('-').includes(otherLook)) return 'within'
  return host.startsWith(`${other.domain}.`) || host.includes(`.${other.domain}.`) ? 'in-front' : null
}

/** A name as it looks at a glance: look-alike letters folded, digits and pairs of letters for what they pass for. */
export const lookOf = (name: string): string =>
  skeleton(name.slice(0, maxHost))
    .replace(/rn/g, 'm')
    .replace(/vv/g, 'w')
    .replace(/[0135]/g, (digit) => ({ 0: 'o', 1: 'l', 3: 'e', 5: 's' })[digit] ?? digit)
    .replace(/i/g, 'l')

/** One letter more, less, other, or two exchanged. */
export function isOneOff(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1 || a === b) return false
  let at = 0
  while (at < a.length && a[at] === b[at]) at++
  if (a.length === b.length) {
    if (a.slice(at + 1) === b.slice(at + 1)) return true
    return a[at] === b[at + 1] && a[at + 1] === b[at] && a.slice(at + 2) === b.slice(at + 2)
  }
  const [short, long] = a.length < b.length ? [a, b] : [b, a]
  return short.slice(at) === long.slice(at + 1)
}

/** Names compared as they look, without the order and the punctuation of their parts ("Doe, Ann" and "Ann Doe"). */
export const nameKey = (name: string): string =>
  skeleton(name.slice(0, 200))
    .split(/[\s,;"'()]+/)
    .filter((part) => part !== '')
    .toSorted()
    .join(' ')
