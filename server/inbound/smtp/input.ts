/**
 * What a client sends, taken apart: command lines, message text up to its end, octets that were counted beforehand.
 *
 * It stands where the library has its parser, and differs from it: a line ends in CRLF and in nothing else, each byte is looked at once,
 * message bytes go straight to where they are kept, and nothing depends on how TCP cut the stream.
 */
import { SMTPStream } from 'smtp-server/lib/smtp-stream.js'
import { type Unreadable, scanLine } from './command-line.ts'
import { type DataReader, createDataReader } from './mail-data.ts'
import type { Sink } from './octets.ts'

export type Later<T> = T | Promise<T>

/** What the bytes that follow are. `nothing`: whatever comes is dropped. */
export type Next = { read: 'commands' } | { read: 'text'; into: Sink } | { read: 'octets'; count: number; into: Sink } | { read: 'nothing' }

export const commands: Next = { read: 'commands' }
export const nothing: Next = { read: 'nothing' }

/** Who is told what came. While a promise is out, nothing more is read. None of these rejects. */
export type Listening = {
  /** A chunk came. False when it came before its time: then it is dropped. */
  heard(): boolean
  command(line: Buffer): Later<Next>
  unreadable(why: Unreadable): Later<Next>
  /** The text or the octets asked for are complete. */
  taken(): Later<Next>
  /** Everything that came has been dealt with. */
  quiet(): Later<void>
}

/** Then others get their turn: a packet may hold thousands of commands. */
const commandsAtOnce = 100
const empty = Buffer.alloc(0)

export class Input extends SMTPStream {
  readonly #listening: Listening
  #reading: Next = commands
  #data: DataReader | null = null
  /** the beginning of a command line */
  #begun: Buffer = empty
  #chunk: Buffer = empty
  #at = 0
  #done: () => void = () => {}

  constructor(listening: Listening) {
    super()
    this.#listening = listening
  }

  /** Bytes that came and have not been looked at. */
  get unread(): number {
    // What is being written counts until it is done with.
    return this.writableLength - this.#at
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding | 'buffer', done: () => void): void {
    if (this.isClosed || !this.#listening.heard()) return done()
    this.#chunk = chunk
    this.#at = 0
    this.#done = done
    this.#run()
  }

  /** A line without its end is no command. */
  override _flushData(): void {}

  #run(): void {
    for (let turn = 0; turn < commandsAtOnce; turn++) {
      if (this.isClosed) return this.#finish()
      const next = this.#turn()
      if (next === null) return this.#wait()
      if (next instanceof Promise) {
        next.then((read) => this.#goOn(read)).catch((error: unknown) => this.destroy(error as Error))
        return
      }
      this.#read(next)
    }
    setImmediate(() => this.#run())
  }

  #goOn(next: Next): void {
    this.#read(next)
    this.#run()
  }

  #read(next: Next): void {
    if (next.read === 'text') this.#data = createDataReader()
    this.#reading = next
  }

  /** Null when more bytes are needed. */
  #turn(): Later<Next> | null {
    const reading = this.#reading
    switch (reading.read) {
      case 'commands':
        return this.#command()
      case 'text':
        return this.#text(reading.into)
      case 'octets':
        return this.#octets(reading)
      case 'nothing':
        this.#at = this.#chunk.length
        return null
    }
  }

  #command(): Later<Next> | null {
    if (this.#at === this.#chunk.length) return null
    const scan = scanLine(this.#begun, this.#chunk, this.#at)
    if (scan.kind === 'part') {
      // A copy, exactly as long: a few bytes must not keep a whole chunk in memory.
      this.#begun = joined(this.#begun, this.#chunk.subarray(this.#at))
      this.#at = this.#chunk.length
      return null
    }
    if (scan.kind !== 'line') {
      this.#at = this.#chunk.length
      return this.#listening.unreadable(scan.kind)
    }
    const rest = this.#chunk.subarray(this.#at, scan.to)
    const line = this.#begun.length === 0 ? rest : joined(this.#begun, rest)
    this.#begun = empty
    this.#at = scan.to
    return this.#listening.command(line.subarray(0, -2))
  }

  #text(into: Sink): Later<Next> | null {
    const to = this.#data?.(this.#chunk, this.#at, into) ?? -1
    this.#at = to < 0 ? this.#chunk.length : to
    if (to < 0) return null
    this.#data = null
    return this.#listening.taken()
  }

  #octets(reading: Next & { read: 'octets' }): Later<Next> | null {
    const to = Math.min(this.#chunk.length, this.#at + reading.count)
    if (to > this.#at) reading.into.add(this.#chunk, this.#at, to)
    const left = reading.count - (to - this.#at)
    this.#at = to
    if (left === 0) return this.#listening.taken()
    this.#reading = { ...reading, count: left }
    return null
  }

  #wait(): void {
    const quiet = this.#listening.quiet()
    if (quiet instanceof Promise) void quiet.then(() => this.#finish())
    else this.#finish()
  }

  #finish(): void {
    const done = this.#done
    this.#chunk = empty
    this.#at = 0
    this.#done = () => {}
    done()
  }
}

function joined(one: Buffer, other: Buffer): Buffer {
  const whole = Buffer.allocUnsafeSlow(one.length + other.length)
  one.copy(whole)
  other.copy(whole, one.length)
  return whole
}
