/** Names of well-known companies where they do not belong: in the domains of others, and in the names of authors. */
import { brands, officeWords } from './brands.ts'
import { skeleton } from './confusables.ts'
import { type Likeness, isOneOff, lookOf, registeredName, shortestForTypo, shortestWithin } from './look-alike.ts'

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
    if (name.length >= shortestForTypo && isOneOff(look, brand)) return { known: name, how: 'typo' }
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
