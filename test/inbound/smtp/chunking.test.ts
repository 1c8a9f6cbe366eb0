import { describe, expect, it } from 'vitest'
import { createMemoryBudget } from '../../../server/inbound/smtp/memory-budget.ts'
import { createHost, openSession } from './desk.ts'

const envelope = 'EHLO a.test\r\nMAIL FROM:<>\r\nRCPT TO:<ann@ours.test>\r\n'

/** @returns the replies behind those to the envelope, and what was stored */
async function say(...words: string[]): Promise<{ replies: string[]; stored: string[]; isOpen: boolean }> {
  const host = createHost()
  const session = openSession(host)
  await session.feed(envelope, ...words)
  return {
    replies: session.said.slice(3).map(({ line }) => line.slice(0, 9)),
    stored: host.received.map(({ bytes }) => bytes.toString('latin1')),
    isOpen: session.isOpen,
  }
}
const ok = '250 2.0.0'
const wrongTime = '503 5.5.1'

/** RFC 3030 §2, and its examples in §4. */
const sessions: [what: string, said: string, replies: string[], stored: string[]][] = [
  ['one chunk', 'BDAT 3 LAST\r\na\r\n', [ok], ['a\r\n']],
  ['two chunks', 'BDAT 3\r\na\r\nBDAT 3 LAST\r\nb\r\n', [ok, ok], ['a\r\nb\r\n']],
  ['a last chunk of nothing', 'BDAT 3\r\na\r\nBDAT 0 LAST\r\n', [ok, ok], ['a\r\n']],
  ['nothing at all', 'BDAT 0 LAST\r\n', [ok], ['']],
  ['dots, which mean nothing here', 'BDAT 13 LAST\r\n..\r\n.\r\n.x\r\n\r\n', [ok], ['..\r\n.\r\n.x\r\n\r\n']],
  ['a CRLF between two chunks', 'BDAT 2\r\na\rBDAT 1 LAST\r\n\n', [ok, ok], ['a\r\n']],
  ['a last line without end', 'BDAT 1 LAST\r\na', [ok], ['a']],
  ['commands as octets', 'BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n', [ok, ok], ['QUIT\r\n']],
  ['small letters and spaces', 'bdat 3  last \r\na\r\n', [ok], ['a\r\n']],
  ['RSET between two', 'BDAT 3\r\na\r\nRSET\r\nBDAT 3 LAST\r\nb\r\n', [ok, ok, wrongTime], []],
  ['NOOP between two', 'BDAT 3\r\na\r\nNOOP\r\nBDAT 3 LAST\r\nb\r\n', [ok, ok, ok], ['a\r\nb\r\n']],
  ['another EHLO between two', 'BDAT 3\r\na\r\nEHLO b.test\r\nBDAT 3 LAST\r\nb\r\n', [ok, '250 START', wrongTime], []],
  ['DATA behind a chunk', 'BDAT 3\r\na\r\nDATA\r\nBDAT 0 LAST\r\n', [ok, wrongTime, ok], ['a\r\n']],
  [
    'MAIL and RCPT behind a chunk',
    'BDAT 3\r\na\r\nMAIL FROM:<>\r\nRCPT TO:<bea@ours.test>\r\nBDAT 0 LAST\r\n',
    [ok, wrongTime, wrongTime, ok],
    ['a\r\n'],
  ],
  ['a chunk behind the last one', 'BDAT 3 LAST\r\na\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n', [ok, wrongTime, ok], ['a\r\n']],
  [
    'two messages in one go (the pipelining probe)',
    `BDAT 3 LAST\r\na\r\n${envelope.slice(13)}BDAT 3 LAST\r\nb\r\n`,
    [ok, '250 2.1.0', '250 2.1.5', ok],
    ['a\r\n', 'b\r\n'],
  ],
  ['a bare LF: told at the end, and read to it', 'BDAT 2\r\na\nBDAT 3 LAST\r\nb\r\nNOOP\r\n', [ok, '550 5.6.1', ok], []],
  ['a bare CR as the last octet', 'BDAT 2 LAST\r\na\rNOOP\r\n', ['550 5.6.1', ok], []],
  ['a NUL', 'BDAT 4 LAST\r\na\0\r\n', ['550 5.6.1'], []],
  ['too much in one chunk', `BDAT 10001 LAST\r\n${'x'.repeat(10_001)}NOOP\r\n`, ['552 5.3.4', ok], []],
  [
    'too much in several: told when it is too much, and what was on its way is swallowed',
    `BDAT 6000\r\n${'x'.repeat(6_000)}BDAT 6000\r\n${'x'.repeat(6_000)}BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n`,
    [ok, '552 5.3.4', wrongTime, ok],
    [],
  ],
  [
    'exactly as much as there may be',
    `BDAT 6000\r\n${'x'.repeat(6_000)}BDAT 4000 LAST\r\n${'x'.repeat(4_000)}`,
    [ok, ok],
    ['x'.repeat(10_000)],
  ],
]

describe('BDAT', () => {
  it.each(sessions)('%s', async (_what, said, replies, stored) => {
    expect(await say(said)).toEqual({ replies, stored, isOpen: true })
    expect(await say(...Array.from(said.length < 1_000 ? said : [said]))).toEqual({ replies, stored, isOpen: true })
  })

  it.each([
    'BDAT',
    'BDAT LAST',
    'BDAT x',
    'BDAT -1',
    'BDAT +1',
    'BDAT 0x3',
    'BDAT 1.5',
    'BDAT 3 LAS',
    'BDAT 3 LAST x',
    `BDAT ${'9'.repeat(21)}`,
  ])('%j: where the next command begins is not known, so there is none', async (line) =>
    expect(await say(`${line}\r\nQUIT\r\nNOOP\r\n`)).toEqual({ replies: ['501 5.5.4'], stored: [], isOpen: false }),
  )

  it.each(['2147483648', '4294967296', '9007199254740993', '18446744073709551616', '9'.repeat(20)])(
    'does not wait for %s octets',
    async (size) => expect(await say(`BDAT ${size} LAST\r\nQUIT\r\n`)).toEqual({ replies: ['552 5.3.4'], stored: [], isOpen: false }),
  )

  it('needs a sender and a recipient, and its octets are no commands without them', async () => {
    const session = openSession(createHost())
    const chunk = 'BDAT 6 LAST\r\nQUIT\r\n'
    await session.feed(chunk, 'EHLO a.test\r\n', chunk, 'MAIL FROM:<>\r\n', chunk, 'RCPT TO:<nobody@ours.test>\r\n', chunk)
    expect(session.said.map(({ code }) => code)).toEqual([503, 250, 503, 250, 503, 550, 503])
    expect(session.isOpen).toBe(true)
  })

  it('tells at once that there is no room, and gives back what it had', async () => {
    const host = createHost({ maxMessageBytes: 1_000_000, budget: createMemoryBudget(100_000) })
    const session = openSession(host)
    const chunk = `BDAT 60000\r\n${'x'.repeat(60_000)}`
    await session.feed(envelope, chunk, chunk, chunk)
    expect(session.said.slice(3).map(({ line }) => line.slice(0, 9))).toEqual([ok, '452 4.3.1', wrongTime])
    expect(host.budget.share()).toBe(0)
  })
})

describe('when memory is short', () => {
  it('a message is put off at MAIL already, a large one sooner than a small one', async () => {
    const budget = createMemoryBudget(4_000_000)
    const session = openSession(createHost({ maxMessageBytes: 10_000_000, budget }))
    await session.ask('EHLO a.test')
    const ask = async (size: number): Promise<string> => {
      const reply = await session.ask(`MAIL FROM:<> SIZE=${size}`)
      await session.ask('RSET')
      return reply.slice(0, 9)
    }
    expect([await ask(2_000_000), await ask(3_500_000)]).toEqual(['250 2.1.0', '452 4.3.1'])
    budget.reserve(2_900_000, 0)
    expect([await ask(0), await ask(10_000), await ask(1_000_000)]).toEqual(['250 2.1.0', '250 2.1.0', '452 4.3.1'])
  })
})
