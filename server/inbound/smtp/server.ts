/** The library's server, with connections of ours. */
import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import type { SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js'
import { Connection, type Door } from './connection.ts'
import { parseProxyHeader } from './proxy-header.ts'

type Ready = (error: Error | null, options?: SMTPConnectionOptions & { id: string }) => void

export class Server extends SMTPServer {
  readonly #door: Door

  constructor(options: SMTPServerOptions, door: Door) {
    super(options)
    this.#door = door
  }

  override connect(socket: Socket | TLSSocket, options?: SMTPConnectionOptions | null): void {
    const connection = new Connection(this, socket, options, this.#door)
    this.connections.add(connection)
    connection.on('error', (error: Error) => this.emit('error', error))
    connection.init()
  }

  /** The library reads version 1 alone. It still decides who must send a header, for how long we wait for it, and how many may make us wait. */
  override _handleProxy(socket: Socket, ready: Ready): void {
    const id = randomUUID()
    if (!this._expectsProxyHeader(socket)) return ready(null, { id })
    const ip = socket.remoteAddress ?? ''
    readHeader(socket, (outcome) => {
      if (typeof outcome === 'object') return ready(null, { id, ...outcome })
      // A proxy that is not told to send the header looks like one that never says anything. Who only looks whether the port is open leaves.
      if (outcome === 'wrong') this.#door.noProxyHeader(ip)
      ready(new Error('no PROXY header'))
    })
  }
}

type Outcome = { remoteAddress?: string; remotePort?: number } | 'left' | 'wrong'

/** Whoever sends no header is no proxy, whatever its address; it gets no word. */
function readHeader(socket: Socket, done: (outcome: Outcome) => void): void {
  let came = Buffer.alloc(0)
  const finish = (outcome: Outcome): void => {
    socket.off('readable', read).off('error', left).off('end', left).off('close', wrong)
    if (typeof outcome === 'string') socket.on('error', () => {}).destroy()
    done(outcome)
  }
  const left = (): void => finish('left')
  const wrong = (): void => finish('wrong')
  const read = (): void => {
    for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
      came = Buffer.concat([came, chunk])
      const header = parseProxyHeader(came)
      if (header.kind === 'bad') return wrong()
      if (header.kind === 'more') continue
      if (came.length > header.length) socket.unshift(came.subarray(header.length))
      return finish(header.client === null ? {} : { remoteAddress: header.client.ip, remotePort: header.client.port })
    }
  }
  socket.on('readable', read).on('error', left).on('end', left).on('close', wrong)
}
