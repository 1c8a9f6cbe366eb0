import { once } from 'node:events'
import { type Socket, connect } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { createConduct } from '../../../server/inbound/conduct/doorkeeper.ts'
import { silentLog } from '../../../server/platform/log.ts'
import { createMetrics } from '../../../server/platform/metrics.ts'
import { openDoor } from '../../support/open-door.ts'
import { connectSmtp } from '../../support/smtp-client.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'
import { openCounter } from './counter.ts'

const mail = { to: 'ann@ours.test', data: 'a: b\r\n\r\nA letter.\r\n' }
const toData = 'EHLO a.test\r\nMAIL FROM:<bo@remote.test>\r\nRCPT TO:<ann@ours.test>\r\nDATA\r\n'

/** Connections that were greeted. Closed when the test ends. */
async function crowd(port: number, size: number): Promise<Socket[]> {
  const sockets = Array.from({ length: size }, () => connect({ port, host: '127.0.0.1', noDelay: true }))
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()))
  await Promise.all(sockets.map((socket) => once(socket, 'data')))
  return sockets
}

/** Resolves when so many replies, with this code, have come. */
async function replied(socket: Socket, code: string): Promise<void> {
  for (let text = ''; !text.includes(`\r\n${code} `);) text += String((await once(socket, 'data'))[0])
}

it('mail keeps flowing while a thousand say nothing and a hundred write slowly', { timeout: 60_000 }, async () => {
  let share = (): number => 0
  const counter = await openCounter({ maxConnections: 2_000, conduct: { ...openDoor(), watch: (_what, of) => void (share = of) } })
  await crowd(counter.port, 1_000)
  expect(share()).toBe(0)
  const slow = await crowd(counter.port, 100)
  await Promise.all(slow.map((socket) => (socket.write(toData), replied(socket, '354'))))
  const client = await counter.connect()
  for (let count = 1; count <= 20; count++) {
    for (const socket of slow) socket.write('x')
    expect(await client.send(mail)).toMatch(/^250 /)
    expect(await (await counter.connect()).send(mail)).toMatch(/^250 /)
  }
  expect(counter.received).toHaveLength(40)
  // Four KiB for each that has written something, and nothing for who only could.
  expect(share() * 64 * 1_024 * 1_024).toBeLessThanOrEqual(100 * 4_096)
})

it('at a full house of silent connections whoever has something to say gets in', { timeout: 30_000 }, async () => {
  const clock = createVirtualClock(Date.UTC(2026, 10, 23))
  const conduct = createConduct({
    config: { mode: 'server', smtp: { limits: 'off', unlimited: ['127.0.0.1'], maxConnections: 50 } },
    sharedIn: null,
    clock,
    log: silentLog,
    metrics: createMetrics(),
  })
  const counter = await openCounter({ clock, conduct, maxConnections: 50 })
  const silent = await crowd(counter.port, 50)
  let told = 0
  for (const socket of silent) socket.on('data', (text) => void (told += Number(String(text).startsWith('421 4.'))))
  expect((await connectSmtp(counter.port, { hello: false })).said).toEqual([
    '421 4.3.2 Too many connections at this moment, try again later',
  ])
  await clock.advance(5_000)
  for (let count = 1; count <= 10; count++) {
    const client = await counter.connect()
    expect(await client.send(mail)).toMatch(/^250 /)
  }
  // Five more seconds, and in overload everybody else who said nothing has to go as well.
  await clock.advance(6_000)
  expect(counter.received).toHaveLength(10)
  expect(told).toBe(50)
})
