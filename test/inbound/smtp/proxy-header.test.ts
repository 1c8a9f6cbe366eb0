import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ProxyHeader, parseProxyHeader } from '../../../server/inbound/smtp/proxy-header.ts'
import { connectSmtp } from '../../support/smtp-client.ts'
import { openDoor } from '../../support/open-door.ts'
import { openCounter } from './counter.ts'

const parse = (bytes: string | Buffer): ProxyHeader => parseProxyHeader(Buffer.from(bytes as string, 'latin1'))
const signature = '\r\n\r\n\0\r\nQUIT\n'
/** @param command 0 LOCAL, 1 PROXY */
const binary = (command: number, family: number, behind: Buffer | string): Buffer => {
  const rest = Buffer.from(behind as string, 'latin1')
  return Buffer.concat([Buffer.from(signature, 'latin1'), Buffer.of(0x20 | command, family, rest.length >> 8, rest.length & 255), rest])
}
const tcp4 = Buffer.from([192, 0, 2, 7, 203, 0, 113, 1, 0x30, 0x39, 0, 25])
const tcp6 = Buffer.concat([Buffer.from('20010db8000000000000000000000007', 'hex'), Buffer.alloc(16), Buffer.from([0x30, 0x39, 0, 25])])
const fromIt = { ip: '192.0.2.7', port: 12_345 }

const sound: [what: string, header: string | Buffer, client: object | null][] = [
  ['version 1, IPv4', 'PROXY TCP4 192.0.2.7 203.0.113.1 12345 25\r\n', fromIt],
  ['version 1, IPv6', 'PROXY TCP6 2001:db8::7 ::1 12345 25\r\n', { ip: '2001:db8::7', port: 12_345 }],
  ['version 1, unknown', 'PROXY UNKNOWN\r\n', null],
  ['version 1, unknown with addresses, which mean nothing', 'PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n', null],
  ['version 2, IPv4', binary(1, 0x11, tcp4), fromIt],
  ['version 2, IPv4 with more behind it', binary(1, 0x11, Buffer.concat([tcp4, Buffer.alloc(300, 4)])), fromIt],
  ['version 2, IPv6', binary(1, 0x21, tcp6), { ip: '2001:db8:0:0:0:0:0:7', port: 12_345 }],
  ['version 2, a health check of the proxy', binary(0, 0x00, ''), null],
  ['version 2, a family that is not TCP', binary(1, 0x12, tcp4), null],
]

const unsound: [what: string, header: string | Buffer][] = [
  ['a command', 'EHLO a.test\r\n'],
  ['small letters', 'proxy TCP4 192.0.2.7 203.0.113.1 12345 25\r\n'],
  ['a name instead of an address', 'PROXY TCP4 evil.test 203.0.113.1 12345 25\r\n'],
  ['IPv6 as IPv4', 'PROXY TCP4 ::1 203.0.113.1 12345 25\r\n'],
  ['a zone', 'PROXY TCP6 fe80::1%eth0 ::1 12345 25\r\n'],
  ['no destination', 'PROXY TCP4 192.0.2.7\r\n'],
  ['a port too high', 'PROXY TCP4 192.0.2.7 203.0.113.1 65536 25\r\n'],
  ['one word more', 'PROXY TCP4 192.0.2.7 203.0.113.1 12345 25 x\r\n'],
  ['two spaces', 'PROXY  TCP4 192.0.2.7 203.0.113.1 12345 25\r\n'],
  ['an end in LF alone', `PROXY TCP4 192.0.2.7 203.0.113.1 12345 25\n${'x'.repeat(100)}`],
  ['a line without end', `PROXY TCP4 ${'1'.repeat(200)}`],
  ['an end that comes too late', `PROXY UNKNOWN ${'x'.repeat(100)}\r\n`],
  ['version 3', Buffer.concat([Buffer.from(signature, 'latin1'), Buffer.of(0x31, 0x11, 0, 12), tcp4])],
  ['a command of version 2 there is none', binary(2, 0x11, tcp4)],
  ['an IPv4 address cut short', binary(1, 0x11, tcp4.subarray(0, 11))],
  ['an IPv6 address cut short', binary(1, 0x21, tcp6.subarray(0, 35))],
  ['an endless one', binary(1, 0x11, Buffer.alloc(2_049))],
]

describe('the header of a proxy', () => {
  it.each(sound)('is read: %s', (_what, header, client) => {
    const bytes = Buffer.from(header as string, 'latin1')
    expect(parse(Buffer.concat([bytes, Buffer.from('EHLO')]))).toEqual({ kind: 'header', client, length: bytes.length })
    for (let length = 0; length < bytes.length; length++) expect(parse(bytes.subarray(0, length)).kind).toBe('more')
  })

  it.each(unsound)('is refused: %s', (_what, header) => expect(parse(header)).toEqual({ kind: 'bad' }))

  it('is refused or read, whatever the bytes; never is an address made up', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 120 }),
      fc.uint8Array({ maxLength: 60 }).map((rest) => Buffer.concat([Buffer.from(signature, 'latin1'), rest])),
      fc
        .array(fc.constantFrom('PROXY', ' ', 'TCP4', 'TCP6', 'UNKNOWN', '192.0.2.7', '::1', '25', '\r\n', '\0'), { maxLength: 14 })
        .map((words) => words.join('')),
    )
    fc.assert(
      fc.property(bytes, (some) => {
        const header = parseProxyHeader(Buffer.from(some as string))
        if (header.kind === 'header' && header.client !== null) expect(header.client.ip).toMatch(/^[0-9a-f.:]+$/)
      }),
    )
  })
})

describe('a connection', () => {
  const arriving = () => {
    const ips: string[] = []
    const door = openDoor()
    return { ips, conduct: { ...door, arrive: (peer: { ip: string; sessionId: string }) => (ips.push(peer.ip), door.arrive(peer)) } }
  }
  const mail = { to: 'ann@ours.test', data: 'a: b\r\n' }

  it('through a named proxy has the address in the header, everywhere', async () => {
    const { ips, conduct } = arriving()
    const counter = await openCounter({ proxies: ['127.0.0.1'], conduct })
    for (const [, header, client] of sound) {
      const one = await counter.connect({ first: header })
      expect(await one.send(mail)).toMatch(/^250 /)
      const ip = (client as { ip: string } | null)?.ip ?? '127.0.0.1'
      expect([ips.at(-1), counter.received.at(-1)?.client.ip]).toEqual(Array.from({ length: 2 }, () => ip.replace('8:0:0:0:0:0:7', '8::7')))
    }
  })

  it('may bring the header in pieces, and its first commands behind it', async () => {
    const counter = await openCounter({ proxies: ['127.0.0.1'] })
    const client = await counter.connect({ first: 'PROXY TCP4 192.0.2.7 203.0.113.1 12345 25\r\nEHLO a.test\r\n', hello: false })
    expect(client.said[0]).toBe('220 mx.ours.test ESMTP')
    expect(await client.reply()).toMatch(/^250-mx/)
  })

  it('from a named proxy without a header gets no word', async () => {
    const warned: unknown[] = []
    const log = { debug() {}, info() {}, error() {}, warn: (...all: unknown[]) => void warned.push(all), child: () => log }
    const counter = await openCounter({ proxies: ['127.0.0.1'], log })
    const client = await counter.connect({ first: 'EHLO a.test\r\n', hello: false })
    expect(client.said).toEqual([])
    expect(warned).toEqual([[{ ip: '127.0.0.1' }, 'inbound.no-proxy-header']])
    ;(await connectSmtp(counter.port, { hello: false, first: '\r\n\r\n\0\r\nQUIT!' })).close()
  })

  it('from anybody else with a header has said what is no command, and keeps its own address', async () => {
    const { ips, conduct } = arriving()
    const counter = await openCounter({ proxies: ['192.0.2.1'], conduct })
    const client = await counter.connect({ first: 'PROXY TCP4 192.0.2.7 203.0.113.1 12345 25\r\n', hello: false })
    expect([client.said[0], await client.reply()]).toEqual(['220 mx.ours.test ESMTP', '500 5.5.2 Command not recognized'])
    expect(ips).toEqual(['127.0.0.1'])
  })
})
