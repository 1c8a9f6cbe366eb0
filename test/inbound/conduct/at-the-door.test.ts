import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, expect, it, onTestFinished } from 'vitest'
import { createWorkers } from '../../../server/inbound/examine/workers.ts'
import { silentLog } from '../../../server/platform/log.ts'
import { letter } from '../../support/remote-sender.ts'
import { type SmtpClient, connectSmtp } from '../../support/smtp-client.ts'
import { describeOnEachEngine } from '../../support/stores.ts'
import { type PostOffice, openPostOffice } from '../post-office.ts'
import { createHall } from './hall.ts'

const workers = createWorkers({ log: silentLog })
afterAll(() => workers.close())

describeOnEachEngine('strangers at the door', (openStore) => {
  const open = async (maxConnections: number) => {
    const hall = createHall({ maxConnections, unlimited: ['127.0.0.0/8'] })
    onTestFinished(() => hall.conduct.close())
    const office = await openPostOffice(await openStore(), { workers, clock: hall.clock, conduct: hall.conduct })
    return { hall, office }
  }
  const crowd = async (office: PostOffice, count: number): Promise<SmtpClient[]> => {
    const clients = await Promise.all(Array.from({ length: count }, () => connectSmtp(office.port)))
    onTestFinished(() => {
      for (const client of clients) client.close()
    })
    return clients
  }

  it('keep nobody out by filling every place and saying nothing: mail keeps flowing', async () => {
    const { hall, office } = await open(20)
    const idle = await crowd(office, 20)
    await hall.clock.advance(5_000)
    for (let n = 0; n < 3; n++) expect(await office.send({ data: letter() })).toMatch(/^250 /)
    expect(await idle[0]?.reply()).toBe('421 4.3.2 Too many connections at this moment, try again later')
    expect(await idle[0]?.reply()).toBe('closed')
    expect(await hall.count('inbound_messages_total{outcome="accepted"}')).toBe(3)
  })

  it('are hung up on after ten seconds of silence when there are many', async () => {
    const { hall, office } = await open(20)
    const idle = await crowd(office, 17)
    await hall.clock.advance(12_000)
    for (const client of idle) expect(await client.reply()).toMatch(/^421 4\.4\.2 /)
    await nextTurn()
    expect(await office.send({ data: letter() })).toMatch(/^250 /)
    expect(await hall.count('inbound_overload')).toBe(0)
  })

  it('who speak another protocol are hung up on, and are counted', async () => {
    const { hall, office } = await open(20)
    const client = await connectSmtp(office.port, { hello: false })
    expect(await client.ask('GET / HTTP/1.1')).toMatch(/^421 4\.7\.0 /)
    expect(await client.reply()).toBe('closed')
    expect(await hall.count('inbound_offences_total{offence="not-smtp"}')).toBe(1)
  })

  it.each([0, 1])('who send a message in chunks of %i octets without end are hung up on', async (size) => {
    const { hall, office } = await open(20)
    const client = await office.connect()
    await client.ask('MAIL FROM:<eve@remote.test>')
    await client.ask('RCPT TO:<ann@ours.test>')
    for (let n = 0; n < 100; n++) {
      await client.write(`BDAT ${size}\r\n${'x'.repeat(size)}`)
      expect(await client.reply()).toMatch(/^250 /)
    }
    expect(await client.reply()).toMatch(/^421 4\.7\.0 /)
    expect(await hall.count('inbound_offences_total{offence="junk"}')).toBe(1)
  })

  it('who guess names wait for the answers, and others do not', async () => {
    const { hall, office } = await open(100)
    const client = await office.connect()
    await client.ask('MAIL FROM:<eve@remote.test>')
    for (let n = 0; n < 5; n++) expect(await client.ask(`RCPT TO:<name${n}@ours.test>`)).toMatch(/^550 5\.1\.1 /)
    const sixth = client.ask('RCPT TO:<name6@ours.test>')
    expect(await office.send({ data: letter() })).toMatch(/^250 /)
    expect(await hall.count('inbound_delays')).toBe(1)
    await hall.clock.advance(5_000)
    expect(await sixth).toMatch(/^550 5\.1\.1 /)
    expect(await hall.count('inbound_delays')).toBe(0)
  })
})
