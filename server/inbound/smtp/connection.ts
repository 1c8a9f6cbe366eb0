/**
 * One connection: the library's socket, TLS and farewell, with our reading and our answers in between.
 *
 * Promise: replies leave in the order of their commands; a command waits until the one before it is answered; who does not read our
 * replies is not read either.
 */
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { SMTPServer } from 'smtp-server'
import { SMTPConnection, type SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js'
import type { Reply } from '../../model/reply.ts'
import type { Entrance, Reaction, Visitor } from '../conduct/conduct.ts'
import { answerCommand, answerTaken, answerUnreadable } from './conversation.ts'
import type { Unreadable } from './command-line.ts'
import type { TimeFacts } from './deadlines.ts'
import { Input, type Later, type Listening, type Next, nothing } from './input.ts'
import { Replies } from './replies.ts'
import type { Answer } from './answers.ts'
import { type Host, type Peer, type Talk, createTalk, endMail, forget } from './talk.ts'

/** What a connection asks of the listener. */
export type Door = {
  host: Host
  arrive(connection: Connection): Entrance
  left(connection: Connection): void
  /** Does `work` after that time. @returns a way to call it off */
  after(ms: number, work: () => void): { cancel(): void }
  /** @param why it was ended by us, for the log */
  ended(connection: Connection, reply: Reply): void
  /** Somebody came from the address of a proxy and did not speak like one. */
  noProxyHeader(ip: string): void
}

export const shuttingDown: Reply = { code: 421, status: '4.3.2', text: 'Shutting down' }
const calm: Reaction = { delayMs: 0, hangUp: null }

export class Connection extends SMTPConnection implements Listening, Peer {
  readonly #door: Door
  readonly #talk: Talk
  #visitor: Visitor | null = null
  readonly #replies: Replies = new Replies(this)
  #arrivedAt: number
  #heardAt: number
  /** while it is our turn */
  #busy = false
  #securingSince: number | null = null
  #waiting: { cancel(): void } | null = null

  constructor(server: SMTPServer, socket: Socket | TLSSocket, options: SMTPConnectionOptions | null | undefined, door: Door) {
    super(server, socket, options)
    this.#door = door
    this.#talk = createTalk(door.host, this)
    this.#arrivedAt = this.#heardAt = door.host.now()
  }

  // What the library calls.

  override init(): void {
    this._setListeners(() => this.#arrive())
  }

  /** For the clear session, and anew for the encrypted one. */
  override _createParser(): Input {
    const input = new Input(this)
    input.on('error', () => this.close())
    // The client has said its last word, and everything it said is answered.
    input.once('finish', () => this.close())
    return input
  }

  /** Time is judged for all connections together (deadlines.ts), without a timer for each. */
  override _armTimeout(): void {}

  override _resetSession(): void {
    super._resetSession()
    // A client may say all it has to say, QUIT included, and close its half of the connection before it reads our replies (Exim does).
    this._socket.allowHalfOpen = true
    // The library calls this when TLS is up; before that nothing is known yet.
    if (this._ready) forget(this.#talk)
  }

  /** The library itself says one thing only: that a server that closes has waited long enough. */
  override send(): void {
    this.#end(shuttingDown)
  }

  override _onClose(): void {
    super._onClose()
    this.#over()
  }

  /** For us it is over now; the other side may keep its socket for some seconds more (the library sees to that). */
  override close(): void {
    super.close()
    this.#over()
  }

  // What our reader tells.

  heard(): boolean {
    this.#heardAt = this.#door.host.now()
    if (this._ready) return true
    if (this.#visitor !== null && !this._closing) this.#end(this.#visitor.talkedEarly())
    return false
  }

  command(line: Buffer): Later<Next> {
    return this.#answer(answerCommand(this.#talk, line))
  }

  unreadable(why: Unreadable): Later<Next> {
    return this.#answer(answerUnreadable(why))
  }

  taken(): Later<Next> {
    return this.#answer(answerTaken(this.#talk))
  }

  quiet(): Later<void> {
    this.#replies.send()
    return this.#replies.unread() ?? undefined
  }

  // What the commands ask.

  get ip(): string {
    return this.remoteAddress
  }

  cipher(): string | null {
    const { tlsOptions } = this
    return tlsOptions === false ? null : (tlsOptions.standardName ?? tlsOptions.name)
  }

  unread(): number {
    return this._parser instanceof Input ? this._parser.unread : 0
  }

  saidHello(name: string): void {
    this.#visitor?.saidHello(name)
  }

  mayMail(bytes: number): Reply | null {
    return this.#visitor?.mayMail(bytes) ?? null
  }

  receiving(): void {
    this.#visitor?.receiving()
  }

  // What the listener asks.

  get timeFacts(): TimeFacts {
    const transfer = this.#talk.mail?.transfer
    return {
      arrivedAt: this.#arrivedAt,
      heardAt: this.#heardAt,
      busy: this.#busy,
      securingSince: this._upgrading ? this.#securingSince : null,
      transfer: transfer ? { since: transfer.since, bytes: transfer.intake.size } : null,
    }
  }

  /** Says so and hangs up (RFC 5321 §3.8); during a handshake there is nothing to say it in. */
  hangUp(reply: Reply): void {
    if (this._upgrading) return void this._socket.destroy()
    const isReceiving = this.#talk.mail?.transfer
    this.#end(reply)
    // Who is asked to make room makes it at once. What is still on its way from a sender, though, would reset the connection before it has read
    // why, so it gets the seconds.
    if (!isReceiving) this._socket.destroySoon()
  }

  #over(): void {
    this.#waiting?.cancel()
    endMail(this.#talk)
    this.#visitor?.left()
    this.#visitor = null
    this.#door.left(this)
  }

  #arrive(): void {
    const arrival = this.#door.arrive(this)
    if (arrival.kind === 'refused') return this.#end(arrival.reply)
    this.#visitor = arrival.visitor
    const { greetWaitMs } = arrival.visitor
    if (greetWaitMs === 0) this.#greet()
    else this.#waiting = this.#door.after(greetWaitMs, () => this.#greet())
  }

  #greet(): void {
    if (this._closing || this._closed) return
    this._setClientHostname('')
    this._resetSession()
    this._ready = true
    this.#replies.add({ code: 220, status: null, text: `${this.name} ESMTP` })
    this.#replies.send()
  }

  #answer(answer: Later<Answer>): Later<Next> {
    this.#busy = true
    const next = answer instanceof Promise ? answer.then((one) => this.#react(one)) : this.#react(answer)
    if (next instanceof Promise) return next.finally(() => this.#listen())
    this.#listen()
    return next
  }

  /** It is the client's turn. */
  #listen(): void {
    this.#busy = false
    this.#heardAt = this.#door.host.now()
  }

  #react(answer: Answer): Later<Next> {
    if (answer.reply === null) return this.#carryOn(answer, null)
    const { reply } = answer
    const { delayMs, hangUp } = this.#reaction(answer, reply)
    const speak = (): Later<Next> => {
      this.#replies.add(reply, answer.lines)
      return this.#carryOn(answer, hangUp)
    }
    if (delayMs === 0) return speak()
    this.#replies.send()
    return new Promise<void>((passed) => {
      this.#waiting = this.#door.after(delayMs, passed)
    }).then(speak)
  }

  #reaction({ verb, message }: Answer, reply: Reply): Reaction {
    if (this.#visitor === null) return calm
    return message === undefined ? this.#visitor.replied(verb, reply) : this.#visitor.delivered(message, reply)
  }

  #carryOn({ reply, next }: Answer, hangUp: Reply | null): Later<Next> {
    if (hangUp !== null) return this.#close(hangUp)
    if (next.read === 'nothing' || reply?.code === 421) return this.#close(null)
    if (next.read === 'tls') return this.#secure()
    if (!this.#replies.areMany) return next
    this.#replies.send()
    const unread = this.#replies.unread()
    if (unread === null) return next
    // Its turn is to read: who never does has no more time for it than for anything else.
    this.#listen()
    return unread.then(() => next)
  }

  #close(reply: Reply | null): Next {
    if (reply !== null) {
      // Who was not let in is counted by conduct; a flood of them must not become one of the log.
      if (this.#visitor !== null) this.#door.ended(this, reply)
      this.#replies.add(reply)
    }
    this.#replies.send()
    this.close()
    return nothing
  }

  #end(reply: Reply): void {
    this.#waiting?.cancel()
    this.#close(reply)
  }

  #secure(): Next {
    this.#replies.send()
    this.#securingSince = this.#door.host.now()
    // Nobody has said all there is to say before the handshake is done.
    this._socket.allowHalfOpen = false
    this.upgrade(() => {})
    return nothing
  }
}
