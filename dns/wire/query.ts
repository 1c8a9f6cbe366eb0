/** What we send: one question, such that nobody who does not see it can guess what an answer to it looks like (RFC 5452 §4). */
import { randomFillSync } from 'node:crypto'
import { AUTHENTIC_DATA, RECURSION_DESIRED, encode } from 'dns-packet'
import type { RrType } from '../answer.ts'

/** `section`: the question section as it was sent, which an answer repeats. */
export type Query = { id: number; bytes: Buffer; section: Buffer }

export const headerLength = 12

// What fits in a packet that no network on the way takes apart (DNS flag day 2020); what is larger comes over TCP.
const udpPayloadSize = 1232

// Two octets for the id and a bit for each of at most 253 letters; many at once, because each call to the system costs as much.
const randomLength = 34
const pool = Buffer.alloc(128 * randomLength)
let spent = pool.length

/** @param options.mixCase letters in random case, which servers repeat as they came: up to a bit more to guess for each letter (the "0x20" trick)
 *  @param options.edns RFC 6891, which some old servers take for a mistake */
export function makeQuery(name: string, rrtype: RrType, options: { mixCase: boolean; edns: boolean }): Query {
  const random = someRandom()
  const id = random.readUInt16BE(0)
  const bytes = encode({
    type: 'query',
    id,
    // With AD we ask to be told whether DNSSEC proves the answer, without being sent the proof (RFC 6840 §5.7).
    flags: RECURSION_DESIRED | AUTHENTIC_DATA,
    questions: [{ type: rrtype, name: options.mixCase ? mixed(name, random) : name, class: 'IN' }],
    additionals: options.edns
      ? [{ type: 'OPT', name: '.', udpPayloadSize, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] }]
      : [],
  })
  // Label lengths, the labels, the root; type and class.
  return { id, bytes, section: bytes.subarray(headerLength, headerLength + name.length + 2 + 4) }
}

function someRandom(): Buffer {
  if (spent === pool.length) {
    randomFillSync(pool)
    spent = 0
  }
  spent += randomLength
  return pool.subarray(spent - randomLength, spent)
}

/** The bits behind the id decide. */
function mixed(name: string, random: Buffer): string {
  const isSet = (bit: number): boolean => ((random[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0
  let at = 16
  return name.replace(/[a-z]/g, (letter) => (isSet(at++) ? letter.toUpperCase() : letter))
}
