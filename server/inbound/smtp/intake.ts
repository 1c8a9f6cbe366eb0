/**
 * Where the bytes of one message are kept while they come.
 *
 * Promise: whatever a sender does, all messages under way together take no more memory than there is set aside, a message that is refused
 * takes none from then on, and small letters find room when large ones do not.
 */
import type { Reply } from '../../model/reply.ts'
import { type MemoryRoom, leastBytes } from './memory-budget.ts'
import type { Sink } from './octets.ts'

export const tooLarge = (limit: number): Reply => ({ code: 552, status: '5.3.4', text: `Message exceeds the limit of ${limit} bytes` })
export const noRoom: Reply = { code: 452, status: '4.3.1', text: 'Too much mail is arriving at this moment, try again later' }
const strayByte: Reply = { code: 550, status: '5.6.11', text: 'Lines must end in CRLF; bare CR, bare LF and NUL are not accepted' }

/** One message on its way in. */
export type Intake = Sink & {
  /** of the message so far, kept or not */
  readonly size: number
  /** What it will be answered at its end; null while nothing speaks against it. */
  readonly refusal: Reply | null
  /** All of it, exactly as large as the message: what is handed to a worker is copied with the whole memory behind it. Asked for once. */
  bytes(): Buffer
  /** Gives the memory back. Call it when the message is dealt with, or will never be complete. */
  release(): void
}

/** What is announced costs its sender nothing, so no more than this is set aside for it. */
const mostAnnounced = 64 * 1024

/** @param limits.announced what SIZE= said, 0 when it said nothing */
export function createIntake(limits: { maxBytes: number; announced: number; budget: MemoryRoom }): Intake {
  return new GrowingIntake(limits.maxBytes, Math.min(limits.announced, mostAnnounced), limits.budget)
}

/** One buffer that grows: keeping the chunks would cost a hundred bytes for each, and a sender can make them two bytes long. */
class GrowingIntake implements Intake {
  size = 0
  refusal: Reply | null = null
  readonly #maxBytes: number
  readonly #first: number
  readonly #budget: MemoryRoom
  #room = Buffer.alloc(0)
  #held = 0

  constructor(maxBytes: number, first: number, budget: MemoryRoom) {
    this.#maxBytes = maxBytes
    this.#first = first
    this.#budget = budget
  }

  add(chunk: Buffer, from: number, to: number): void {
    const before = this.size
    this.size += to - from
    if (this.refusal !== null) return
    if (this.size > this.#maxBytes) return this.#refuse(tooLarge(this.#maxBytes))
    if (this.size > this.#room.length && !this.#grow()) return this.#refuse(noRoom)
    chunk.copy(this.#room, before, from, to)
  }

  stray(): void {
    if (this.refusal === null) this.#refuse(strayByte)
  }

  bytes(): Buffer {
    const exact = this.#room.buffer.transferToFixedLength(this.size)
    return Buffer.from(exact)
  }

  release(): void {
    this.#budget.release(this.#held)
    this.#held = 0
    this.#room = Buffer.alloc(0)
  }

  #refuse(reply: Reply): void {
    this.refusal = reply
    this.release()
  }

  #grow(): boolean {
    const capacity = Math.max(leastBytes, this.#first, Math.min(this.#room.length * 2, this.#maxBytes), this.size)
    if (!this.#budget.reserve(capacity - this.#held, this.#held)) return false
    this.#held = capacity
    const larger = Buffer.allocUnsafeSlow(capacity)
    this.#room.copy(larger)
    this.#room = larger
    return true
  }
}
