import { describe, expect, it } from 'vitest'
import { type Seen, afterArrival, afterHello, nobodySeen, seesStrangers, viewOf } from '../../../server/inbound/conduct/nat.ts'

const hour = 3_600_000
const gateway = { ip: '172.17.0.1', isPrivate: true }
const lan = { ip: '192.168.1.9', isPrivate: true }
const stranger = { ip: '192.0.2.1', isPrivate: false }
const hidden = { kind: 'hidden', address: '172.17.0.1' }
const direct = { kind: 'direct' }

function see(seen: Seen, peer: typeof gateway, count: number, names: readonly string[], now = 0): Seen {
  let after = seen
  for (let n = 0; n < count; n++) {
    after = afterArrival(after, peer, now)
    after = afterHello(after, peer.ip, names[n % names.length] ?? '')
  }
  return after
}

describe('a NAT in front', () => {
  it.each<[string, Seen, object]>([
    ['is there when twenty connections of two hosts have one private address', see(nobodySeen, gateway, 20, ['a.test', 'b.test']), hidden],
    ['is not known from nineteen', see(nobodySeen, gateway, 19, ['a.test', 'b.test']), direct],
    ['is not a relay of one’s own, which has one name', see(nobodySeen, gateway, 500, ['relay.test', 'RELAY.test']), direct],
    [
      'is not there when strangers have addresses',
      see(see(nobodySeen, stranger, 1, ['c.test']), gateway, 99, ['a.test', 'b.test']),
      direct,
    ],
    ['is not several private addresses', see(see(nobodySeen, gateway, 99, ['a.test', 'b.test']), lan, 1, ['c.test']), direct],
    ['is gone with the first stranger', see(see(nobodySeen, gateway, 99, ['a.test', 'b.test']), stranger, 1, ['c.test']), direct],
  ])('%s', (_what, seen, view) => {
    expect(viewOf(seen, 0)).toEqual(view)
  })

  it('is there again an hour after the last stranger, from twenty connections since', () => {
    const seen = see(see(nobodySeen, stranger, 1, ['c.test']), gateway, 20, ['a.test', 'b.test'], 1)
    expect(viewOf(seen, hour - 1)).toEqual(direct)
    expect(seesStrangers(seen, hour - 1)).toBe(true)
    expect(viewOf(seen, hour)).toEqual(hidden)
    expect(seesStrangers(seen, hour)).toBe(false)
  })

  it('is remembered by two names, however many are given and however long', () => {
    const names = Array.from({ length: 100 }, (_, n) => `${n}${'x'.repeat(10_000)}`)
    const { names: kept, connections } = see(nobodySeen, gateway, 10_000, names)
    expect(kept).toHaveLength(2)
    expect(kept.every((name) => name.length <= 255)).toBe(true)
    expect(connections).toBe(20)
  })
})
