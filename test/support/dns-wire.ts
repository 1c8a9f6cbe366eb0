/** DNS messages (RFC 1035 §4.1) written by hand, so that tests have a second opinion on what the product reads and writes with a library. */
import { isIPv6 } from 'node:net'
import type { Records, RrType } from '../../dns/resolver.ts'

/** `wire` is the question section as it came, which an answer repeats. `wantsProof`: the AD bit (RFC 6840 §5.7). */
export type Question = { id: number; name: string; type: number; wire: Buffer; edns: boolean; wantsProof: boolean }

export const headerLength = 12
// A response, authoritative, recursion desired and available.
const responseFlags = 0x8580
export const truncated = 0x0200
export const authenticData = 0x0020

const typeNumbers: Record<RrType, number> = { A: 1, CNAME: 5, PTR: 12, MX: 15, TXT: 16, AAAA: 28, TLSA: 52 }

export const typeOf = (number: number): RrType | undefined =>
  (Object.keys(typeNumbers) as RrType[]).find((type) => typeNumbers[type] === number)

export function readQuestion(query: Buffer): Question | null {
  if (query.length < headerLength + 5 || query.readUInt16BE(4) !== 1) return null
  const labels: string[] = []
  let at = headerLength
  for (let length = query[at]; length; length = query[at]) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  if (at + 5 > query.length) return null
  return {
    id: query.readUInt16BE(0),
    name: labels.join('.'),
    type: query.readUInt16BE(at + 1),
    wire: query.subarray(headerLength, at + 5),
    edns: query.readUInt16BE(10) > 0,
    wantsProof: (query.readUInt16BE(2) & authenticData) !== 0,
  }
}

/** An answer. @param flags on top of those of every answer, with the response code */
export function answerMessage(
  { id, wire }: Pick<Question, 'id' | 'wire'>,
  flags: number,
  answers: readonly Buffer[] = [],
  authority: readonly Buffer[] = [],
): Buffer {
  const header = numbers(id, responseFlags | flags, wire.length === 0 ? 0 : 1, answers.length, authority.length, 0)
  return Buffer.concat([header, wire, ...answers, ...authority])
}

/** As it travels over TCP. */
export const prefixed = (message: Buffer): Buffer => Buffer.concat([numbers(message.length), message])

/** A resource record of class IN. @param ttl in seconds */
export const record = <T extends RrType>(owner: string, type: T, ttl: number, value: Records[T]): Buffer =>
  rawRecord(owner, typeNumbers[type], ttl, encoders[type](value as never))

export const rawRecord = (owner: string | Buffer, type: number, ttl: number, data: Buffer): Buffer =>
  Buffer.concat([
    typeof owner === 'string' ? encodeName(owner) : owner,
    numbers(type, 1, Math.floor(ttl / 65_536), ttl % 65_536, data.length),
    data,
  ])

/** §3.3.13. @param times in seconds */
export function soaRecord(owner: string, { ttl, minimum }: { ttl: number; minimum: number }): Buffer {
  const times = [1, 7200, 900, 1_209_600, minimum].flatMap((seconds) => [seconds >>> 16, seconds & 0xffff])
  return rawRecord(owner, 6, ttl, Buffer.concat([encodeName('ns.test'), encodeName('hostmaster.test'), numbers(...times)]))
}

/** The shapes are those of a zone. */
const encoders: { [T in RrType]: (value: Records[T]) => Buffer } = {
  A: (address) => Buffer.from(address.split('.').map(Number)),
  AAAA: ipv6Bytes,
  MX: ({ priority, exchange }) => Buffer.concat([numbers(priority), encodeName(exchange)]),
  TXT: (parts) => Buffer.concat(parts.flatMap(characterStrings)),
  PTR: encodeName,
  CNAME: encodeName,
  TLSA: ({ usage, selector, matchingType, data }) =>
    Buffer.concat([Buffer.from([usage, selector, matchingType]), Buffer.from(data, 'hex')]),
}

export function encodeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '')
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')])),
    Buffer.from([0]),
  ])
}

/** §3.3: at most 255 octets each, so a DKIM key takes two. */
function characterStrings(text: string): Buffer[] {
  const bytes = Buffer.from(text)
  const pieces = Array.from({ length: Math.ceil(bytes.length / 255) || 1 }, (_, i) => bytes.subarray(i * 255, (i + 1) * 255))
  return pieces.map((piece) => Buffer.concat([Buffer.from([piece.length]), piece]))
}

function ipv6Bytes(address: string): Buffer {
  if (!isIPv6(address)) throw new Error(`${address} is no IPv6 address`)
  const [head = '', tail] = address.split('::')
  const groups = (part: string | undefined): number[] => (part ? part.split(':').map((group) => Number.parseInt(group, 16)) : [])
  const left = groups(head)
  const right = groups(tail)
  return numbers(...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right)
}

export function numbers(...values: number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 2)
  for (const [i, value] of values.entries()) buffer.writeUInt16BE(value, i * 2)
  return buffer
}
