import { afterAll, expect, it } from 'vitest'
import fc from 'fast-check'
import { createParser } from '../../server/inbound/parser.ts'
import { silentLog } from '../../server/platform/log.ts'
import { letter } from '../support/remote-sender.ts'
import { dotStuffed } from '../support/smtp-client.ts'
import { type OpenTestStore, describeOnEachEngine } from '../support/stores.ts'
import { asReceived, openPostOffice } from './post-office.ts'

const parser = createParser({ log: silentLog })
afterAll(() => parser.close())

const envelope = 'MAIL FROM:<bo@remote.test>\r\nRCPT TO:<ann@ours.test>\r\nDATA\r\n'

/** What some server somewhere takes for the end of a message (hannob/smtpsmug), and we do not. */
const falseEnds = ['\n.\n', '\r.\r', '\r.\n', '\n.\r', '\n.\r\n', '\r\n.\n', '\r.\r\n', '\r\n.\r', '\r\n\0.\r\n', '\r\n.\0\r\n']

describeOnEachEngine('smuggling', (openStore) => {
  it('takes none of the false ends for the end, and stores nothing of a message that has one', async () => {
    const office = await openPostOffice(await openStore(), { parser })
    const client = await office.connect()
    for (const end of falseEnds) {
      await client.write(envelope)
      const answers = [await client.reply(), await client.reply(), await client.reply()]
      const smuggled = `${envelope}${letter({ Subject: 'smuggled' })}\r\n.\r\n`
      await client.write(`${letter()}x${end}${smuggled}`)
      expect([end, ...answers, await client.reply()]).toEqual([
        end,
        '250 2.1.0 Accepted',
        '250 2.1.5 Accepted',
        '354 End data with <CR><LF>.<CR><LF>',
        '550 5.6.11 Lines must end in CRLF; bare CR, bare LF and NUL are not accepted',
      ])
    }
    expect(await office.emails()).toEqual([])
    expect(await client.ask('NOOP')).toMatch(/^250 /)
  })

  it('reads commands that were sent along with the message as commands, once it has answered the message', async () => {
    const office = await openPostOffice(await openStore(), { parser })
    const client = await office.connect()
    await client.write(`${envelope}${letter()}.\r\n${envelope}${letter({ Subject: 'second' })}.\r\nQUIT\r\n`)
    const replies = []
    for (let count = 0; count < 9; count++) replies.push((await client.reply()).slice(0, 3))
    expect(replies).toEqual(['250', '250', '354', '250', '250', '250', '354', '250', '221'])
    expect((await office.emails()).map((email) => email.subject)).toEqual(['Lunch', 'second'])
  })
})

const tricky = letter({}, '.\r\n..\r\n...\r\n.a\r\n \r\n\r\n.\r\n\r\n')
const session = Buffer.concat([Buffer.from(envelope), dotStuffed(tricky), Buffer.from('.\r\n')])

describeOnEachEngine('what is stored', (openStore, { engine }) => {
  // Hundreds of messages each: what they are about is in front of the store.
  if (engine === 'sqlite') hundredsOfMessages(openStore)

  it('does not depend on it byte by byte either', async () => {
    const office = await openPostOffice(await openStore(), { parser })
    const client = await office.connect()
    for (const byte of session) await client.write(Buffer.of(byte))
    for (const expected of [/^250/, /^250/, /^354/, /^250/]) expect(await client.reply()).toMatch(expected)
    const [email] = await office.emails()
    expect(email === undefined ? '' : asReceived(await office.raw(email)).toString()).toBe(tricky)
  })
})

function hundredsOfMessages(openStore: OpenTestStore): void {
  it('does not depend on where TCP cuts the session in two', { timeout: 60_000 }, async () => {
    const office = await openPostOffice(await openStore(), { parser })
    const client = await office.connect()
    for (let cut = 1; cut < session.length; cut++) {
      await client.write(session.subarray(0, cut))
      await client.write(session.subarray(cut))
      const replies = [await client.reply(), await client.reply(), await client.reply(), await client.reply()]
      expect([cut, replies.at(-1)]).toEqual([cut, expect.stringMatching(/^250 /)])
    }
    const emails = await office.emails()
    expect(emails).toHaveLength(session.length - 1)
    for (const email of emails) expect(asReceived(await office.raw(email)).toString()).toBe(tricky)
  })

  it('is any message with CRLF line ends, and no message with a bare CR, a bare LF or a NUL', { timeout: 60_000 }, async () => {
    const office = await openPostOffice(await openStore(), { parser })
    const client = await office.connect()
    const piece = fc.constantFrom('\r\n', '\r\n', '.', '..', 'a', ' ', '\t', 'é', 'From: x', ':', '\r', '\n', '\0', '--', 'Received: ')
    const text = fc.array(piece, { maxLength: 40 }).map((pieces) => `${pieces.join('')}\r\n`)
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.nat(400), { maxLength: 3 }), async (data, cuts) => {
        const isClean = !/\0|\r(?!\n)|(?<!\r)\n/.test(data)
        const before = (await office.emails()).length
        for (const line of ['MAIL FROM:<>', 'RCPT TO:<ann@ours.test>', 'DATA']) await client.ask(line)
        const wire = Buffer.concat([dotStuffed(data), Buffer.from('.\r\n')])
        let from = 0
        for (const cut of [...cuts, wire.length].map((at) => Math.min(at, wire.length)).toSorted((a, b) => a - b)) {
          await client.write(wire.subarray(from, cut))
          from = cut
        }
        const reply = await client.reply()
        const after = await office.emails()
        if (!isClean || /^[ \t]/.test(data)) {
          expect(reply).toMatch(isClean ? /^554 5\.6\.0 / : /^550 5\.6\.11 /)
          expect(after).toHaveLength(before)
          return
        }
        expect(reply).toMatch(/^250 /)
        expect(asReceived(await office.raw(after.at(-1)!)).toString()).toBe(data)
      }),
      { numRuns: 150 },
    )
  })
}
