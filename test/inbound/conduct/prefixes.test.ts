import { BlockList } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Network, lengths, networkOf } from '../../../server/inbound/conduct/prefixes.ts'

const known = (ip: string): Network => networkOf(ip) ?? expect.fail(`${ip} is an address`)

describe('the network of an address', () => {
  it.each<[string, string, string, string]>([
    ['192.0.2.200', '192.0.2.200/32', '192.0.2.192/26', '192.0.0.0/21'],
    ['198.51.103.63', '198.51.103.63/32', '198.51.103.0/26', '198.51.96.0/21'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64', '2001:db8:1::/48', '2001:db8::/32'],
    ['2001:db8::1', '2001:db8:0:0::/64', '2001:db8:0::/48', '2001:db8::/32'],
    ['::ffff:192.0.2.200', '192.0.2.200/32', '192.0.2.192/26', '192.0.0.0/21'],
    ['::ffff:c000:2c8', '192.0.2.200/32', '192.0.2.192/26', '192.0.0.0/21'],
  ])('%s is in %s, %s and %s', (ip, ...prefixes) => {
    expect(known(ip).prefixes).toEqual(prefixes)
  })

  it.each([
    ['10.1.2.3', true],
    ['172.16.0.1', true],
    ['172.31.255.254', true],
    ['172.32.0.1', false],
    ['192.168.1.1', true],
    ['100.64.0.1', true],
    ['100.128.0.1', false],
    ['127.0.0.1', true],
    ['169.254.1.1', true],
    ['::1', true],
    ['::ffff:172.17.0.1', true],
    ['fe80::1%eth0', true],
    ['fd00::1', true],
    ['2001:db8::1', false],
    ['192.0.2.1', false],
    ['8.8.8.8', false],
  ])('%s is private: %s', (ip, isPrivate) => {
    expect(known(ip).isPrivate).toBe(isPrivate)
  })

  it.each(['', 'localhost', '1', '0x7f000001', '192.0.2', '192.0.2.256', '192.0.2.1/32', '2001:db8::/32', '::1::'])(
    '%j is no address',
    (text) => {
      expect(networkOf(text)).toBeNull()
    },
  )

  it('has every address in each of its prefixes, and two in the same ones exactly when their first bits are alike', () => {
    fc.assert(
      fc.property(fc.constantFrom('ipv4' as const, 'ipv6' as const), fc.infiniteStream(fc.nat(255)), (family, stream) => {
        const bytes = [...stream.take(family === 'ipv4' ? 4 : 16)]
        const [one, flippedBit] = [bytes, stream.next().value ?? 0]
        const at = flippedBit % (bytes.length * 8)
        const other = one.map((byte, index) => (index === at >> 3 ? byte ^ (0x80 >> (at & 7)) : byte))
        // ::ffff:0:0/96 is IPv4 to us
        fc.pre(family === 'ipv4' || [one, other].every((address) => address.slice(0, 10).some((byte) => byte !== 0)))
        for (const breadth of [0, 1, 2] as const) {
          const length = lengths[family][breadth]
          const prefix = known(text(one)).prefixes[breadth]
          expect(prefix.endsWith(`/${length}`)).toBe(true)
          expect(covers(prefix, family, text(one))).toBe(true)
          expect(known(text(other)).prefixes[breadth] === prefix).toBe(at >= length)
        }
      }),
    )
  })
})

const text = (bytes: readonly number[]): string =>
  bytes.length === 4
    ? bytes.join('.')
    : Array.from({ length: 8 }, (_, n) => (((bytes[2 * n] ?? 0) << 8) | (bytes[2 * n + 1] ?? 0)).toString(16)).join(':')

function covers(prefix: string, family: 'ipv4' | 'ipv6', ip: string): boolean {
  const [base = '', length = ''] = prefix.split('/')
  const list = new BlockList()
  list.addSubnet(base, Number(length), family)
  return list.check(ip, family)
}
