/** What `smtp-server` needs to be told from within: replies with enhanced codes of our own, and an end to a session from outside. */
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { SMTPServer } from 'smtp-server'
import { SMTPConnection, type SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js'
import type { Reply } from '../model/reply.ts'

const hasStatus = /^[245]\.\d{1,3}\.\d{1,3} /

/** The library adds an enhanced code by the basic code alone (each 550 is 5.1.1 to it); a text that brings its own keeps it. */
class Connection extends SMTPConnection {
  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    super.send(code, data, typeof data === 'string' && hasStatus.test(data) ? false : context)
  }
}

export class Server extends SMTPServer {
  override connect(socket: Socket | TLSSocket, options?: SMTPConnectionOptions | null): void {
    const connection = new Connection(this, socket, options)
    this.connections.add(connection)
    connection.on('error', (error: Error) => this.emit('error', error))
    connection.init()
  }

  /** Says 421 and hangs up (RFC 5321 §3.8). */
  hangUp(sessionId: string, text: string): void {
    for (const connection of this.connections) if (connection.id === sessionId) connection.send(421, text)
  }
}

/** A reply as the library takes one from a handler. */
export const asError = (reply: Reply): Error & { responseCode: number } =>
  Object.assign(new Error(textOf(reply)), { responseCode: reply.code })

/** The text of a reply with its enhanced code in front. */
export const textOf = (reply: Reply): string => (reply.status === null ? reply.text : `${reply.status} ${reply.text}`)
