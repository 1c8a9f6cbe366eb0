import { once } from 'node:events'
import { type Socket, connect } from 'node:net'
import { Duplex } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Reaction } from '../../../server/inbound/conduct/conduct.ts'
import type { Connection } from '../../../server/inbound/smtp/connection.ts'
import { Server } from '../../../server/inbound/smtp/server.ts'
import type { Reply } from '../../../server/model/reply.ts'
import { openDoor } from '../../support/open-door.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'
import { openCounter } from './counter.ts'
import { createHost } from './desk.ts'

const start = Date.UTC(2026, 10, 23)
const envelope = ['MAIL FROM:<bo@remote.test>', 'RCPT TO:<ann@ours.test>']
const calm: Reaction = { delayMs: 0, hangUp: null }
const enough: Reply = { code: 421, status: '4.7.0', text: 'That is enough' }

describe('the greeting', () => {
  it('comes at once to whoever need not wait, without a timer', async () => {
    const counter = await openCounter({ clock: createVirtualClock(start) })
    const client = await counter.connect({ hello: false })
    expect(client.said).toEqual(['220 mx.ours.test ESMTP'])
  })

  it('comes after the wait that conduct asks for', async () => {
    const clock = createVirtualClock(start)
    const arrived = Promise.withResolvers<void>()
    const door = openDoor({ visitor: { greetWaitMs: 6_000 } })
    const counter = await openCounter({ clock, conduct: { ...door, arrive: (peer) => (arrived.resolve(), door.arrive(peer)) } })
    const client = counter.connect()
    await arrived.promise
    await clock.advance(6_000)
    expect((await client).said[0]).toBe('220 mx.ours.test ESMTP')
    expect(await (await client).send({ to: 'ann@ours.test', data: 'a: b\r\n' })).toMatch(/^250 /)
  })

  it.each(['EHLO a.test\r\n', 'x', '\r\n', '\n'])('does not come for who says %j first', async (first) => {
    const counter = await openCounter({ clock: createVirtualClock(start), conduct: openDoor({ visitor: { greetWaitMs: 6_000 } }) })
    const client = await counter.connect({ first, hello: false })
    expect([...client.said, await client.reply()]).toEqual(['554 5.5.1 You spoke before the greeting', 'closed'])
  })

  it('does not come for who is refused; one whose place is taken is told', async () => {
    const door = openDoor()
    const sessions: string[] = []
    const counter = await openCounter({
      conduct: {
        ...door,
        arrive(peer) {
          sessions.push(peer.sessionId)
          const arrival = door.arrive(peer)
          if (sessions.length === 2) return { kind: 'refused', reply: enough }
          return arrival.kind === 'welcome' && sessions.length === 3 ? { ...arrival, inPlaceOf: sessions[0] ?? null } : arrival
        },
      },
    })
    const first = await counter.connect()
    const second = await counter.connect({ hello: false })
    expect([...second.said, await second.reply()]).toEqual(['421 4.7.0 That is enough', 'closed'])
    const third = await counter.connect()
    expect([await first.reply(), await first.reply()]).toEqual(['421 4.3.2 Too many connections at this moment, try again later', 'closed'])
    expect(await third.ask('NOOP')).toMatch(/^250 /)
  })
})

describe('conduct', () => {
  it('hears of every command, its reply and every message, and when it is over', async () => {
    const heard: unknown[] = []
    const left = Promise.withResolvers<void>()
    const counter = await openCounter({
      conduct: openDoor({
        visitor: {
          saidHello: (name) => void heard.push(['hello', name]),
          mayMail: (bytes) => (heard.push(['may mail', bytes]), null),
          replied: (command, { code }) => (heard.push([command, code]), calm),
          delivered: (bytes, { code }) => (heard.push(['delivered', bytes, code]), calm),
          left: () => left.resolve(),
        },
      }),
    })
    const client = await counter.connect()
    for (const line of ['MAIL FROM:<bo@remote.test> SIZE=7', 'RCPT TO:<nobody@ours.test>', 'RCPT TO:<ann@ours.test>', 'BDAT x', 'no such'])
      if (line !== 'BDAT x') await client.ask(line)
    await client.ask('DATA')
    await client.write('..a\r\n.\r\n')
    await client.reply()
    for (const line of envelope) await client.ask(line)
    await client.write('BDAT 2\r\na\nBDAT 3 LAST\r\nb\r\n')
    await client.reply()
    await client.ask('QUIT')
    await left.promise
    expect(heard).toEqual([
      ['hello', 'out.remote.test'],
      ['EHLO', 250],
      ['may mail', 7],
      ['MAIL', 250],
      ['RCPT', 550],
      ['RCPT', 250],
      ['', 500],
      ['DATA', 354],
      ['delivered', 4, 250],
      ['may mail', 0],
      ['MAIL', 250],
      ['RCPT', 250],
      // a chunk so small leads nowhere
      ['NOOP', 250],
      ['delivered', 5, 550],
      ['QUIT', 221],
    ])
  })

  it('may make a reply wait, and what was pipelined behind it waits too', async () => {
    const clock = createVirtualClock(start)
    const judged = Promise.withResolvers<void>()
    const counter = await openCounter({
      clock,
      conduct: openDoor({
        visitor: { replied: (command) => (command === 'VRFY' ? (judged.resolve(), { delayMs: 5_000, hangUp: null }) : calm) },
      }),
    })
    const client = await counter.connect()
    await client.write('NOOP\r\nVRFY ann\r\nQUIT\r\n')
    await judged.promise
    expect(await client.reply()).toMatch(/^250 /)
    const before = client.said.length
    await clock.advance(4_999)
    expect(client.said.length).toBe(before)
    await clock.advance(1)
    expect([await client.reply(), await client.reply()]).toEqual([expect.stringMatching(/^252 /), expect.stringMatching(/^221 /)])
  })

  it('may show the door behind a reply, and nothing pipelined behind it is run', async () => {
    const counter = await openCounter({
      conduct: openDoor({ visitor: { replied: (command) => ({ delayMs: 0, hangUp: command === 'RCPT' ? enough : null }) } }),
    })
    const client = await counter.connect()
    await client.write(`${envelope.join('\r\n')}\r\nNOOP\r\n`)
    const replies = [await client.reply(), await client.reply(), await client.reply(), await client.reply()]
    expect(replies).toEqual([
      expect.stringMatching(/^250 2\.1\.0/),
      expect.stringMatching(/^250 2\.1\.5/),
      '421 4.7.0 That is enough',
      'closed',
    ])
  })

  it('may refuse a message at MAIL, and is not asked when there is something wrong with the command', async () => {
    let asked = 0
    const counter = await openCounter({ conduct: openDoor({ visitor: { mayMail: () => (asked++, { ...enough, code: 450 }) } }) })
    const client = await counter.connect()
    for (const line of ['MAIL FROM:<a b>', 'MAIL FROM:<bo@remote.test> SIZE=1000000', 'MAIL FROM:<bo@remote.test> X=Y'])
      expect(await client.ask(line)).toMatch(/^5/)
    expect([asked, await client.ask(envelope[0] ?? '')]).toEqual([0, '450 4.7.0 That is enough'])
    expect(await client.ask(envelope[1] ?? '')).toMatch(/^503 /)
  })
})

describe('time', () => {
  const atTime = async (limits: object) => {
    const clock = createVirtualClock(start)
    return { clock, counter: await openCounter({ clock, conduct: openDoor({ limits }) }) }
  }

  it('is up for who says nothing, and not for who says something now and then', async () => {
    const { clock, counter } = await atTime({ idleMs: 10_000 })
    const [silent, lively] = [await counter.connect(), await counter.connect()]
    for (let round = 0; round < 3; round++) {
      await clock.advance(5_000)
      await lively.ask('NOOP')
    }
    expect([await silent.reply(), await silent.reply()]).toEqual(['421 4.4.2 Idle for too long', 'closed'])
    expect(await lively.ask('NOOP')).toMatch(/^250 /)
  })

  it('is up for every session in the end', async () => {
    const { clock, counter } = await atTime({ sessionMs: 20_000 })
    const client = await counter.connect()
    for (let round = 0; round < 4; round++) {
      await clock.advance(5_000)
      expect(await client.ask('NOOP')).toMatch(/^250 /)
    }
    await clock.advance(2_000)
    expect([await client.reply(), await client.reply()]).toEqual(['421 4.4.2 Session too long', 'closed'])
  })

  it('is up for who writes a message too slowly, and nothing is kept of it', async () => {
    const { clock, counter } = await atTime({ minBytesPerSecond: 100 })
    const [slow, fast] = [await counter.connect(), await counter.connect()]
    for (const client of [slow, fast]) for (const line of [...envelope, 'DATA']) await client.ask(line)
    await fast.write(`${'x'.repeat(98)}\r\n`.repeat(40))
    for (let round = 0; round < 9; round++) {
      await clock.advance(10_000)
      await slow.write('trickle\r\n')
    }
    expect([await slow.reply(), await slow.reply()]).toEqual(['421 4.4.2 Message comes too slowly', 'closed'])
    await fast.write('.\r\n')
    expect(await fast.reply()).toMatch(/^250 /)
    expect(counter.received).toHaveLength(1)
  })

  it('is up for one-octet chunks as well: a message has one beginning', async () => {
    const { clock, counter } = await atTime({ minBytesPerSecond: 100 })
    const client = await counter.connect()
    for (const line of envelope) await client.ask(line)
    for (let round = 0; round < 6; round++) {
      await client.write('BDAT 1\r\nx')
      expect(await client.reply()).toMatch(/^250 /)
      await clock.advance(10_000)
    }
    await clock.advance(2_000)
    expect([await client.reply(), await client.reply()]).toEqual(['421 4.4.2 Message comes too slowly', 'closed'])
  })

  it('is not up while it is our turn', async () => {
    const clock = createVirtualClock(start)
    const asked = Promise.withResolvers<void>()
    const answered = Promise.withResolvers<Reply>()
    const counter = await openCounter({
      clock,
      conduct: openDoor({ limits: { idleMs: 1_000, sessionMs: 1_000 } }),
      receive: () => (asked.resolve(), answered.promise),
    })
    const client = await counter.connect()
    const sent = client.send({ to: 'ann@ours.test', data: 'a: b\r\n' })
    await asked.promise
    await clock.advance(100_000)
    answered.resolve({ code: 250, status: '2.0.0', text: 'In the end' })
    expect(await sent).toBe('250 2.0.0 In the end')
  })

  it('is up for a TLS handshake that does not come', async () => {
    const { clock, counter } = await atTime({ idleMs: 300_000 })
    const client = await counter.connect()
    expect(await client.ask('STARTTLS')).toMatch(/^220 /)
    await clock.advance(59_000)
    const over = client.reply()
    await clock.advance(3_000)
    expect(await over).toBe('closed')
  })
})

describe('replies', () => {
  it('leave together when commands came together, in their order', async () => {
    const counter = await openCounter()
    const socket = connect(counter.port, '127.0.0.1')
    const chunks: string[] = []
    socket.on('data', (chunk) => chunks.push(chunk.toString()))
    await once(socket, 'data')
    socket.write(`EHLO a.test\r\n${Array.from({ length: 98 }, (_, at) => `VRFY a${at}\r\n`).join('')}QUIT\r\n`)
    await once(socket, 'close')
    const codes = chunks
      .join('')
      .split('\r\n')
      .filter((line) => /^\d{3} /.test(line))
      .map((line) => line.slice(0, 3))
    expect(codes).toEqual(['220', '250', ...Array.from({ length: 98 }, () => '252'), '221'])
    expect(chunks.length).toBeLessThan(10)
  })

  it('of a client that does not read them are not heaped up: nothing more is read of it either', async () => {
    const door = openDoor()
    const arrived: Connection[] = []
    let held = 0
    const server = new Server(
      { logger: false },
      {
        host: createHost(),
        arrive: (one) => (arrived.push(one), door.arrive({ ip: one.ip, sessionId: one.id })),
        left: () => {},
        after: () => ({ cancel: () => {} }),
        ended: () => {},
        noProxyHeader: () => {},
      },
    )
    const taken: (() => void)[] = []
    const stuck = new Duplex({ read() {}, write: (_chunk, _encoding, done) => void taken.push(done) })
    server.connect(stuck as Socket)
    for (let block = 0; block < 100; block++) stuck.push('NOOP\r\n'.repeat(5_000))
    let before = -1
    for (; before !== held; held = stuck.writableLength) {
      before = held
      for (let turn = 0; turn < 100; turn++) await nextTurn()
    }
    expect(stuck.readableLength).toBeGreaterThan(2_000_000)
    expect(stuck.writableLength).toBeLessThan(100_000)
    // It is the client's turn, and its time runs.
    expect(arrived[0]?.timeFacts).toMatchObject({ busy: false })
    stuck.destroy()
  })
})

describe('a session over a socket', () => {
  const mail = `MAIL FROM:<bo@remote.test>\r\nRCPT TO:<ann@ours.test>\r\n`
  const words = [
    `${mail}DATA\r\n`,
    `..\r\na\r\n.\r\n${mail}BDAT 3\r\nb\r\nBDAT 2 LAST\r\n\r\n`,
    'RSET\r\nSTARTTLS\r\n',
    `EHLO out.remote.test\r\n${mail}BDAT 3 LAST\r\nc\r\nNOOP\r\n`,
  ]
  const codes = '250 250 354 250 250 250 250 250 250 220 250 250 250 250 250'

  it.each(['in two', 'byte by byte'])('says and stores the same when each word of it comes %s, encrypted or not', async (how) => {
    const counter = await openCounter()
    const client = await counter.connect()
    const replies: string[] = []
    for (const [at, word] of words.entries()) {
      const cut = (word.length * (at + 2)) >> 3
      for (const piece of how === 'in two' ? [word.slice(0, cut), word.slice(cut)] : word) await client.write(piece)
      const expected = [3, 5, 2, 5][at] ?? 0
      for (let count = expected; count > 0; count--) replies.push(await client.reply())
      if (word.includes('STARTTLS')) await client.secure()
    }
    expect(replies.map((line) => line.slice(0, 3)).join(' ')).toBe(codes)
    expect(counter.received.map(({ bytes }) => bytes.toString())).toEqual(['.\r\na\r\n', 'b\r\n\r\n', 'c\r\n'])
    expect(counter.received.map(({ client: { cipher } }) => cipher !== null)).toEqual([false, false, true])
  })
})

describe('a sender that goes away', () => {
  it('in the middle of a message leaves the memory to others', async () => {
    let share = (): number => 1
    const door = openDoor()
    const gone = Promise.withResolvers<void>()
    const counter = await openCounter({
      conduct: { ...openDoor({ visitor: { left: () => gone.resolve() } }), watch: (_what, of) => void (share = of), close: door.close },
    })
    const client = await counter.connect()
    for (const line of [...envelope, 'DATA']) await client.ask(line)
    await client.write('a'.repeat(50_000))
    expect(share() * 64 * 1_024 * 1_024).toBeGreaterThan(49_000)
    client.close()
    await gone.promise
    expect(share()).toBe(0)
  })

  it('while its message is stored takes nothing back', async () => {
    const [asked, answered, left] = [Promise.withResolvers<void>(), Promise.withResolvers<Reply>(), Promise.withResolvers<void>()]
    let share = (): number => 0
    const counter = await openCounter({
      conduct: { ...openDoor({ visitor: { left: () => left.resolve() } }), watch: (_what, of) => void (share = of) },
      receive: () => (asked.resolve(), answered.promise),
    })
    const client = await counter.connect()
    const sent = client.send({ to: 'ann@ours.test', data: 'a: b\r\n' })
    await asked.promise
    client.reset()
    expect(await sent).toBe('closed')
    expect(share()).toBeGreaterThan(0)
    answered.resolve({ code: 250, status: '2.0.0', text: 'Stored' })
    await left.promise
    expect(share()).toBe(0)
  })
})
