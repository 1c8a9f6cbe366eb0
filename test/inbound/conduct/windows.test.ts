import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Network, networkOf } from '../../../server/inbound/conduct/prefixes.ts'
import {
  type Limits,
  type Stay,
  type Tripped,
  type Windows,
  createWindows,
  standardLimits,
} from '../../../server/inbound/conduct/windows.ts'

const minute = 60_000
const network = (ip: string): Network => networkOf(ip) ?? expect.fail(ip)
const small: Limits = { 'at-once': [2, 6, 18], connections: [10, 30, 90], messages: [5, 15, 45], bytes: [1_000, 3_000, 9_000] }

function arrive(windows: Windows, ip: string, now: number): Stay | Tripped {
  const arrival = windows.arrive(network(ip), now)
  return arrival.kind === 'counted' ? arrival.stay : arrival.tripped
}
const isIn = (one: Stay | Tripped): one is Stay => Array.isArray(one)
const enter = (windows: Windows, ip: string, now: number): Stay => {
  const stay = arrive(windows, ip, now)
  return isIn(stay) ? stay : expect.fail(`${ip} was refused`)
}

describe('the shares', () => {
  it('are those of Mox: three times as much for each wider prefix', () => {
    for (const [one = 0, three, nine] of Object.values(standardLimits)) expect([three, nine]).toEqual([3 * one, 9 * one])
    expect(standardLimits['at-once'][0]).toBe(30)
  })

  it.each([
    ['IPv4 /32', 0, (_n: number): string => '192.0.2.1'],
    ['IPv4 /26', 1, (n: number): string => `192.0.2.${n % 64}`],
    ['IPv4 /21', 2, (n: number): string => `192.0.${n % 8}.${(n * 8) % 256}`],
    ['IPv6 /64', 0, (n: number): string => `2001:db8:1:1::${n.toString(16)}`],
    ['IPv6 /48', 1, (n: number): string => `2001:db8:1:${n.toString(16)}::1`],
    ['IPv6 /32', 2, (n: number): string => `2001:db8:${n.toString(16)}::1`],
  ] as const)('let as many connections of one %s in, at one time and in a minute, and no more', (_what, breadth, ip) => {
    for (const kind of ['at-once', 'connections'] as const) {
      const windows = createWindows()
      const most = standardLimits[kind][breadth]
      for (let n = 0; n < most; n++) {
        const stay = enter(windows, ip(n), 0)
        if (kind === 'connections') windows.leave(stay)
      }
      expect(arrive(windows, ip(most), 0)).toEqual({ kind, breadth, isFirst: true })
      expect(arrive(windows, ip(most), 1)).toEqual({ kind, breadth, isFirst: false })
      // Somebody else is not concerned.
      expect(isIn(arrive(windows, '198.51.100.1', 1))).toBe(true)
    }
  })

  it('of messages and bytes are counted at MAIL, and what comes unannounced when it has come', () => {
    const windows = createWindows({ limits: small })
    const stay = enter(windows, '192.0.2.1', 0)
    for (let n = 0; n < 5; n++) expect(windows.mail(stay, 0, 0)).toBeNull()
    expect(windows.mail(stay, 0, 0)).toMatchObject({ kind: 'messages', breadth: 0 })
    const other = enter(windows, '192.0.2.2', 0)
    expect(windows.mail(other, 900, 0)).toBeNull()
    windows.more(other, 200, 0)
    expect(windows.mail(other, 1, 0)).toMatchObject({ kind: 'bytes', breadth: 0 })
  })

  it('come back as the minute slides on', () => {
    const windows = createWindows({ limits: small })
    for (let n = 0; n < 10; n++) windows.leave(enter(windows, '192.0.2.1', 30_000))
    expect(isIn(arrive(windows, '192.0.2.1', 59_999))).toBe(false)
    // At its end all of the last minute still counts, in the middle of the next one half of it.
    expect(isIn(arrive(windows, '192.0.2.1', minute))).toBe(false)
    const again = (now: number): number => {
      let count = 0
      for (; count < 100; count++) {
        const stay = arrive(windows, '192.0.2.1', now)
        if (!isIn(stay)) break
        windows.leave(stay)
      }
      return count
    }
    expect(again(minute + 30_000)).toBe(5)
    expect(again(3 * minute)).toBe(10)
  })

  it('are not gone for an hour when the host clock was an hour fast', () => {
    const windows = createWindows({ limits: small })
    for (let n = 0; n < 10; n++) windows.leave(enter(windows, '192.0.2.1', 61 * minute))
    expect(isIn(arrive(windows, '192.0.2.1', minute))).toBe(true)
  })

  it('are not used up by those who are refused', () => {
    const windows = createWindows({ limits: small })
    for (let n = 0; n < 1_000; n++) arrive(windows, '192.0.2.1', 0)
    for (let n = 2; n < 4; n++) for (let m = 0; m < 2; m++) enter(windows, `192.0.2.${n}`, 0)
  })

  it('of a private address are the widest only: it may be a whole net', () => {
    const windows = createWindows({ limits: small })
    for (let n = 0; n < 18; n++) enter(windows, '10.0.0.1', 0)
    expect(arrive(windows, '10.0.0.1', 0)).toMatchObject({ kind: 'at-once', breadth: 2 })
  })
})

/** What one visitor may do. `host` chooses an address within its /64 or its prefix. */
const act = fc.oneof(
  fc.record({ do: fc.constant('arrive' as const), host: fc.nat(3) }),
  fc.record({ do: fc.constant('leave' as const), which: fc.nat(20) }),
  fc.record({ do: fc.constant('mail' as const), which: fc.nat(20), bytes: fc.integer({ min: 0, max: 100_000 }) }),
  fc.record({ do: fc.constant('more' as const), which: fc.nat(20), bytes: fc.integer({ min: 0, max: 100_000 }) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.nat(40_000) }),
)
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never

/** Does what an attacker does, whatever the answers. @returns the time after it */
function attack(windows: Windows, stays: Stay[], one: Act, now: number): number {
  if (one.do === 'wait') return now + one.ms
  if (one.do === 'arrive') {
    const stay = arrive(windows, `2001:db8:1:1::${one.host}`, now)
    if (isIn(stay)) stays.push(stay)
    return now
  }
  const stay = stays[one.which % Math.max(stays.length, 1)]
  if (stay === undefined) return now
  if (one.do === 'mail') windows.mail(stay, one.bytes, now)
  if (one.do === 'more') windows.more(stay, one.bytes, now)
  if (one.do === 'leave') windows.leave(stays.splice(stays.indexOf(stay), 1)[0] ?? [])
  return now
}

describe('a network', () => {
  it('never costs its neighbours in the same /48 anything, whatever it does', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 200 }), (acts) => {
        const windows = createWindows({ limits: small })
        const stays: Stay[] = []
        let now = 0
        let honestAt = -Infinity
        for (const one of acts) {
          now = attack(windows, stays, one, now)
          if (now - honestAt < 12_000) continue
          // At most five connections and messages of 150 bytes in a minute: below every share of its own.
          honestAt = now
          const stay = enter(windows, '2001:db8:1:2::1', now)
          expect(windows.mail(stay, 150, now)).toBeNull()
          windows.leave(stay)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('has after all that its whole share of connections again, and not one more', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 100 }), (acts) => {
        const windows = createWindows({ limits: small })
        const stays: Stay[] = []
        let now = 0
        for (const one of acts) {
          now = attack(windows, stays, one, now)
          expect(stays.length).toBeLessThanOrEqual(2)
        }
        for (const stay of stays) windows.leave(stay)
        now += 3 * minute
        for (let n = 0; n < 2; n++) enter(windows, '2001:db8:1:1::1', now)
        expect(arrive(windows, '2001:db8:1:1::1', now)).toMatchObject({ kind: 'at-once' })
      }),
    )
  })

  it('does not lose its count by coming with more addresses than are remembered', () => {
    const windows = createWindows({ limits: small, most: 50 })
    for (let n = 0; n < 10; n++) windows.leave(enter(windows, '2001:db8:1:1::1', 0))
    // Each from a net of its own, so that none of them is refused.
    for (let n = 0; n < 10_000; n++) arrive(windows, `2001:${(n + 0x1000).toString(16)}::1`, 30_000)
    expect(windows.size()).toBeLessThanOrEqual(50)
    expect(arrive(windows, '2001:db8:1:1::1', 30_000)).toMatchObject({ kind: 'connections', breadth: 0 })
  })

  it('is counted as a newcomer too when those who did little fill all places, and whoever is here stays', () => {
    const windows = createWindows({ limits: small, most: 60 })
    const here = Array.from({ length: 4 }, (_, n) => enter(windows, `203.0.113.${n * 64}`, 0))
    for (let n = 0; n < 1_000; n++) {
      const stay = arrive(windows, `2001:${(n + 0x1000).toString(16)}::1`, 0)
      if (isIn(stay)) windows.leave(stay)
    }
    expect(windows.size()).toBe(60)
    for (let n = 0; n < 10; n++) windows.leave(enter(windows, '192.0.2.1', 0))
    expect(arrive(windows, '192.0.2.1', 0)).toMatchObject({ kind: 'connections', breadth: 0 })
    expect(here.every((stay) => stay.length === 3 && stay.every(({ window }) => window.atOnce > 0))).toBe(true)
    for (let n = 0; n < 4; n++) enter(windows, `203.0.113.${n * 64}`, 0)
    expect(arrive(windows, '203.0.113.0', 0)).toMatchObject({ kind: 'at-once', breadth: 0 })
  })

  it('leaves room to count others however many addresses of one net it is refused with', () => {
    const windows = createWindows({ limits: small, most: 100 })
    for (let n = 0; n < 1_000; n++) {
      const stay = arrive(windows, `2001:db8:1:${n.toString(16)}::1`, 0)
      if (isIn(stay)) windows.leave(stay)
    }
    for (let n = 0; n < 10; n++) windows.leave(enter(windows, '192.0.2.1', 0))
    expect(arrive(windows, '192.0.2.1', 0)).toMatchObject({ kind: 'connections', breadth: 0 })
  })

  it('never makes more to remember than there is room for', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.ipV4(), fc.nat(5_000)), { maxLength: 300 }), (visits) => {
        const windows = createWindows({ limits: small, most: 20 })
        let now = 0
        for (const [ip, passes] of visits) {
          now += passes
          const stay = arrive(windows, ip, now)
          if (isIn(stay)) windows.leave(stay)
          expect(windows.size()).toBeLessThanOrEqual(20)
        }
      }),
    )
  })
})

describe('what other nodes saw', () => {
  const told = (windows: Windows, connections: number, start = 0) =>
    windows.learn([{ prefix: '192.0.2.1/32', start, connections, messages: 0, bytes: 0 }])

  it('counts as if it had been here', () => {
    const windows = createWindows({ limits: small, isShared: true })
    windows.leave(enter(windows, '192.0.2.1', 0))
    told(windows, 10)
    expect(isIn(arrive(windows, '192.0.2.1', 1))).toBe(false)
  })

  it('of the minute before counts too, and of another one not', () => {
    const windows = createWindows({ limits: small, isShared: true })
    windows.leave(enter(windows, '192.0.2.1', minute))
    told(windows, 10, 5 * minute)
    expect(isIn(arrive(windows, '192.0.2.1', minute))).toBe(true)
    told(windows, 10, 0)
    expect(isIn(arrive(windows, '192.0.2.1', minute))).toBe(false)
  })

  it('is told of what matters: once, so many at a time, and again when it could not be told', () => {
    const windows = createWindows({ isShared: true })
    const visit = (ip: string, times: number): void => {
      for (let n = 0; n < times; n++) windows.leave(enter(windows, ip, 0))
    }
    visit('198.51.100.1', 5)
    expect(windows.takeUnshared(10)).toEqual([])
    visit('192.0.2.1', 6)
    visit('198.51.100.1', 1)
    const first = windows.takeUnshared(4)
    const prefixes = first.map(({ prefix }) => prefix)
    expect(prefixes).toEqual(prefixes.toSorted())
    expect(first).toHaveLength(4)
    const rest = windows.takeUnshared(10)
    expect(rest).toHaveLength(2)
    expect([...first, ...rest].every(({ connections }) => connections === 6)).toBe(true)
    expect(windows.takeUnshared(10)).toEqual([])
    windows.putBack(first)
    expect(windows.takeUnshared(10)).toEqual(first)
  })

  it('is not kept to be told by a node that is alone', () => {
    const windows = createWindows()
    for (let n = 0; n < 20; n++) enter(windows, '192.0.2.1', 0)
    expect(windows.takeUnshared(10)).toEqual([])
  })
})
