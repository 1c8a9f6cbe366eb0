import { describe, expect, it } from 'vitest'
import { type TimeFacts, judgeTime } from '../../../server/inbound/smtp/deadlines.ts'

const limits = { idleMs: 300_000, sessionMs: 1_800_000, minBytesPerSecond: 500 }
const now = 10_000_000
const ago = (seconds: number): number => now - seconds * 1_000
const facts: TimeFacts = { arrivedAt: ago(10), heardAt: ago(1), busy: false, securingSince: null, transfer: null }

const rows: [what: string, facts: Partial<TimeFacts>, told: string | null][] = [
  ['a fresh session', {}, null],
  ['silence up to the limit', { arrivedAt: ago(400), heardAt: ago(300) }, null],
  ['silence beyond it', { arrivedAt: ago(400), heardAt: ago(301) }, 'Idle for too long'],
  ['the same while it is our turn', { arrivedAt: ago(4_000), heardAt: ago(301), busy: true }, null],
  ['a session that never ends', { arrivedAt: ago(1_801) }, 'Session too long'],
  ['a handshake', { securingSince: ago(60) }, null],
  ['a handshake that takes a minute', { securingSince: ago(61) }, 'TLS handshake takes too long'],
  ['a message that has just begun', { transfer: { since: ago(60), bytes: 0 } }, null],
  ['a message that does not begin', { transfer: { since: ago(61), bytes: 0 } }, 'Message comes too slowly'],
  ['500 octets a second, the first minute not counted', { transfer: { since: ago(160), bytes: 50_000 } }, null],
  ['less than that', { transfer: { since: ago(160), bytes: 49_999 } }, 'Message comes too slowly'],
  ['35 MiB over a slow line', { arrivedAt: ago(1_500), transfer: { since: ago(1_500), bytes: 30_000_000 } }, null],
]

describe('time', () => {
  it.each(rows)('%s', (_what, different, told) => expect(judgeTime({ ...facts, ...different }, limits, now)?.text ?? null).toBe(told))

  it('gets shorter for those already there when there are too many', () => {
    expect(judgeTime({ ...facts, heardAt: ago(11) }, { ...limits, idleMs: 10_000 }, now)).toEqual({
      code: 421,
      status: '4.4.2',
      text: 'Idle for too long',
    })
  })
})
