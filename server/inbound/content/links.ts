/** What the links of a message say about it: where they seem to lead, and where they do. */
import { isIP } from 'node:net'
import type { Link } from '../html/notes.ts'
import { shorteners } from './brands.ts'
import { isLookalike } from './confusables.ts'
import type { Evidence } from './evidence.ts'
import { brandLikeness, isBait } from './borrowed-names.ts'
import { registeredName } from './look-alike.ts'

/** Links that are looked at; letters with more repeat themselves. */
const maxLinks = 300
/** Distinct hosts that are compared with known names. */
const maxHosts = 60
const maxUrl = 2_000

export type LinkFacts = { links: readonly Link[]; authorDomain: string | null }

export function judgeLinks({ links, authorDomain }: LinkFacts, evidence: Evidence): void {
  const seen = new Set<string>()
  const hosts = new Set<string>()
  for (const link of links) {
    const key = `${link.target} ${link.text}`
    if (seen.has(key)) continue
    if (seen.size >= maxLinks) return
    seen.add(key)
    judgeLink(link, authorDomain, hosts, evidence)
  }
}

function judgeLink({ target, text }: Link, authorDomain: string | null, hosts: Set<string>, evidence: Evidence): void {
  const scheme = /^\s{0,10}(javascript|data|vbscript|file|blob):/i.exec(target)?.[1]
  if (scheme !== undefined) return evidence.add('link-script', { detail: scheme })
  const url = urlOf(target)
  if (url === null) return
  judgeUrl(url, target, evidence)
  if (!hosts.has(url.hostname) && hosts.size < maxHosts) {
    hosts.add(url.hostname)
    judgeHost(url.hostname, evidence)
  }
  const shown = shownDomain(text)
  const actual = registeredName(url.hostname)?.domain ?? url.hostname
  if (shown === null || shown === actual) return
  evidence.add(shown === authorDomain ? 'link-tracked' : 'link-mismatch', { detail: `${shown} → ${url.hostname}` })
}

function urlOf(target: string): URL | null {
  if (target.length > maxUrl || !/^\s{0,10}https?:/i.test(target)) return null
  return URL.parse(target)
}

function judgeUrl(url: URL, written: string, evidence: Evidence): void {
  // The parser shows these away: `https://bank.example@remote.test`, `https:/\\remote.test`.
  if (url.username !== '' || url.password !== '') evidence.add('link-userinfo', { detail: `${url.username} @ ${url.hostname}` })
  const path = url.pathname + url.search
  if (written.length > url.origin.length + 1 && leadsOn(path)) evidence.add('link-redirect', { detail: url.hostname })
}

const leadsOn = (path: string): boolean => {
  const lower = path.toLowerCase()
  return lower.includes('=http://') || lower.includes('=https://') || lower.includes('=http%3a') || lower.includes('=https%3a')
}

function judgeHost(host: string, evidence: Evidence): void {
  if (isIP(host) !== 0 || host.startsWith('[')) return evidence.add('link-ip', { detail: host })
  const registered = registeredName(host)
  if (registered === null) return
  if (shorteners.has(registered.domain)) evidence.add('link-shortened', { detail: host })
  if (isBait(registered.name)) evidence.add('bait-domain', { detail: host })
  const like = brandLikeness(host)
  if (like !== null) evidence.add('link-look-alike', { detail: `${host} is not ${like.known}`, kind: host })
  if (!host.includes('xn--')) return
  evidence.add(isMixedScript(registered.name) ? 'link-mixed-script' : 'link-punycode', { detail: `${registered.name} (${host})` })
}

/** Latin letters among others that look like Latin ones, or nothing but such: no language writes so. */
function isMixedScript(name: string): boolean {
  const units = Array.from(name, (character) => character.charCodeAt(0)).filter((code) => code > 57 && code !== 95)
  const alike = units.filter(isLookalike).length
  return alike > 0 && (units.some((code) => code < 0x80) || alike === units.length)
}

/** Endings that are domains too, and are seen in the names of files. */
const fileEndings = new Set('md sh py rs zip mov pl so cc ai app js ts py go java doc pdf'.split(' '))

/** The domain that a link shows as its text; null when the text is no address. */
export function shownDomain(text: string): string | null {
  const words = text.trim()
  if (words.length > 300 || words.length < 4 || /\s/.test(words) || words.includes('@') || !words.includes('.')) return null
  const bare = words.replace(/^https?:\/\//i, '')
  const host = (/^[^/?#:]{1,253}/.exec(bare)?.[0] ?? '').toLowerCase().replace(/[.,…]+$/, '')
  if (!/^[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+$/u.test(host)) return null
  const name = URL.parse(`http://${host}/`)?.hostname
  const registered = name === undefined ? null : registeredName(name)
  if (registered === null) return null
  const isAddress = bare.length !== words.length || host.startsWith('www.') || bare.length > host.length
  return isAddress || isKnownEnding(registered.suffix) ? registered.domain : null
}

/** Whether text that ends so is meant as an address rather than as the name of a file or a program. */
const isKnownEnding = (suffix: string): boolean => {
  const last = suffix.slice(suffix.lastIndexOf('.') + 1)
  return !fileEndings.has(last) && (commonEndings.has(last) || last.length === 2)
}
const commonEndings = new Set(
  'com org net edu gov mil int info biz test example online shop site store bank email support cloud live'.split(' '),
)

/** The addresses that stand in plain text. Linear: each is looked for behind the one before. */
export function linksIn(text: string): Link[] {
  const found: Link[] = []
  for (let at = text.indexOf('://'); at >= 0 && found.length < maxLinks; at = text.indexOf('://', at + 3)) {
    const scheme = text.slice(Math.max(0, at - 5), at).toLowerCase()
    const start = scheme.endsWith('https') ? at - 5 : scheme.endsWith('http') ? at - 4 : -1
    if (start >= 0) found.push({ target: text.slice(start, endOfUrl(text, at)), text: '' })
  }
  return found
}

function endOfUrl(text: string, from: number): number {
  const limit = Math.min(text.length, from + maxUrl)
  let at = from
  while (at < limit && !endsUrl(text.charCodeAt(at))) at++
  return at
}

/** White space, `<`, `>`, `"`, `)` and `]`. */
const endsUrl = (code: number): boolean =>
  code <= 32 || code === 60 || code === 62 || code === 34 || code === 41 || code === 93 || code === 0xa0
