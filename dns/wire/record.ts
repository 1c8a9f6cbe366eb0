import { type Answer, type TlsaData, answer as resourceRecord } from 'dns-packet'
import type { Records, RrType } from '../answer.ts'
import { plainName } from '../asked-name.ts'
import { type Place, isCharacterStrings } from './frame.ts'

// The package has had this since its first version; its types leave it out.
declare module 'dns-packet' {
  export const answer: { decode: ((message: Buffer, offset: number) => Answer) & { bytes: number } }
}

type Typed = { [T in RrType]: { type: T; data: Records[T] } }[RrType] | { type: 'SOA'; minimum: number } | { type: 'NS' }

/** `ttl` in seconds. `minimum`: how long it holds that something is not there (RFC 2308 §4). */
export type WireRecord = { name: string; ttl: number } & Typed

const internet = 1
const txt = 16
/** A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, TLSA */
const wanted: ReadonlySet<number> = new Set([1, 2, 5, 6, 12, 15, txt, 28, 52])
// RFC 2181 §8: 31 bits. With the topmost bit set it means zero.
const maxTtl = 0x7f_ff_ff_ff

/** `other`: of a type or class that nothing here asks for. */
export function decodeRecord(message: Buffer, place: Place): WireRecord | 'other' | 'broken' {
  if (place.class !== internet || !wanted.has(place.type)) return 'other'
  if (place.type === txt && !isCharacterStrings(message, place)) return 'broken'
  try {
    const record = resourceRecord.decode(message, place.at)
    // The decoders read as much as they need. Is that not what the record says its length is, then it is not what it says.
    if (resourceRecord.decode.bytes !== place.end - place.at) return 'broken'
    return { name: plainName(record.name), ttl: place.ttl > maxTtl ? 0 : place.ttl, ...typed(record) }
  } catch {
    return 'broken'
  }
}

function typed(record: Answer): Typed {
  if (record.type === 'A' || record.type === 'AAAA') return { type: record.type, data: record.data }
  if (record.type === 'CNAME' || record.type === 'PTR') return { type: record.type, data: nameOf(record.data) }
  if (record.type === 'MX') return { type: 'MX', data: { priority: record.data.preference ?? 0, exchange: nameOf(record.data.exchange) } }
  if (record.type === 'TXT')
    return { type: 'TXT', data: [record.data].flat().map((text) => (typeof text === 'string' ? text : text.toString('latin1'))) }
  if (record.type === 'TLSA') return { type: 'TLSA', data: tlsaOf(record.data) }
  return record.type === 'SOA' ? { type: 'SOA', minimum: record.data.minimum ?? 0 } : { type: 'NS' }
}

const tlsaOf = ({ usage, selector, matchingType, certificate }: TlsaData): Records['TLSA'] => ({
  usage,
  selector,
  matchingType,
  data: certificate.toString('hex'),
})

/** In small letters: servers let names point into the question, whose letters we mixed. The package writes the root as a dot, and a dot inside of a
 *  label like one between two: whoever publishes such a name names another. */
const nameOf = (name: string): string => (name === '.' ? '' : name.toLowerCase())
