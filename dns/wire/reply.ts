/** What a server sends back: whether it belongs to the question, and the records in it that matter here. */
import { decodeRecord } from './record.ts'
import { type Place, type Sections, sectionsOf } from './frame.ts'
import { type Query, headerLength } from './query.ts'
import type { WireRecord } from './record.ts'

/** `code`: RFC 1035 §4.1.1, RFC 6891 §6.1.3. `sameCase`: the question came back letter for letter.
 *  `knows`: the server offers recursion or answers for its own zone; of one that does neither, silence means nothing. */
export type Reply = {
  code: number
  truncated: boolean
  sameCase: boolean
  authenticated: boolean
  knows: boolean
  answers: readonly WireRecord[]
  authorities: readonly WireRecord[]
}

const formatError = 1
const notImplemented = 4

const isResponse = 0x8000
const operation = 0x7800
const truncation = 0x0200
const authoritative = 0x0400
const recursionAvailable = 0x0080
const authenticData = 0x0020

/** Null when this is no answer to the query: a stranger's guess, a late answer to something else, or not readable. */
export function readReply(message: Buffer, query: Query): Reply | null {
  if (message.length < headerLength || message.readUInt16BE(0) !== query.id) return null
  const flags = message.readUInt16BE(2)
  if ((flags & (isResponse | operation)) !== isResponse) return null
  const code = flags & 0xf
  const bare = { code, truncated: false, sameCase: true, authenticated: false, knows: false, answers: [], authorities: [] }
  // A server that does not understand what it was sent may not be able to repeat it.
  if (message.readUInt16BE(4) === 0) return code === formatError || code === notImplemented ? bare : null
  const echo = echoOf(message, query)
  if (echo === null) return null
  // The rest of a truncated message is asked for again, and may be cut anywhere.
  if (flags & truncation) return { ...bare, ...echo, truncated: true }
  const sections = sectionsOf(message, headerLength + query.section.length)
  return sections && withRecords({ ...bare, ...echo, ...factsIn(flags) }, message, sections)
}

const factsIn = (flags: number) => ({
  authenticated: (flags & authenticData) !== 0,
  knows: (flags & (recursionAvailable | authoritative)) !== 0,
})

function echoOf(message: Buffer, { section }: Query): { sameCase: boolean } | null {
  if (message.readUInt16BE(4) !== 1) return null
  const echo = message.subarray(headerLength, headerLength + section.length)
  if (echo.equals(section)) return { sameCase: true }
  // Lengths of labels are below 64 and so unchanged by this, as are type and class of ours.
  return lowered(echo) === lowered(section) ? { sameCase: false } : null
}

const lowered = (bytes: Buffer): string => bytes.toString('latin1').replace(/[A-Z]/g, (letter) => letter.toLowerCase())

function withRecords(reply: Reply, message: Buffer, sections: Sections): Reply | null {
  const answers = decodeAll(message, sections.answers)
  const authorities = decodeAll(message, sections.authorities)
  if (answers === null || authorities === null) return null
  return { ...reply, code: reply.code | (extendedCode(sections.additionals) << 4), answers, authorities }
}

const optType = 41

/** RFC 6891 §6.1.3: in what is the time to live of other records. */
const extendedCode = (additionals: readonly Place[]): number => (additionals.find(({ type }) => type === optType)?.ttl ?? 0) >>> 24

function decodeAll(message: Buffer, places: readonly Place[]): WireRecord[] | null {
  const records: WireRecord[] = []
  for (const place of places) {
    const record = decodeRecord(message, place)
    if (record === 'broken') return null
    if (record !== 'other') records.push(record)
  }
  return records
}
