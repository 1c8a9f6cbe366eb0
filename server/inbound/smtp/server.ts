/** The library's server, with connections of ours. */
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import type { SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js'
import { Connection, type Door } from './connection.ts'

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
}
