import { EventEmitter } from 'node:events'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { describe, expect, it } from 'vitest'
import { createBodyRoom } from '../../server/doors/body-room.ts'

const MiB = 1024 * 1024
const largest = 48 * MiB

type Headers = { 'content-length'?: string; 'transfer-encoding'?: string }

/** Requests at one room. @returns what ends one that was let in; null for one that was not */
function openRoom(): (owner: string, headers: Headers, bodyLimit?: number) => (() => void) | null {
  const room = createBodyRoom(largest)
  return (owner, headers, bodyLimit = largest) => {
    const raw = new EventEmitter()
    try {
      room.enter(owner, { headers, routeOptions: { bodyLimit } } as FastifyRequest, { raw } as unknown as FastifyReply)
      return () => void raw.emit('close')
    } catch (error) {
      expect(error).toMatchObject({ code: 'UNAVAILABLE' })
      return null
    }
  }
}
const long = (bytes: number): Headers => ({ 'content-length': String(bytes) })

describe('room for large bodies', () => {
  it('has a limit for one key and one for all, and is given back when the answer is out or the caller gone', () => {
    const enter = openRoom()
    const first = enter('a', long(largest))
    expect([first, enter('a', long(largest)), enter('a', long(2 * MiB))]).toEqual([expect.anything(), expect.anything(), null])
    expect([enter('b', long(largest)), enter('b', long(largest)), enter('c', long(2 * MiB))]).toEqual([
      expect.anything(),
      expect.anything(),
      null,
    ])
    first?.()
    expect(enter('c', long(largest))).not.toBeNull()
    expect(enter('a', long(2 * MiB))).toBeNull()
  })

  it('counts one that does not say how long it is as the longest, and what is longer than its route allows as that', () => {
    const enter = openRoom()
    for (const headers of [{ 'transfer-encoding': 'chunked' }, long(1e12)]) expect(enter('a', headers)).not.toBeNull()
    expect(enter('a', long(2 * MiB))).toBeNull()
  })

  it('does not count small ones', () => {
    const enter = openRoom()
    for (let n = 0; n < 1000; n++) expect(enter('a', long(MiB))).not.toBeNull()
    expect([enter('a', {}), enter('a', { 'transfer-encoding': 'chunked' }, 512 * 1024)]).not.toContain(null)
    expect(enter('a', long(largest))).not.toBeNull()
  })
})
