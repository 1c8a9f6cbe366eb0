import { once } from 'node:events'
import { type Socket, connect } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type TLSSocket, connect as connectTls } from 'node:tls'

/** A sender that says exactly what it is told, byte for byte, to a server in this process. */
export type SmtpClient = {
  /** Every line the server has said so far. */
  said: readonly string[]
  /** The server's next reply, all its lines joined by a space; `closed` when it hung up instead. */
  reply(): Promise<string>
  /** Writes a line and waits for the reply to it. */
  ask(line: string): Promise<string>
  /** Writes bytes and gives the server the time to read them, so that what is written next is another chunk for it. */
  write(bytes: string | Buffer): Promise<void>
  /** A whole transaction. @returns the reply to the first command that was refused, or to the message */
  send(mail: Mail): Promise<string>
  /** The handshake after the server agreed to STARTTLS. */
  secure(options?: { maxVersion?: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3' }): Promise<TLSSocket>
  close(): void
  /** Is gone at once, so that the server learns that nobody reads its replies; `close` may be the end of what is said only. */
  reset(): void
}

/** `data` is the message with CRLF line ends, not yet dot-stuffed. */
export type Mail = { from?: string; to: string | readonly string[]; data: string | Buffer; parameters?: string }

/** `hello`: say EHLO too (the default). `first`: what is written as soon as there is a connection, before the greeting came. */
export type ConnectOptions = { hello?: boolean; first?: string | Buffer }

/** Connects to a port on loopback and reads the greeting. */
export async function connectSmtp(port: number, options: ConnectOptions = {}): Promise<SmtpClient> {
  let socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const said: string[] = []
  const replies: string[] = []
  const waiting: ((reply: string) => void)[] = []
  let rest = ''
  let lines: string[] = []
  let closed = false
  const deliver = (reply: string): void => {
    const next = waiting.shift()
    if (next === undefined) replies.push(reply)
    else next(reply)
  }
  const read = (chunk: Buffer): void => {
    const parts = (rest + chunk.toString()).split('\r\n')
    rest = parts.pop() ?? ''
    for (const line of parts) {
      said.push(line)
      lines.push(line)
      if (line[3] === '-') continue
      deliver(lines.join(' '))
      lines = []
    }
  }
  const listenTo = (one: Socket): void => {
    one.on('data', read)
    one.on('error', () => {})
    one.on('close', () => {
      if (one !== socket) return
      closed = true
      while (waiting.length > 0) deliver('closed')
    })
  }
  const client: SmtpClient = {
    said,
    reply() {
      const next = replies.shift()
      if (next !== undefined) return Promise.resolve(next)
      return closed ? Promise.resolve('closed') : new Promise((resolve) => void waiting.push(resolve))
    },
    async ask(line) {
      socket.write(`${line}\r\n`)
      return await client.reply()
    },
    async write(bytes) {
      if (bytes.length > 0) await new Promise((written) => void socket.write(bytes, written))
      // On loopback the bytes are in the server's socket now; it reads them when the event loop next polls.
      await nextTurn()
      await nextTurn()
    },
    async send({ from = 'bo@remote.test', to, data, parameters = '' }) {
      if (data.length > 0 && !Buffer.from(data).subarray(-2).equals(Buffer.from('\r\n'))) throw new Error('a message ends in CRLF')
      const commands = [`MAIL FROM:<${from}>${parameters}`, ...[to].flat().map((path) => `RCPT TO:<${path}>`), 'DATA']
      for (const command of commands) {
        const reply = await client.ask(command)
        if (!/^[23]/.test(reply)) return reply
      }
      socket.write(dotStuffed(data))
      socket.write('.\r\n')
      return await client.reply()
    },
    async secure(tls = {}) {
      socket.removeAllListeners('data')
      const secured = connectTls({
        socket,
        rejectUnauthorized: false,
        ...(tls.maxVersion ? { minVersion: 'TLSv1', maxVersion: tls.maxVersion } : {}),
      })
      listenTo(secured)
      socket = secured
      await once(secured, 'secureConnect')
      return secured
    },
    close: () => socket.destroy(),
    reset: () => socket.resetAndDestroy(),
  }
  listenTo(socket)
  if (options.first !== undefined) socket.write(options.first)
  await client.reply()
  if (options.hello !== false) await client.ask('EHLO out.remote.test')
  return client
}

/** RFC 5321 §4.5.2: a dot that begins a line gets another in front. */
export function dotStuffed(data: string | Buffer): Buffer {
  const text = Buffer.from(data).toString('latin1')
  return Buffer.from(text.replace(/(^|\r\n)\./g, '$1..'), 'latin1')
}
