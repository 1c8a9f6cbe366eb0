/**
 * Takes in the bytes of one message.
 *
 * Only CRLF ends a line. A message with a bare CR, a bare LF or a NUL is read to its real end and then refused, never mended: another server
 * on its way may have read its end elsewhere, and that is how mail is smuggled (RFC 5321 §2.3.8; CVE-2023-51764 to -51766).
 */
import type { Readable } from 'node:stream'
import type { Reply } from '../model/reply.ts'

export type Arrived = { kind: 'message'; bytes: Buffer } | { kind: 'refused'; reply: Reply } | { kind: 'lost' }

/** Room for messages that are being received or handled, shared by all connections. */
export type MemoryBudget = { reserve(bytes: number): boolean; release(bytes: number): void }

export function createMemoryBudget(limit: number): MemoryBudget {
  let used = 0
  return {
    reserve(bytes) {
      if (used + bytes > limit) return false
      used += bytes
      return true
    },
    release(bytes) {
      used -= bytes
    },
  }
}

const tooLarge = (limit: number): Reply => ({ code: 552, status: '5.3.4', text: `Message exceeds the limit of ${limit} bytes` })
const strayByte: Reply = { code: 550, status: '5.6.11', text: 'Lines must end in CRLF; bare CR, bare LF and NUL are not accepted' }
const noRoom: Reply = { code: 452, status: '4.3.1', text: 'Too much mail is arriving at this moment, try again later' }

/** Reads to the end whatever happens, keeping nothing beyond a limit. `release` gives the memory back; call it when the message is dealt with. */
export async function collectMessage(
  stream: Readable,
  limits: { maxBytes: number; budget: MemoryBudget },
): Promise<Arrived & { release(): void }> {
  const check = createLineEndCheck()
  const kept = createGrowingBuffer()
  let size = 0
  let held = 0
  let refusal: Reply | null = null
  const release = (): void => {
    limits.budget.release(held)
    held = 0
  }
  const judge = (chunk: Buffer): Reply | null => {
    if (size > limits.maxBytes) return tooLarge(limits.maxBytes)
    if (!check(chunk)) return strayByte
    return limits.budget.reserve(chunk.length) ? null : noRoom
  }
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length
      if (refusal !== null) continue
      refusal = judge(chunk)
      if (refusal === null) {
        held += chunk.length
        kept.add(chunk)
      } else {
        kept.drop()
        release()
      }
    }
  } catch {
    // The connection ended before the message did.
    release()
    return { kind: 'lost', release }
  }
  if (refusal !== null) return { kind: 'refused', reply: refusal, release }
  return { kind: 'message', bytes: kept.bytes(), release }
}

const firstCapacity = 64 * 1024

/** Bytes one behind the other. Keeping the chunks would cost a hundred bytes for each, and a sender can make them two bytes long. */
function createGrowingBuffer(): { add(chunk: Buffer): void; bytes(): Buffer; drop(): void } {
  let room = Buffer.allocUnsafeSlow(firstCapacity)
  let used = 0
  return {
    add(chunk) {
      if (used + chunk.length > room.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(room.length * 2, used + chunk.length))
        room.copy(larger, 0, 0, used)
        room = larger
      }
      used += chunk.copy(room, used)
    },
    // Exactly as large as the message: what is handed to a worker is copied with the whole memory behind it.
    bytes: () => Buffer.from(room.buffer.slice(0, used)),
    drop() {
      room = Buffer.alloc(0)
      used = 0
    },
  }
}

const NUL = 0
const LF = 10
const CR = 13

/** Says of each next chunk whether all is well so far: LF stands behind CR and nowhere else, and there is no NUL. The end of DATA itself
 *  is CRLF.CRLF, so a message cannot end in a lone CR. */
function createLineEndCheck(): (chunk: Buffer) => boolean {
  let afterCr = false
  return (chunk) => {
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]
      if (byte === NUL || (byte === LF) !== afterCr) return false
      afterCr = byte === CR
    }
    return true
  }
}
