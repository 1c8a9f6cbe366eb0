import { afterEach, describe, expect, it } from 'vitest'
import type { Zone } from '../../../dns/resolver.ts'
import { createWireClient } from '../../../dns/wire/client.ts'
import { parseServer } from '../../../dns/wire/server.ts'
import { type Asked, type DnsServer, type ServerHabits, startDnsServer } from '../../support/dns-server.ts'
import { answerMessage, numbers, prefixed, rawRecord, record } from '../../support/dns-wire.ts'
import { type VirtualClock, createVirtualClock } from '../../support/virtual-clock.ts'

const zone: Zone = {
  'host.test': { A: ['192.0.2.1'], TTL: 300 },
  'alias.test': { CNAME: 'host.test', TTL: 60 },
  'round.test': { CNAME: 'and-round.test' },
  'and-round.test': { CNAME: 'round.test' },
  'proven.test': { A: ['192.0.2.2'], SECURE: true },
  'long.test': { TXT: Array.from({ length: 30 }, (_, i) => `${i} ${'x'.repeat(200)}`), TTL: 300 },
  'broken.test': { SERVFAIL: true },
  'silent.test': { TIMEOUT: true },
}
const hostFound = { answer: { kind: 'found', value: ['192.0.2.1'] } }
const timedOut = { answer: { kind: 'failed', reason: 'ETIMEOUT' } }

const servers: DnsServer[] = []
afterEach(() => Promise.all(servers.splice(0).map((server) => server.stop())))

async function serve(habits: ServerHabits = {}, world: Zone = zone): Promise<DnsServer> {
  const server = await startDnsServer(world, habits)
  servers.push(server)
  return server
}

function clientOf(clock: VirtualClock, ...at: readonly { address: string }[]) {
  return createWireClient({ servers: at.map(({ address }) => parseServer(address)), timeoutMs: 5_000, clock })
}

/** One server with these habits, and a client that asks it. */
async function meet(habits: ServerHabits = {}) {
  const server = await serve(habits)
  const clock = createVirtualClock(0)
  return { server, clock, ask: clientOf(clock, server), ways: () => server.asked.map(({ way }) => way) }
}

describe('a question', () => {
  it('is answered with its time to live, the least on the way', async () => {
    const { ask } = await meet()
    expect(await ask('host.test', 'A')).toEqual({ ...hostFound, ttlSeconds: 300, authenticated: false })
    expect(await ask('alias.test', 'A')).toEqual({ ...hostFound, ttlSeconds: 60, authenticated: false })
  })

  it('is answered with how long it holds that there is nothing', async () => {
    const { ask } = await meet({ soa: { ttl: 900, minimum: 30 } })
    expect(await ask('host.test', 'MX')).toEqual({ answer: { kind: 'no-data' }, ttlSeconds: 30, authenticated: false })
    expect(await ask('nowhere.test', 'A')).toEqual({ answer: { kind: 'no-domain' }, ttlSeconds: 30, authenticated: false })
  })

  it('is answered with whether that is proven', async () => {
    const { ask } = await meet()
    expect(await ask('proven.test', 'A')).toMatchObject({ authenticated: true })
  })

  it('comes from another port each time, with another id and other letters', async () => {
    const { ask, server } = await meet()
    for (let i = 0; i < 20; i++) await ask('host.test', 'A')
    const different = (of: (asked: DnsServer['asked'][number]) => number | string) => new Set(server.asked.map(of)).size
    expect(different(({ port }) => port)).toBeGreaterThan(10)
    expect(different(({ id }) => id)).toBeGreaterThan(10)
    expect(different(({ name }) => name)).toBeGreaterThan(10)
  })

  it('is asked over TCP when the answer does not fit', async () => {
    const { ask, ways } = await meet()
    const { answer } = await ask('long.test', 'TXT')
    expect(answer.kind === 'found' && answer.value.length).toBe(30)
    expect(ways()).toEqual(['udp', 'tcp'])
  })

  it('is asked without EDNS where that is not known', async () => {
    const { ask, server } = await meet({ edns: false })
    expect(await ask('host.test', 'A')).toMatchObject(hostFound)
    expect(server.asked.map(({ edns }) => edns)).toEqual([true, false])
  })

  it('is asked on when the reply ends with an alias', async () => {
    const aliasOnly: ServerHabits['spoil'] = (answer, asked) =>
      asked.name.toLowerCase() === 'alias.test' ? [answerMessage(asked, 0, [record('alias.test', 'CNAME', 60, 'host.test')])] : [answer]
    const { ask, server } = await meet({ spoil: aliasOnly })
    expect(await ask('alias.test', 'A')).toMatchObject({ ...hostFound, ttlSeconds: 60 })
    expect(server.asked).toHaveLength(2)
  })

  it('is not asked on for ever', async () => {
    let names = 0
    const { ask, server } = await meet({
      spoil: (_, asked) => [answerMessage(asked, 0, [record(asked.name, 'CNAME', 60, `a${names++}.test`)])],
    })
    expect(await ask('host.test', 'A')).toMatchObject({ answer: { kind: 'failed', reason: 'ESERVFAIL' } })
    expect(server.asked.length).toBeLessThan(10)
  })

  it('fails where aliases run in a circle', async () => {
    const { ask } = await meet()
    expect(await ask('round.test', 'A')).toMatchObject({ answer: { kind: 'failed', reason: 'ESERVFAIL' } })
  })
})

describe('a server that does not repeat the case of letters', () => {
  it('is believed over TCP, and from then on as it is', async () => {
    const { ask, ways } = await meet({ keepsCase: false })
    expect(await ask('a-name-with-many-letters.host.test', 'A')).toMatchObject({ answer: { kind: 'no-domain' } })
    expect(ways()).toEqual(['udp', 'tcp'])
    expect(await ask('host.test', 'A')).toMatchObject(hostFound)
    expect(ways()).toEqual(['udp', 'tcp', 'udp'])
  })

  it('is believed also when it has no TCP', async () => {
    const { ask } = await meet({ keepsCase: false, tcp: false })
    expect(await ask('host.test', 'A')).toMatchObject(hostFound)
  })
})

describe('several servers', () => {
  it('are asked in turn when one is silent, which is then asked last for half a minute', async () => {
    const [silent, good] = [await serve({ spoil: () => [] }), await serve()]
    const clock = createVirtualClock(0)
    const ask = clientOf(clock, silent, good)
    const answer = ask('host.test', 'A')
    await clock.advance(5_000)
    expect(await answer).toMatchObject(hostFound)
    expect(await ask('host.test', 'A')).toMatchObject(hostFound)
    expect([silent.asked.length, good.asked.length]).toEqual([1, 2])
    await clock.advance(30_000)
    const later = ask('host.test', 'A')
    await clock.advance(5_000)
    expect(await later).toMatchObject(hostFound)
    expect(silent.asked).toHaveLength(2)
  })

  it('are asked once each when none can find out', async () => {
    const both = [await serve(), await serve()]
    expect(await clientOf(createVirtualClock(0), ...both)('broken.test', 'A')).toMatchObject({
      answer: { kind: 'failed', reason: 'ESERVFAIL' },
    })
    expect(both.map(({ asked }) => asked.length)).toEqual([1, 1])
  })

  it('are asked when the first one fails', async () => {
    const ask = clientOf(
      createVirtualClock(0),
      await serve({}, { 'host.test': { SERVFAIL: true } }),
      { address: '127.0.0.1:9' },
      await serve(),
    )
    expect(await ask('host.test', 'A')).toMatchObject(hostFound)
  })

  it('are asked when the first one sends us on to others', async () => {
    const ns = rawRecord('test', 2, 300, Buffer.from([2, 110, 115, 0]))
    const ask = clientOf(createVirtualClock(0), await serve({ spoil: (_, asked) => [answerMessage(asked, 0, [], [ns])] }), await serve())
    expect(await ask('host.test', 'A')).toMatchObject(hostFound)
  })

  it('are given up together after fifteen seconds', async () => {
    const silent = await serve({ spoil: () => [] })
    const clock = createVirtualClock(0)
    const answer = clientOf(clock, silent, silent, silent, silent, silent)('host.test', 'A')
    await clock.advance(15_000)
    expect(await answer).toMatchObject(timedOut)
    expect(silent.asked.length).toBeLessThanOrEqual(3)
  })
})

describe('what is not the answer', () => {
  const bad: Record<string, (answer: Buffer, asked: Asked) => Buffer> = {
    'another id': (answer) => patched(answer, 0, answer.readUInt16BE(0) ^ 0x0100),
    'another name': (answer) => patched(answer, 14, 0x7878),
    garbage: () => Buffer.alloc(200, 0xff),
    nothing: () => Buffer.alloc(0),
    'part of it': (answer) => answer.subarray(0, -1),
    'a name that points to itself': (_, asked) =>
      answerMessage(asked, 0, [rawRecord(numbers(0xc000 | (12 + asked.wire.length)), 1, 300, Buffer.alloc(4))]),
    'far too much': (answer) => Buffer.concat([patched(answer, 6, 0xffff), Buffer.alloc(8_000)]),
  }
  const patched = (answer: Buffer, at: number, value: number): Buffer => {
    const copy = Buffer.from(answer)
    copy.writeUInt16BE(value, at)
    return copy
  }

  it.each(Object.entries(bad))('%s: is passed over, and the answer after it counts', async (_what, spoilt) => {
    const { ask, ways } = await meet({ spoil: (answer, asked) => [spoilt(answer, asked), answer] })
    expect(await ask('host.test', 'A')).toMatchObject(hostFound)
    expect(ways()).toEqual(['udp'])
  })

  it.each(Object.entries(bad))('%s: is no answer when nothing else comes', async (_what, spoilt) => {
    const { ask, clock } = await meet({ spoil: (answer, asked) => [spoilt(answer, asked)] })
    const answer = ask('host.test', 'A')
    await clock.advance(15_000)
    expect(await answer).toMatchObject(timedOut)
  })

  it('in great number is somebody who guesses: then it is asked over TCP', async () => {
    const guesses = (answer: Buffer) => Array.from({ length: 40 }, (_, i) => patched(answer, 0, (answer.readUInt16BE(0) + 1 + i) & 0xffff))
    const { ask, ways } = await meet({ spoil: (answer, { way }) => (way === 'udp' ? guesses(answer) : [answer]) })
    expect(await ask('host.test', 'A')).toMatchObject(hostFound)
    expect(ways()).toEqual(['udp', 'tcp'])
  })
})

describe('a TCP connection', () => {
  const cutShort = { udpLimit: 20 }

  it('that never ends its message is ended', async () => {
    const connected = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const closed: Promise<void>[] = []
    const { ask, clock } = await meet({
      ...cutShort,
      tcp(socket) {
        // The length says 65,535, of which octet after octet comes.
        socket.write(numbers(65_535))
        const drop = (): void => void (socket.writable && socket.write('x', () => setImmediate(drop)))
        drop()
        closed.push(new Promise((resolve) => void socket.once('close', () => resolve())))
        connected.shift()?.resolve()
      },
    })
    const [first, second] = connected.map(({ promise }) => promise)
    const answer = ask('host.test', 'A')
    await first
    await clock.advance(5_000)
    await second
    await clock.advance(5_000)
    expect(await answer).toMatchObject(timedOut)
    await Promise.all(closed)
  })

  it.each<[string, (answer: Buffer) => Buffer, string]>([
    ['another message', () => Buffer.alloc(60, 0xff), 'EBADRESP'],
    ['an empty message', () => Buffer.alloc(0), 'EBADRESP'],
    [
      'a message that is cut off again',
      (answer) => Buffer.concat([answer.subarray(0, 2), Buffer.from([0x87]), answer.subarray(3)]),
      'EBADRESP',
    ],
  ])('with %s has no answer', async (_what, spoilt, reason) => {
    const { ask } = await meet({ ...cutShort, tcp: (socket, answer) => void socket.write(prefixed(spoilt(answer))) })
    expect(await ask('host.test', 'A')).toMatchObject({ answer: { kind: 'failed', reason } })
  })

  it('that is closed early has no answer', async () => {
    const { ask } = await meet({ ...cutShort, tcp: (socket, answer) => void socket.end(prefixed(answer).subarray(0, -1)) })
    expect(await ask('host.test', 'A')).toMatchObject({ answer: { kind: 'failed', reason: 'ECONNRESET' } })
  })

  it('is read in whatever pieces it comes, and no further than the answer', async () => {
    const { ask } = await meet({
      ...cutShort,
      tcp(socket, answer) {
        socket.setNoDelay(true)
        for (const byte of prefixed(answer)) socket.write(Buffer.from([byte]))
        socket.write(Buffer.alloc(100_000))
      },
    })
    expect(await ask('host.test', 'A')).toMatchObject(hostFound)
  })
})

it('asks a limited number of questions at a time, lets more wait, and refuses the rest at once', async () => {
  const { ask, clock, server } = await meet({ spoil: () => [] })
  const answers = Array.from({ length: 5_501 }, (_, i) => ask(`n${i}.host.test`, 'A'))
  expect(await answers.pop()).toMatchObject({ answer: { kind: 'failed', reason: 'EBUSY' } })
  await clock.advance(15_000)
  expect(new Set((await Promise.all(answers)).map(({ answer }) => (answer.kind === 'failed' ? answer.reason : answer.kind)))).toEqual(
    new Set(['ETIMEOUT']),
  )
  expect(server.asked.length).toBeLessThanOrEqual(1_500)
})
