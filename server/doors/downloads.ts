/** Files under way to who asked for them: some at a time, streamed from the store, and none for ever. */
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { OperationError } from '../operations/errors.ts'
import type { Clock } from '../platform/clock.ts'

export type Downloads = {
  /** Takes a place until the answer is out. Throws UNAVAILABLE when there is none. @param owner the key that asks, or stands behind a link */
  enter(owner: string, reply: FastifyReply): void
  /** Sends what the store opened, to somebody who reads at a bearable pace. */
  send(reply: FastifyReply, file: { size: number; content: Buffer | Readable }): FastifyReply
}

const mostAtOnce = 64
const mostOfOneOwner = 8
/** Whoever takes longer than this and a slow line's time for the size holds a file open for no good reason. */
const graceMs = 60_000
const slowestBytesPerMs = 16

export function createDownloads(clock: Clock): Downloads {
  const underWay = new Map<string, number>()
  let all = 0
  return {
    enter(owner, reply) {
      const own = underWay.get(owner) ?? 0
      if (own >= mostOfOneOwner || all >= mostAtOnce) throw new OperationError('UNAVAILABLE', 'Too many downloads are under way')
      underWay.set(owner, own + 1)
      all += 1
      reply.raw.once('close', () => {
        const left = (underWay.get(owner) ?? 1) - 1
        if (left === 0) underWay.delete(owner)
        else underWay.set(owner, left)
        all -= 1
      })
    },
    send(reply, { size, content }) {
      const alarm = clock.at(clock.now() + graceMs + size / slowestBytesPerMs, () => reply.raw.destroy())
      reply.raw.once('close', () => {
        alarm.cancel()
        if (content instanceof Readable) content.destroy()
      })
      return reply.header('content-length', size).send(content)
    },
  }
}
