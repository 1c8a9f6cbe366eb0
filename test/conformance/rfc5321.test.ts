import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../server/model/address.ts'
import type { MailboxId } from '../../server/model/ids.ts'
import { createHost, cuts, openSession } from '../inbound/smtp/desk.ts'

/** What the client says, and how the reply to it begins. A text that ends in `.` on its own line is a message. */
type Exchange = readonly [said: string, reply: string]

/** The one of the examples: foo.com is ours, with Jones and Brown; Green is unknown. */
const fooCom = () =>
  createHost({
    name: 'foo.com',
    maxRecipients: 100,
    judgeRecipient(path) {
      const address = parseAddress(path)
      const known = address !== null && ['Jones@foo.com', 'Brown@foo.com', 'Jones@xyz.com'].includes(address)
      return Promise.resolve(
        known
          ? { ok: true, recipient: { forwardPath: address, mailboxId: 'mb_1' as MailboxId, via: 'mailbox' } }
          : { ok: false, reply: { code: 550, status: '5.1.1', text: 'No such mailbox here' } },
      )
    },
  })

const text = 'Blah blah blah...\r\n...etc. etc. etc.\r\n'
const asSent = `${text.replace('\r\n...', '\r\n....')}.`

/** RFC 5321 appendix D, command by command. Where we say something else than the example, the row says why. */
const scenarios: [what: string, stored: number, exchanges: readonly Exchange[]][] = [
  [
    'D.1, a typical transaction',
    1,
    [
      ['EHLO bar.com', '250'],
      ['MAIL FROM:<Smith@bar.com>', '250'],
      ['RCPT TO:<Jones@foo.com>', '250'],
      ['RCPT TO:<Green@foo.com>', '550'],
      ['RCPT TO:<Brown@foo.com>', '250'],
      ['DATA', '354'],
      [asSent, '250'],
      ['QUIT', '221'],
    ],
  ],
  [
    'D.2, an aborted transaction',
    0,
    [
      ['EHLO bar.com', '250'],
      ['MAIL FROM:<Smith@bar.com>', '250'],
      ['RCPT TO:<Jones@foo.com>', '250'],
      ['RCPT TO:<Green@foo.com>', '550'],
      ['RSET', '250'],
      ['QUIT', '221'],
    ],
  ],
  [
    'D.3, relayed mail: what foo.com gets of it (its second step)',
    1,
    [
      ['EHLO foo.com', '250'],
      ['MAIL FROM:<@foo.com:JQP@bar.com>', '250'],
      ['RCPT TO:<Jones@xyz.com>', '250'],
      ['DATA', '354'],
      [`Received: from bar.com by foo.com\r\n${asSent}`, '250'],
      ['QUIT', '221'],
    ],
  ],
  [
    'D.4, verifying: the example tells that Crispin exists, and we tell nobody (§7.3)',
    1,
    [
      ['EHLO bar.com', '250'],
      ['VRFY Crispin', '252 2.5.0'],
      ['MAIL FROM:<EAK@bar.com>', '250'],
      ['RCPT TO:<Jones@foo.com>', '250'],
      ['DATA', '354'],
      [asSent, '250'],
      ['QUIT', '221'],
    ],
  ],
]

describe('the scenarios of RFC 5321, appendix D', () => {
  it.each(scenarios)('%s', async (_what, count, exchanges) => {
    const host = fooCom()
    const session = openSession(host)
    for (const [said, reply] of exchanges) expect([said, await session.ask(said)]).toEqual([said, expect.stringMatching(`^${reply}`)])
    expect(session.isOpen).toBe(false)
    expect(host.received).toHaveLength(count)
    for (const { bytes } of host.received) expect(bytes.toString().endsWith(text)).toBe(true)
  })
})

/** RFC 5321 §4.1.1 and §4.2, §4.3: one command in a session that has come so far. */
const greeted = ['EHLO bar.com']
const begun = [...greeted, 'MAIL FROM:<Smith@bar.com>']
const addressed = [...begun, 'RCPT TO:<Jones@foo.com>']
const cases: [after: readonly string[], said: string, reply: string][] = [
  // §4.1.1.1
  [[], 'EHLO bar.com', '250 LIMITS|250 STARTTLS'],
  [[], 'HELO bar.com', '250 foo.com'],
  [[], 'ehlo bar.com', '250 '],
  [[], 'EhLo [192.0.2.1]', '250 '],
  [[], 'EHLO [IPv6:2001:db8::1]', '250 '],
  [[], 'EHLO', '501 Say EHLO'],
  [[], 'HELO', '501 Say HELO'],
  [[], 'EHLO two words', '501 '],
  [[], `EHLO ${'a'.repeat(256)}`, '501 '],
  [addressed, 'EHLO again.bar.com', '250 '],
  // §4.1.1.2, §4.1.2
  [[], 'MAIL FROM:<Smith@bar.com>', '503 5.5.1'],
  [greeted, 'MAIL FROM:<Smith@bar.com>', '250 2.1.0'],
  [greeted, 'mail from:<Smith@bar.com>', '250 2.1.0'],
  [greeted, 'MAIL FROM:<>', '250 2.1.0'],
  [greeted, 'MAIL FROM:<> ', '250 2.1.0'],
  [greeted, 'MAIL FROM: <Smith@bar.com>', '250 2.1.0'],
  [greeted, 'MAIL FROM:<@a.test,@b.test:Smith@bar.com>', '250 2.1.0'],
  [greeted, 'MAIL FROM:<"J. \\"P\\" Smith>"@bar.com>', '250 2.1.0'],
  [greeted, 'MAIL FROM:Smith@bar.com', '501 5.1.7'],
  [greeted, 'MAIL FROM:<Smith@bar.com', '501 5.1.7'],
  [greeted, 'MAIL FROM:<<Smith@bar.com>>', '501 5.1.7'],
  [greeted, 'MAIL TO:<Smith@bar.com>', '501 5.1.7'],
  [greeted, 'MAIL', '501 5.1.7'],
  [greeted, 'MAIL FROM:<Smith@bar.com>SIZE=1', '501 5.1.7'],
  [greeted, 'MAIL FROM:<Smith>', '553 5.1.7'],
  [greeted, 'MAIL FROM:<Smith @bar.com>', '553 5.1.7'],
  [greeted, 'MAIL FROM:<@bar.com>', '553 5.1.7'],
  [greeted, `MAIL FROM:<${'a'.repeat(65)}@bar.com>`, '553 5.1.7'],
  [greeted, `MAIL FROM:<${'a'.repeat(1_100)}@bar.com>`, '501 5.1.7'],
  [begun, 'MAIL FROM:<Smith@bar.com>', '503 5.5.1'],
  [greeted, 'MAIL FROM:<Smith@bar.com> SIZE=10000', '250 2.1.0'],
  [greeted, 'MAIL FROM:<Smith@bar.com> SIZE=10001', '552 5.3.4'],
  [greeted, 'MAIL FROM:<Smith@bar.com> SIZE=99999999999999999999', '552 5.3.4'],
  [greeted, 'MAIL FROM:<Smith@bar.com> SIZE=999999999999999999999', '501 5.5.4'],
  [greeted, 'MAIL FROM:<Smith@bar.com> SIZE=-1', '501 5.5.4'],
  [greeted, 'MAIL FROM:<Smith@bar.com> SIZE', '501 5.5.4'],
  [greeted, 'MAIL FROM:<Smith@bar.com> SIZE=', '501 5.5.4'],
  [greeted, 'MAIL FROM:<Smith@bar.com> size=1 body=8bitmime', '250 2.1.0'],
  [greeted, 'MAIL FROM:<Smith@bar.com> SIZE=1 SIZE=1', '501 5.5.4'],
  [greeted, 'MAIL FROM:<Smith@bar.com> BODY=7BIT', '250 2.1.0'],
  [greeted, 'MAIL FROM:<Smith@bar.com> BODY=BINARYMIME', '501 5.5.4'],
  [greeted, 'MAIL FROM:<Smith@bar.com> BODY', '501 5.5.4'],
  [greeted, 'MAIL FROM:<Smith@bar.com> SMTPUTF8', '250 2.1.0'],
  [greeted, 'MAIL FROM:<Smith@bar.com> SMTPUTF8=yes', '501 5.5.4'],
  [greeted, 'MAIL FROM:<Sm\u00efth@bar.com>', '553 5.6.7'],
  [greeted, 'MAIL FROM:<Sm\u00efth@bar.com> SMTPUTF8', '250 2.1.0'],
  [greeted, 'MAIL FROM:<Smith@bar.com> REQUIRETLS', '530 5.7.10'],
  [greeted, 'MAIL FROM:<Smith@bar.com> RET=FULL', '555 5.5.4'],
  [greeted, 'MAIL FROM:<Smith@bar.com> AUTH=<>', '555 5.5.4'],
  [greeted, 'MAIL FROM:<Smith@bar.com> =1', '501 5.5.4'],
  [greeted, 'MAIL FROM:<Smith@bar.com> A=B=C', '501 5.5.4'],
  // §4.1.1.3
  [greeted, 'RCPT TO:<Jones@foo.com>', '503 5.5.1'],
  [begun, 'RCPT TO:<Jones@foo.com>', '250 2.1.5'],
  [begun, 'RCPT TO:<@a.test:Jones@foo.com>', '250 2.1.5'],
  [begun, 'RCPT TO:<Green@foo.com>', '550 5.1.1'],
  [begun, 'RCPT TO:Jones@foo.com', '501 5.1.3'],
  [begun, 'RCPT TO:', '501 5.1.3'],
  [begun, 'RCPT FROM:<Jones@foo.com>', '501 5.1.3'],
  [begun, 'RCPT TO:<Jones@foo.com> NOTIFY=NEVER', '555 5.5.4'],
  [begun, 'RCPT TO:<J\u00f6nes@foo.com>', '553 5.6.7'],
  // §4.1.1.4
  [[], 'DATA', '503 5.5.1'],
  [greeted, 'DATA', '503 5.5.1'],
  [begun, 'DATA', '503 5.5.1'],
  [[...begun, 'RCPT TO:<Green@foo.com>'], 'DATA', '503 5.5.1'],
  [addressed, 'DATA now', '501 5.5.4'],
  [addressed, 'DATA', '354 '],
  [addressed, 'data ', '354 '],
  // §4.1.1.5 to §4.1.1.10
  [[], 'RSET', '250 2.0.0'],
  [addressed, 'RSET', '250 2.0.0'],
  [[...addressed, 'RSET'], 'DATA', '503 5.5.1'],
  [[...addressed, 'RSET'], 'MAIL FROM:<Smith@bar.com>', '250 2.1.0'],
  [[], 'RSET all', '501 5.5.4'],
  [[], 'VRFY Jones', '252 2.5.0'],
  [[], 'VRFY', '501 5.5.4'],
  [[], 'EXPN list', '502 5.5.1'],
  [[], 'HELP', '502 5.5.1'],
  [[], 'NOOP', '250 2.0.0'],
  [addressed, 'NOOP whatever', '250 2.0.0'],
  [[], 'QUIT', '221 2.0.0'],
  [addressed, 'QUIT', '221 2.0.0'],
  [[], 'QUIT now', '501 5.5.4'],
  // §4.2.4, §3.5: what we do not know, and what we know and do not do
  [[], 'XYZZY', '500 5.5.2'],
  [[], '', '500 5.5.2'],
  [[], ' ', '500 5.5.2'],
  [[], ' EHLO bar.com', '500 5.5.2'],
  [[], 'EHLO\tbar.com', '500 5.5.2'],
  [[], 'constructor', '500 5.5.2'],
  [[], '__proto__ x', '500 5.5.2'],
  [[], 'AUTH PLAIN AGEAYg==', '502 5.5.1'],
  [[], 'ETRN foo.com', '502 5.5.1'],
  [[], 'TURN', '502 5.5.1'],
  [[], 'GET / HTTP/1.1', '421 4.7.0'],
  // RFC 3207
  [[], 'STARTTLS', '220 2.0.0'],
  [addressed, 'STARTTLS', '220 2.0.0'],
  [[], 'STARTTLS now', '501 5.5.4'],
]

describe('a command', () => {
  it.each(cases)('after %j: %j is answered %s', async (before, said, reply) => {
    const session = openSession(fooCom())
    for (const line of before) await session.ask(line)
    expect(await session.ask(Buffer.from(said).toString('latin1'))).toMatch(new RegExp(`^(?:${reply})`))
  })

  it('is answered with an enhanced code, except the greeting, EHLO, HELO and 354 (RFC 2034 §4)', async () => {
    for (const [before, said] of cases) {
      const session = openSession(fooCom())
      for (const line of [...before, said]) await session.ask(Buffer.from(line).toString('latin1'))
      for (const { verb, code, line } of session.said)
        if (verb !== 'EHLO' && verb !== 'HELO' && code !== 354)
          expect(line).toMatch(new RegExp(`^${code} ${String(code)[0]}\\.\\d{1,3}\\.\\d{1,3} \\S`))
    }
  })

  it('may hold no control character anywhere, and is not run when it does', async () => {
    const lines = [
      'EHLO x?y',
      'EHLO ?',
      'MAIL FROM:<a?b@bar.com>',
      'MAIL FROM:<a@bar.com> SIZE=?1',
      'RCPT TO:<Jo?nes@foo.com>',
      'VRFY ?',
      'NOOP ?',
      'QU?IT',
      'BDAT ?1',
    ]
    for (const line of lines)
      for (const char of ['\x01', '\t', '\v', '\x1b', '\x7f', '\u0085', '\u009b']) {
        const session = openSession(fooCom())
        for (const before of begun) await session.ask(before)
        expect([line, char, await session.ask(Buffer.from(line.replace('?', char)).toString('latin1'))]).toEqual([
          line,
          char,
          expect.stringMatching(/^500 5\.5\.2 /),
        ])
        expect(session.isOpen).toBe(true)
        expect(session.said.filter(({ code }) => code < 400)).toHaveLength(begun.length)
      }
  })

  it('may be UTF-8, and nothing else that is not US-ASCII', async () => {
    const session = openSession(fooCom())
    for (const before of greeted) await session.ask(before)
    for (const bytes of ['\xff', '\xc3', '\xc0\xaf', '\xed\xa0\x80', '\xf4\x90\x80\x80'])
      expect(await session.ask(`MAIL FROM:<a${bytes}@bar.com> SMTPUTF8`)).toMatch(/^500 5\.5\.2 /)
  })

  it.each(['NOOP\nQUIT\r\n', 'NOOP\rQUIT\r\n', 'NO\0OP\r\n', 'NOOP\n'])('%j is not run, nor is anything behind it', async (bytes) => {
    const session = openSession(fooCom())
    await session.feed(`${bytes}NOOP\r\n`)
    expect(session.said).toMatchObject([{ line: '500 5.5.2 Lines must end in CRLF; bare CR, bare LF and NUL are not accepted' }])
    expect(session.isOpen).toBe(false)
  })

  it.each([`NOOP ${'x'.repeat(2_044)}\r\n`, 'x'.repeat(3_000), 'x'.repeat(2_049)])('that is too long ends the session', async (bytes) => {
    const session = openSession(fooCom())
    await session.feed(bytes)
    expect(session.said).toMatchObject([{ line: '500 5.5.2 Line too long' }])
    expect(session.isOpen).toBe(false)
  })
})

describe('EHLO', () => {
  const announced = async (tls: boolean): Promise<string[]> => {
    const session = openSession(fooCom(), { tls })
    await session.ask('EHLO bar.com')
    const [said] = session.said
    return [...(said?.lines ?? []), said?.line.slice(4) ?? '']
  }
  const always = ['foo.com', 'PIPELINING', 'SIZE 10000', '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES', 'CHUNKING', 'LIMITS RCPTMAX=100']

  it('announces what there is, STARTTLS in the clear and REQUIRETLS under TLS', async () => {
    expect(await announced(false)).toEqual([...always, 'STARTTLS'])
    expect(await announced(true)).toEqual([...always, 'REQUIRETLS'])
  })

  it('under TLS takes REQUIRETLS (RFC 8689), and the message says so', async () => {
    const host = fooCom()
    const session = openSession(host, { tls: true })
    for (const line of [...greeted, 'MAIL FROM:<Smith@bar.com> REQUIRETLS', 'RCPT TO:<Jones@foo.com>', 'DATA', 'x\r\n.'])
      await session.ask(line)
    for (const line of [...begun.slice(1), 'RCPT TO:<Jones@foo.com>', 'DATA', 'x\r\n.']) await session.ask(line)
    expect(host.received.map(({ requireTls }) => requireTls)).toEqual([true, false])
    expect(await session.ask('MAIL FROM:<Smith@bar.com> REQUIRETLS=yes')).toMatch(/^501 5\.5\.4 /)
    expect(await session.ask('STARTTLS')).toMatch(/^503 5\.5\.1 /)
  })

  it('and the protocol that Received will name: RFC 3848, RFC 6531 §4.3', async () => {
    const named = async (hello: string, parameters: string, tls: boolean): Promise<string | undefined> => {
      const host = fooCom()
      const session = openSession(host, { tls })
      for (const line of [hello, `MAIL FROM:<Smith@bar.com>${parameters}`, 'RCPT TO:<Jones@foo.com>', 'DATA', 'x\r\n.'])
        await session.ask(line)
      return host.received[0]?.client.protocol
    }
    expect(await named('HELO bar.com', '', false)).toBe('SMTP')
    expect(await named('EHLO bar.com', '', false)).toBe('ESMTP')
    expect(await named('EHLO bar.com', '', true)).toBe('ESMTPS')
    expect(await named('EHLO bar.com', ' SMTPUTF8', false)).toBe('UTF8SMTP')
    expect(await named('EHLO bar.com', ' SMTPUTF8', true)).toBe('UTF8SMTPS')
  })
})

/** Pipelined, dot-stuffed, in chunks, and encrypted half-way; the client waits where RFC 2920 and RFC 3207 have it wait. */
const tricky: readonly string[] = [
  'EHLO bar.com\r\n',
  'MAIL FROM:<Smith@bar.com> SIZE=40\r\nRCPT TO:<Green@foo.com>\r\nRCPT TO:<Jones@foo.com>\r\nDATA\r\n',
  '..\r\n...\r\n.a\r\n\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<Brown@foo.com>\r\nBDAT 5\r\n.\r\n\r\nBDAT 0\r\nBDAT 8 LAST\r\nQUIT\r\n.\rNOOP\r\n',
  'RSET\r\nSTARTTLS\r\n',
  'NOOP\r\nEHLO bar.com\r\nMAIL FROM:<Smith@bar.com>\r\nRCPT TO:<Jones@foo.com>\r\nBDAT 3 LAST\r\na\r\nVRFY x\r\nQUIT\r\n',
]

describe('a tricky session', () => {
  const play = async (chunks: (words: Buffer) => readonly Buffer[]) => {
    const host = fooCom()
    const session = openSession(host)
    for (const words of tricky) await session.feed(...chunks(Buffer.from(words)))
    return { replies: session.said.map(({ line }) => line), stored: host.received.map(({ bytes }) => bytes.toString()) }
  }

  it('says the same and stores the same wherever TCP cuts it in two, and byte by byte', async () => {
    const whole = await play((words) => [words])
    expect(whole.replies.map((line) => line.slice(0, 3)).join(' ')).toBe(
      '250 250 550 250 354 250 250 250 250 250 550 250 250 220 250 250 250 250 250 252 221',
    )
    expect(whole.stored).toEqual(['.\r\n..\r\na\r\n\r\n', 'a\r\n'])
    for (const [at, words] of tricky.entries())
      for (const pieces of cuts(Buffer.from(words))) {
        const cut = await play((other) => (other.equals(Buffer.from(words)) ? pieces : [other]))
        expect([at, cut]).toEqual([at, whole])
      }
    expect(await play((words) => Array.from(words, (byte) => Buffer.of(byte)))).toEqual(whole)
  })
})

describe('a packet', () => {
  it('of a hundred commands is answered a hundred times, in order', async () => {
    const session = openSession(fooCom())
    await session.feed(Array.from({ length: 100 }, (_, at) => (at % 2 === 0 ? 'NOOP\r\n' : 'VRFY x\r\n')).join(''))
    expect(session.said.map(({ code }) => code)).toEqual(Array.from({ length: 100 }, (_, at) => (at % 2 === 0 ? 250 : 252)))
  })

  it('with a message that does not wait for 354 ends the session', async () => {
    const host = fooCom()
    const session = openSession(host)
    await session.feed(`${addressed.join('\r\n')}\r\nDATA\r\nx\r\n.\r\nQUIT\r\n`)
    expect(session.said.at(-1)?.line).toBe('554 5.5.0 Wait for 354 before you send the message')
    expect([host.received, session.isOpen]).toEqual([[], false])
  })
})
