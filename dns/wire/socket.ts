/** One question and its answer on the network. Both ways end when they are told to, and with them everything that was opened. */
import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'

/** @property host an IP address
 *  @property read what a message from there says, null when it is not what we wait for
 *  @property ended aborted when there is no more time */
export type Exchange<T> = { host: string; port: number; query: Buffer; read(message: Buffer): T | null; ended: AbortSignal }

/** `failed` with a code as node:dns has them. */
export type Outcome<T> = { kind: 'read'; value: T } | { kind: 'failed'; code: string }

/** The code for: somebody who does not know what we asked tries to answer. */
export const flooded = 'EFLOODED'

// A late answer to a former owner of the port is one or two. More are guesses, of which one might hit.
const maxStrange = 20

/** From a port of its own, which the system chooses at random for each question (RFC 5452 §9.2); only the server's packets arrive there. What is
 *  not the answer is passed over: whoever can send us packets in the server's name must not be able to end the waiting. */
export function overUdp<T>({ host, port, query, read, ended }: Exchange<T>): Promise<Outcome<T>> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  const { promise, end, fail } = ending<T>(ended, () => socket.close())
  let strange = 0
  socket.on('message', (message) => {
    const value = read(message)
    if (value !== null) end({ kind: 'read', value })
    else if (++strange > maxStrange) end({ kind: 'failed', code: flooded })
  })
  socket.on('error', fail)
  // Both may come back when the socket is closed already: the time was over.
  socket.connect(port, host, () => {
    if (!ended.aborted) socket.send(query, fail)
  })
  return promise
}

/** A connection for one question. Whatever comes behind the first message is not read. */
export function overTcp<T>({ host, port, query, read, ended }: Exchange<T>): Promise<Outcome<T>> {
  const socket = connect({ host, port })
  const { promise, end, fail } = ending<T>(ended, () => socket.destroy())
  const take = createTaker()
  socket.on('data', (piece) => {
    const message = take(piece)
    if (message === null) return
    const value = read(message)
    end(value === null ? { kind: 'failed', code: 'EBADRESP' } : { kind: 'read', value })
  })
  socket.on('error', fail)
  socket.on('close', () => end({ kind: 'failed', code: 'ECONNRESET' }))
  const prefix = Buffer.alloc(prefixLength)
  prefix.writeUInt16BE(query.length)
  // In one piece (RFC 7766 §8): some servers read no further than the first packet.
  socket.write(Buffer.concat([prefix, query]))
  return promise
}

/** Settled once, at the latest when the time is over; then everything is closed. */
function ending<T>(ended: AbortSignal, close: () => void) {
  const { promise, resolve } = Promise.withResolvers<Outcome<T>>()
  let open = true
  const end = (outcome: Outcome<T>): void => {
    if (!open) return
    open = false
    ended.removeEventListener('abort', late)
    close()
    resolve(outcome)
  }
  const late = (): void => end({ kind: 'failed', code: 'ETIMEOUT' })
  const fail = (error: Error | null): void => {
    if (error !== null) end({ kind: 'failed', code: codeOf(error) })
  }
  ended.addEventListener('abort', late)
  return { promise, end, fail }
}

const codeOf = (error: Error): string => ('code' in error && typeof error.code === 'string' ? error.code : 'EUNKNOWN')

// RFC 7766 §8: two octets of length before each message, so it has 65,535 at most.
const prefixLength = 2

/** Collects pieces until the message is whole. */
function createTaker(): (piece: Buffer) => Buffer | null {
  const pieces: Buffer[] = []
  let received = 0
  let wanted: number | null = null
  return (piece) => {
    pieces.push(piece)
    received += piece.length
    if (wanted === null && received >= prefixLength) wanted = prefixLength + Buffer.concat(pieces).readUInt16BE(0)
    return wanted === null || received < wanted ? null : Buffer.concat(pieces).subarray(prefixLength, wanted)
  }
}
