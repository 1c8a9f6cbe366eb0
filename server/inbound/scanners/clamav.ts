/** ClamAV, by its daemon's INSTREAM command (clamd(8)): the message in pieces with their lengths in front, an empty one at the end. */
import { type Socket, connect } from 'node:net'
import type { Log } from '../../platform/log.ts'
import { type Scan, notScanned, printable } from './scanner.ts'

/** A socket's path, or host and port. */
export type ClamdPlace = { path: string } | { host: string; port: number }

const timeLimitMs = 30_000
const pieceBytes = 64 * 1024
const maxReplyBytes = 4_096

export const createClamavScan =
  ({ place, log }: { place: ClamdPlace; log: Log }): Scan =>
  async ({ bytes }) => {
    try {
      const malware = readReply(await ask(place, bytes))
      return malware === null ? notScanned : { ...notScanned, malware }
    } catch (error) {
      log.warn({ reason: error instanceof Error ? error.message : String(error) }, 'scanner.clamav-failed')
      return { ...notScanned, missing: 'clamav' }
    }
  }

/** The name of what was found, null for nothing. Throws for any answer that is neither. */
function readReply(reply: string): string | null {
  if (reply === 'stream: OK') return null
  const [, name] = /^stream: (.{1,300}) FOUND$/.exec(reply) ?? []
  if (name === undefined) throw new Error(`clamd answered ${printable(reply)}`)
  return printable(name)
}

async function ask(place: ClamdPlace, bytes: Buffer): Promise<string> {
  const socket = connect({ ...place, timeout: timeLimitMs })
  const deadline = AbortSignal.timeout(timeLimitMs)
  deadline.addEventListener('abort', () => socket.destroy(new Error('clamd takes too long')))
  socket.on('timeout', () => socket.destroy(new Error('clamd takes too long')))
  try {
    const [reply] = await Promise.all([replyOf(socket), send(socket, bytes)])
    return reply
  } finally {
    socket.destroy()
  }
}

async function send(socket: Socket, bytes: Buffer): Promise<void> {
  socket.write('zINSTREAM\0')
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = bytes.subarray(at, at + pieceBytes)
    socket.write(lengthOf(piece))
    if (!socket.write(piece)) await drained(socket)
  }
  socket.write(Buffer.alloc(4))
}

/** Also when the socket closes: clamd says no in the middle of a stream that is too long for it. */
const drained = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done)
      resolve()
    }
    socket.on('drain', done).on('close', done)
  })

function lengthOf(piece: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(piece.length)
  return length
}

async function replyOf(socket: Socket): Promise<string> {
  let reply = ''
  for await (const piece of socket as AsyncIterable<Buffer>) {
    reply += piece.toString('latin1')
    if (reply.includes('\0') || reply.length > maxReplyBytes) break
  }
  return reply.replace(/\0.*$/s, '').trim()
}
