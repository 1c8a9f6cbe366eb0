import { describe, expect, it } from 'vitest'
import { afterAttempt } from '../../server/events/after-attempt.ts'

const policy = { waitsMs: [10_000, 60_000, 600_000], disableAfterMs: 3 * 86_400_000 }
const now = 1_790_000_000_000
const after = (status: number | null, facts: Partial<Parameters<typeof afterAttempt>[1]> = {}, retryAfter = '') =>
  afterAttempt({ status, retryAfter }, { attempts: 1, failingSince: null, now, random: 0, ...facts }, policy)

describe('an attempt', () => {
  it.each([200, 201, 202, 204, 299])('that is answered %i has arrived', (status) => expect(after(status)).toEqual({ kind: 'delivered' }))

  it.each([null, 199, 300, 301, 302, 307, 308, 400, 401, 404, 429, 500, 503])('that is answered %s is made again', (status) =>
    expect(after(status)).toEqual({ kind: 'retry', at: now + 10_000 }),
  )

  it('is made three times more, after about ten seconds, a minute and ten minutes', () => {
    const waits = [1, 2, 3, 4].map((attempts) => after(500, { attempts }))
    expect(waits).toEqual([
      { kind: 'retry', at: now + 10_000 },
      { kind: 'retry', at: now + 60_000 },
      { kind: 'retry', at: now + 600_000 },
      { kind: 'ended' },
    ])
    expect(after(500, { random: 0.999 })).toEqual({ kind: 'retry', at: now + 11_998 })
  })

  it('that is answered 410 is the last of all', () => expect(after(410)).toEqual({ kind: 'disable', reason: 'gone' }))

  it('that fails when all have failed for days is the last of all; one that arrives is not', () => {
    const failingSince = now - policy.disableAfterMs
    expect(after(500, { failingSince })).toEqual({ kind: 'disable', reason: 'failing' })
    expect(after(500, { failingSince: failingSince + 1 })).toMatchObject({ kind: 'retry' })
    expect(after(200, { failingSince })).toEqual({ kind: 'delivered' })
  })

  it('waits as long as a busy receiver asks, an hour at most', () => {
    expect(after(429, {}, '120')).toEqual({ kind: 'retry', at: now + 120_000 })
    expect(after(503, {}, '5')).toEqual({ kind: 'retry', at: now + 10_000 })
    expect(after(503, {}, '999999999')).toEqual({ kind: 'retry', at: now + 3_600_000 })
    for (const odd of ['-1', 'soon', '1e9', 'Mon, 23 Nov 2026 04:00:00 GMT'])
      expect(after(503, {}, odd)).toEqual({ kind: 'retry', at: now + 10_000 })
    expect(after(500, {}, '120')).toEqual({ kind: 'retry', at: now + 10_000 })
  })
})
