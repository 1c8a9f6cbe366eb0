import { PassThrough, Readable } from 'node:stream'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { collectMessage, createMemoryBudget } from '../../server/inbound/data.ts'
import { createParser } from '../../server/inbound/parser.ts'
import { silentLog } from '../../server/platform/log.ts'
import { createRemoteSender, letter } from '../support/remote-sender.ts'
import { connectSmtp } from '../support/smtp-client.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import { openPostOffice } from './post-office.ts'

const parser = createParser({ log: silentLog })
afterAll(() => parser.close())

describe('taking in a message', () => {
  const take = (chunks: string[], maxBytes = 100, budget = createMemoryBudget(1_000)) =>
    collectMessage(Readable.from(chunks.map((chunk) => Buffer.from(chunk, 'latin1'))), { maxBytes, budget })

  it.each<[string, string[]]>([
    ['bare LF', ['a\n']],
    ['bare LF as the first byte', ['\n']],
    ['bare CR', ['a\rb\r\n']],
    ['CR CR LF', ['\r\r\n']],
    ['CR at the end of one chunk and no LF in the next', ['a\r', 'b\r\n']],
    ['LF at the start of a chunk', ['a', '\nb\r\n']],
    ['NUL', ['a\0b\r\n']],
  ])('refuses %s, having read to the end', async (_what, chunks) => {
    const arrived = await take([...chunks, 'more\r\n'])
    expect(arrived).toMatchObject({ kind: 'refused', reply: { code: 550, status: '5.6.11' } })
  })

  it('accepts CR and LF in two chunks, and exactly as much as is allowed', async () => {
    expect(await take(['a\r', '\nb\r\n'])).toMatchObject({ kind: 'message', bytes: Buffer.from('a\r\nb\r\n') })
    expect(await take(['a'.repeat(98), '\r\n'])).toMatchObject({ kind: 'message' })
    expect(await take(['a'.repeat(99), '\r\n'])).toMatchObject({ kind: 'refused', reply: { code: 552, status: '5.3.4' } })
  })

  it('asks to come again when messages under way fill the memory set aside, and gives the room back', async () => {
    const budget = createMemoryBudget(150)
    const first = await take(['a'.repeat(98), '\r\n'], 100, budget)
    expect(await take(['b'.repeat(98), '\r\n'], 100, budget)).toMatchObject({ kind: 'refused', reply: { code: 452, status: '4.3.1' } })
    first.release()
    first.release()
    const second = await take(['c'.repeat(98), '\r\n'], 100, budget)
    expect(second).toMatchObject({ kind: 'message' })
    expect(await take(['d'.repeat(98), '\r\n'], 100, budget)).toMatchObject({ kind: 'refused' })
  })

  it('gives the room back when the connection is lost', async () => {
    const budget = createMemoryBudget(100)
    const stream = new PassThrough()
    stream.write('a'.repeat(100))
    const arrived = collectMessage(stream, { maxBytes: 100, budget })
    stream.destroy(new Error('gone'))
    expect(await arrived).toMatchObject({ kind: 'lost' })
    expect(budget.reserve(100)).toBe(true)
  })
})

describeOnEachEngine('the listener', (openStore) => {
  it('answers a normal message while hostile ones are read', { timeout: 60_000 }, async () => {
    const impatient = createParser({ log: silentLog, limits: { quickMs: 1_000, slowMs: 1_000 } })
    onTestFinished(() => impatient.close())
    const office = await openPostOffice(await openStore(), { parser: impatient })
    const hostile = [
      letter({}, 'a\r\n'.repeat(200_000)),
      letter(
        { 'Content-Type': 'multipart/mixed; boundary=b0' },
        Array.from({ length: 20_000 }, (_, at) => `--b${at}\r\nContent-Type: multipart/mixed; boundary=b${at + 1}\r\n\r\n`).join(''),
      ),
      letter({ 'Content-Type': 'text/html' }, `${'<table><tr><td>'.repeat(100_000)}\r\n`),
    ]
    const normal = await office.connect()
    const attacks = hostile.map((data) => office.send({ data }))
    expect(await normal.send({ to: 'ann@ours.test', data: letter({ Subject: 'Normal' }) })).toMatch(/^250 /)
    for (const reply of await Promise.all(attacks)) expect(reply).toMatch(/^250 /)
    const emails = await office.emails()
    expect(emails.map((email) => email.subject).toSorted()).toEqual(['Lunch', 'Lunch', 'Lunch', 'Normal'])
    for (const email of emails) expect((await office.raw(email)).length).toBe(email.raw_size)
  })

  it('asks a sender to come again when nobody has time to read its message, and keeps nothing of it', async () => {
    const office = await openPostOffice(await openStore(), {
      parser: { parse: () => Promise.resolve(null), close: () => Promise.resolve() },
    })
    expect(await office.send({ data: letter() })).toBe('451 4.3.1 Too many messages at this moment, try again later')
    expect(await office.emails()).toEqual([])
  })

  it('hangs up on a sender that goes through the names there might be', async () => {
    const office = await openPostOffice(await openStore(), { parser })
    const client = await office.connect()
    await client.ask('MAIL FROM:<bo@remote.test>')
    for (let n = 0; n < 100; n++) expect(await client.ask(`RCPT TO:<name${n}@ours.test>`)).toMatch(/^550 5\.1\.1 /)
    expect(await client.ask('RCPT TO:<name100@ours.test>')).toBe('421 4.7.0 Too many recipients were refused')
    expect(await client.reply()).toBe('closed')
  })

  it('hangs up on a sender that takes forever over one message, and keeps nothing of it', async () => {
    const clock = createVirtualClock(Date.UTC(2026, 10, 23))
    const office = await openPostOffice(await openStore(), { parser, clock })
    const client = await office.connect()
    for (const line of ['MAIL FROM:<bo@remote.test>', 'RCPT TO:<ann@ours.test>', 'DATA']) await client.ask(line)
    await client.write('From: bo@remote.test\r\n')
    await clock.advance(900_000)
    expect(await client.reply()).toBe('421 4.4.2 Message takes too long')
    expect(await office.emails()).toEqual([])
  })

  it('does not wait for the DNS longer than its limit', async () => {
    const clock = createVirtualClock(Date.UTC(2026, 10, 23))
    const asked = Promise.withResolvers<void>()
    const office = await openPostOffice(await openStore(), {
      parser,
      clock,
      zone: new Proxy(createRemoteSender().zone, {
        ownKeys() {
          asked.resolve()
          throw new Error('the zone is read no more')
        },
      }),
    })
    const reply = office.send({ data: letter() })
    await asked.promise
    await clock.advance(20_000)
    expect(await reply).toMatch(/^451 4\.7\.0 /)
  })

  it('says at once that an address has too many connections', async () => {
    const office = await openPostOffice(await openStore(), { parser })
    const clients = await Promise.all(Array.from({ length: 51 }, () => connectSmtp(office.port, { hello: false })))
    const greetings = clients.map((client) => client.said[0])
    for (const client of clients) client.close()
    expect(greetings.filter((line) => line === '220 mx.ours.test ESMTP')).toHaveLength(50)
    expect(greetings).toContain('421 4.7.0 Too many connections from your address')
  })
})
