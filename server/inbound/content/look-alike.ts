/**
 * Names made to be taken for others: domains that look like a known one, authors who call themselves what they are not. Pure; the known ones are
 * brands here, and our own domains and correspondents where the store is asked.
 */
import { domainToUnicode } from 'node:url'
import { parse } from 'tldts'
import type { HeaderAddress } from '../../model/email.ts'
import type { Reason } from '../../model/reason.ts'
import { brands, officeWords } from './brands.ts'
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
const shortestForTypo = 5
const shortestWithin = 5

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

const brandDomains = new Set(brands.flatMap(({ domains }) => domains))
const brandLooks = brands.map(({ name, isWord }) => ({ name, isWord, look: lookOf(name) }))

/** Whether `host` was made to be taken for a well-known company's. */
export function brandLikeness(host: string): Likeness | null {
  const registered = registeredName(host)
  if (registered === null || brandDomains.has(registered.domain)) return null
  const look = lookOf(registered.name)
  const parts = new Set(look.split('-'))
  for (const { name, look: brand } of brandLooks) {
    if (registered.name === name) continue
    if (look === brand) return { known: name, how: 'same-look' }
    if (name.length >= shortestForTypo + 1 && isOneOff(look, brand)) return { known: name, how: 'typo' }
    if (name.length >= shortestWithin && parts.size > 1 && parts.has(brand)) return { known: name, how: 'within' }
  }
  const front = host.slice(0, Math.max(0, host.length - registered.domain.length))
  if (front === '') return null
  const inFront = brands.find(({ domains }) => domains.some((domain) => front.startsWith(`${domain}.`) || front.includes(`.${domain}.`)))
  return inFront === undefined ? null : { known: inFront.name, how: 'in-front' }
}

/** What letters of fraud build the names of their domains from. */
const bait = new Set(
  `login signin logon auth verify verification confirm secure security account accounts acc konto compte cuenta update upgrade unlock unblock restore
  recovery password passwort webmail mailbox alert alerts notice wallet billing refund sicherheit securite seguridad kunden identity idcheck`.split(
    /\s+/,
  ),
)

/** A registered name of several words with one of those among them; a company's own service is a subdomain. */
export function isBait(name: string): boolean {
  const parts = name.split('-')
  return parts.length > 1 && parts.some((part) => bait.has(part))
}

/** The company whose name stands in a display name, when the domain is not one of its own. */
export function borrowedBrand(displayName: string, host: string): string | null {
  const registered = registeredName(host)
  if (registered !== null && brandDomains.has(registered.domain)) return null
  const words = skeleton(displayName.slice(0, 200))
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
  // "Office 365" as one word too.
  const looks = [...words, ...words.slice(1).map((word, at) => `${words[at] ?? ''}${word}`)].map(lookOf)
  const isOffice = words.length > 1 && words.filter((word) => !officeWords.has(word)).length <= 1
  const brand = brandLooks.find(({ look, isWord }) => looks.includes(look) && (!isWord || isOffice))
  return brand === undefined || (registered !== null && registered.name === brand.name) ? null : brand.name
}

/** Our own, as the store knows them. `people`: names that our mailboxes write under. `correspondents`: domains we have written to. */
export type OurNames = { domains: readonly string[]; people: readonly string[]; correspondents: readonly string[] }

type Author = { host: string; name: string; ours: OurNames }
type AuthorSign = { code: string; points: number; words: string; when: (author: Author) => string | null }

export const authorSigns: readonly AuthorSign[] = [
  {
    code: 'look-alike-of-ours',
    points: 8,
    words: "The author's domain looks like one of ours.",
    when: ({ host, ours }) => likenessOf(host, ours.domains)?.known ?? null,
  },
  {
    code: 'look-alike-of-known',
    points: 6,
    words: "The author's domain looks like one that we write to.",
    when: ({ host, ours }) => {
      const like = likenessOf(host, ours.correspondents)
      return like === null || like.how === 'other-ending' ? null : like.known
    },
  },
  {
    code: 'our-domain-in-name',
    points: 5,
    words: 'The author bears the name of our domain.',
    when: ({ name, ours }) => ours.domains.find((domain) => nameKey(name).includes(domain)) ?? null,
  },
  {
    code: 'our-name',
    points: 4,
    words: 'The author bears the name of one of ours, and writes from elsewhere.',
    when: ({ name, ours }) => {
      const key = nameKey(name)
      return key === '' ? null : (ours.people.find((person) => nameKey(person) === key) ?? null)
    },
  },
]

/**
 * What is odd about an author, knowing who we are and whom we know. Nothing for one at our own domains (DMARC judges that) or at a domain that we
 * write to.
 */
export function judgeAuthor(from: HeaderAddress | null, ours: OurNames): Reason[] {
  if (from === null) return []
  const host = from.address.slice(from.address.lastIndexOf('@') + 1).toLowerCase()
  const own = new Set(ours.domains.map((domain) => registeredName(domain)?.domain ?? domain))
  if (own.has(registeredName(host)?.domain ?? host)) return []
  return authorSigns.flatMap(({ code, points, words, when }) => {
    const detail = when({ host, name: from.name ?? '', ours })
    return detail === null ? [] : [{ code, points, words, detail: detail.slice(0, 200) }]
  })
}

/** Names compared as they look, without the order and the punctuation of their parts ("Doe, Ann" and "Ann Doe"). */
export const nameKey = (name: string): string =>
  skeleton(name.slice(0, 200))
    .split(/[\s,;"'()]+/)
    .filter((part) => part !== '')
    .toSorted()
    .join(' ')
