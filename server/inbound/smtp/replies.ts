/** Replies on their way out: collected while there is more to read, and sent together (RFC 2920 §3.2). */
import type { Socket } from 'node:net'
import { type Reply, formatReply } from '../../model/reply.ts'

/** The socket changes with STARTTLS; between the two there is none to write to. */
export type Line = { readonly _socket: Socket; readonly _upgrading: boolean }

/** No more than this is collected. */
const maxCollected = 16 * 1024
// A last wall: our replies are our own words, and whatever else got into one must not become a second one.
const lineBreaking = /[^\P{Cc}\t]/gu

export class Replies {
  readonly #line: Line
  #collected = ''

  constructor(line: Line) {
    this.#line = line
  }

  get areMany(): boolean {
    return this.#collected.length >= maxCollected
  }

  /** @param lines those in front of it, when it has several */
  add(reply: Reply, lines: readonly string[] = []): void {
    const before = lines.map((line) => `${reply.code}-${line}\r\n`).join('')
    this.#collected += `${before}${formatReply(reply).replace(lineBreaking, ' ')}\r\n`
  }

  send(): void {
    const collected = this.#collected
    this.#collected = ''
    if (collected !== '' && !this.#line._upgrading && this.#line._socket.writable) this.#line._socket.write(collected)
  }

  /** What to wait for when the client has not read what it was told so far; null when it has. */
  unread(): Promise<void> | null {
    return this.#line._socket.writableNeedDrain ? drained(this.#line._socket) : null
  }
}

const drained = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done)
      resolve()
    }
    socket.on('drain', done).on('close', done)
  })
