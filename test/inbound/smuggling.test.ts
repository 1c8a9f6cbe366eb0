import { afterAll, expect, it } from 'vitest'
import { createWorkers } from '../../server/inbound/examine/workers.ts'
import { silentLog } from '../../server/platform/log.ts'
import { letter } from '../support/remote-sender.ts'
import { dotStuffed } from '../support/smtp-client.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { asReceived, openPostOffice } from './post-office.ts'

const workers = createWorkers({ log: silentLog })
afterAll(() => workers.close())

const envelope = 'MAIL FROM:<bo@remote.test>\r\nRCPT TO:<ann@ours.test>\r\nDATA\r\n'

/** What some server somewhere takes for the end of a message (hannob/smtpsmug), and we do not. */
const falseEnds = ['\n.\n', '\r.\r', '\r.\n', '\n.\r', '\n.\r\n', '\r\n.\n', '\r.\r\n', '\r\n.\r', '\r\n\0.\r\n', '\r\n.\0\r\n']

describeOnEachEngine('smuggling', (openStore) => {
  it('takes none of the false ends for the end, and stores nothing of a message that has one', async () => {
    const office = await openPostOffice(await openStore(), { workers })
    const client = await office.connect()
    for (const end of falseEnds) {
      await client.write(envelope)
      const answers = [await client.reply(), await client.reply(), await client.reply()]
      const smuggled = `${envelope}${letter({ Subject: 'smuggled' })}\r\n.\r\n`
      await client.write(`${letter()}x${end}${smuggled}`)
      expect([end, ...answers, await client.reply()]).toEqual([
        end,
        '250 2.1.0 Sender accepted',
        '250 2.1.5 Recipient accepted',
        '354 Go ahead, end with <CRLF>.<CRLF>',
        '550 5.6.11 Lines must end in CRLF; bare CR, bare LF and NUL are not accepted',
      ])
    }
    expect(await office.emails()).toEqual([])
    expect(await client.ask('NOOP')).toMatch(/^250 /)
  })

  it('refuses a message that does not wait for 354: the second one of a packet that holds two (the pipelining probe)', async () => {
    const office = await openPostOffice(await openStore(), { workers })
    const client = await office.connect()
    await client.write(envelope)
    for (let count = 0; count < 3; count++) await client.reply()
    await client.write(`${letter()}.\r\n${envelope}${letter({ Subject: 'second' })}.\r\n`)
    const replies = []
    for (let count = 0; count < 5; count++) replies.push((await client.reply()).slice(0, 9))
    expect(replies).toEqual(['250 2.0.0', '250 2.1.0', '250 2.1.5', '554 5.5.0', 'closed'])
    expect((await office.emails()).map((email) => email.subject)).toEqual(['Lunch'])
  })

  it('reads commands behind the end of a message as commands, once it has answered the message', async () => {
    const office = await openPostOffice(await openStore(), { workers })
    const client = await office.connect()
    await client.write(envelope)
    for (let count = 0; count < 3; count++) await client.reply()
    await client.write(`${letter()}.\r\n${envelope}`)
    const replies = []
    for (let count = 0; count < 4; count++) replies.push((await client.reply()).slice(0, 3))
    await client.write(`${letter({ Subject: 'second' })}.\r\nQUIT\r\n`)
    for (let count = 0; count < 2; count++) replies.push((await client.reply()).slice(0, 3))
    expect(replies).toEqual(['250', '250', '250', '354', '250', '221'])
    expect((await office.emails()).map((email) => email.subject)).toEqual(['Lunch', 'second'])
  })

  it('takes none of the false ends in BDAT for anything but octets, and stores nothing of a message that has one', async () => {
    const office = await openPostOffice(await openStore(), { workers })
    const client = await office.connect()
    for (const end of falseEnds) {
      const data = `${letter()}x${end}MAIL FROM:<evil@remote.test>\r\n`
      await client.write(`MAIL FROM:<bo@remote.test>\r\nRCPT TO:<ann@ours.test>\r\nBDAT ${data.length} LAST\r\n${data}`)
      expect([end, await client.reply(), await client.reply(), await client.reply()]).toEqual([
        end,
        '250 2.1.0 Sender accepted',
        '250 2.1.5 Recipient accepted',
        '550 5.6.11 Lines must end in CRLF; bare CR, bare LF and NUL are not accepted',
      ])
    }
    expect(await office.emails()).toEqual([])
    expect(await client.ask('NOOP')).toMatch(/^250 /)
  })
})

const tricky = letter({}, '.\r\n..\r\n...\r\n.a\r\n \r\n\r\n.\r\n\r\n')

describeOnEachEngine('what is stored', (openStore) => {
  it('does not depend on where TCP cuts: here and there, and byte by byte (every place: smtp/mail-data.test.ts)', async () => {
    const office = await openPostOffice(await openStore(), { workers })
    const wire = Buffer.concat([dotStuffed(tricky), Buffer.from('.\r\n')])
    const end = wire.length
    const chunks = (...edges: number[]): Buffer[] => [0, ...edges].map((from, at) => wire.subarray(from, edges[at] ?? end))
    for (const pieces of [
      chunks(end - 1),
      chunks(end - 2),
      chunks(end - 3),
      chunks(end - 4, end - 2),
      Array.from(wire, (byte) => Buffer.of(byte)),
    ]) {
      const client = await office.connect()
      for (const line of ['MAIL FROM:<bo@remote.test>', 'RCPT TO:<ann@ours.test>', 'DATA']) await client.ask(line)
      for (const piece of pieces) await client.write(piece)
      expect(await client.reply()).toMatch(/^250 /)
    }
    const emails = await office.emails()
    expect(emails).toHaveLength(5)
    for (const email of emails) expect(asReceived(await office.raw(email)).toString()).toBe(tricky)
  })

  it('is the same whether it came with DATA or in chunks', async () => {
    const office = await openPostOffice(await openStore(), { workers })
    const client = await office.connect()
    const bytes = Buffer.from(tricky)
    for (const line of ['MAIL FROM:<bo@remote.test> BODY=8BITMIME', 'RCPT TO:<ann@ours.test>']) await client.ask(line)
    for (const [from, to, last] of [
      [0, 10, ''],
      [10, 10, ''],
      [10, bytes.length, ' LAST'],
    ] as const) {
      await client.write(Buffer.concat([Buffer.from(`BDAT ${to - from}${last}\r\n`), bytes.subarray(from, to)]))
      expect(await client.reply()).toMatch(/^250 2\.0\.0 /)
    }
    const [email] = await office.emails()
    expect(email === undefined ? '' : asReceived(await office.raw(email)).toString()).toBe(tricky)
  })
})
