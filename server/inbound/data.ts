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
  let chunks: Buffer[] = []
  let size = 0
  let held = 0
  let refusal: Reply | null = null
  const release = (): void => {
    limits.budget.release(held)
    held = 0
  }
  const refuse = (reply: Reply): void => {
    refusal ??= reply
    chunks = []
    release()
  }
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length
      if (refusal !== null) continue
      if (size > limits.maxBytes) refuse(tooLarge(limits.maxBytes))
      else if (!check(chunk)) refuse(strayByte)
      else if (!limits.budget.reserve(chunk.length)) refuse(noRoom)
      else {
        held += chunk.length
        chunks.push(chunk)
      }
    }
  } catch {
    // The connection ended before the message did.
    release()
    return { kind: 'lost', release }
  }
  if (refusal !== null) return { kind: 'refused', reply: refusal, release }
  return { kind: 'message', bytes: Buffer.concat(chunks), release }
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
