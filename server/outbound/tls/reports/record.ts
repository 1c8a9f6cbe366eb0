/** Where a domain wants reports on TLS (RFC 8460 §3): the TXT record at `_smtp._tls`. Pure. */
import { type DomainName, parseDomainName } from '../../../../dns/name.ts'
import { type Address, parseAddress } from '../../../model/address.ts'

/** `uri` as in the record: the name under which it is remembered what became of a report there. */
export type Place = { uri: string } & ({ kind: 'mail'; address: Address } | { kind: 'https'; host: DomainName; path: string })

/** Whoever has a domain chooses to whom we write; few, so that it is no way to make us write to many. */
const mostPlaces = 5
const longestRecord = 2_000

/** [] when there is none, or more than one, or it names no place that we can reach.
 *  @param records each its character-strings, to be joined */
export function placesIn(records: readonly (readonly string[])[]): Place[] {
  const [record, ...others] = records.map((strings) => strings.join('')).filter((text) => /^v=TLSRPTv1[ \t]*(?:;|$)/.test(text))
  if (record === undefined || others.length > 0 || record.length > longestRecord) return []
  const field = record
    .split(';')
    .map((one) => one.trim())
    .find((one) => one.startsWith('rua='))
  // A comma inside a URI is written %2C.
  const uris = new Set(
    (field ?? '')
      .slice('rua='.length)
      .split(',', mostPlaces * 2)
      .map((uri) => uri.trim()),
  )
  return [...uris].flatMap((uri) => placeOf(uri) ?? []).slice(0, mostPlaces)
}

function placeOf(uri: string): Place | null {
  if (/^mailto:/i.test(uri)) return mailPlace(uri)
  return /^https:\/\//i.test(uri) ? webPlace(uri) : null
}

function mailPlace(uri: string): Place | null {
  // What a URI may add, such as a subject, is ours to choose.
  const address = parseAddress(decoded(uri.slice('mailto:'.length).split('?', 1)[0] ?? ''))
  return address === null ? null : { uri, kind: 'mail', address }
}

/** On port 443 and by a name alone: whoever writes the record chooses what we knock at. */
function webPlace(uri: string): Place | null {
  const url = URL.parse(uri)
  const host = url === null ? null : parseDomainName(url.hostname)
  if (url === null || host === null || url.port !== '' || url.username !== '' || url.password !== '') return null
  return { uri, kind: 'https', host, path: `${url.pathname}${url.search}` }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}
