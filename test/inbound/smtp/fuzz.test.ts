import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCommand } from '../../../server/inbound/smtp/command-line.ts'
import { parsePathArgument } from '../../../server/inbound/smtp/path.ts'
import { createHost, openSession } from './desk.ts'

const commands =
  'EHLO a|HELO a|MAIL FROM:<>|MAIL FROM:<bo@remote.test> SIZE=9|RCPT TO:<ann@ours.test>|DATA|BDAT 3|BDAT 0 LAST|BDAT 99999999999|RSET|NOOP|QUIT|STARTTLS|GET / HTTP/1.1'
const pieces = [
  'a\r\n',
  '.\r\n',
  '\r\n.\r\n',
  '\r',
  '\n',
  '\0',
  ' ',
  '<',
  '>',
  '"',
  '\\',
  '@',
  ':',
  '=',
  'é',
  '\xff',
  '\x16\x03\x01',
  'x'.repeat(3_000),
]
const words = fc.constantFrom(...commands.split('|').map((line) => `${line}\r\n`), ...pieces)
const bytes = fc.oneof(
  { weight: 3, arbitrary: words },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 30 }).map((some) => Buffer.from(some).toString('latin1')) },
)

describe('whatever a stranger sends', () => {
  it('every reply is one, nothing is stored that no message may be, and no memory is kept', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { maxLength: 40 }), async (chunks) => {
        const host = createHost()
        const session = openSession(host)
        await session.feed('EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<ann@ours.test>\r\n', ...chunks.filter((chunk) => chunk !== ''))
        for (const { line, lines } of session.said) for (const one of [line, ...lines]) expect(one).toMatch(/^[ -~]+$/)
        expect(session.said.filter(({ code }) => code < 200 || code > 559)).toEqual([])
        for (const message of host.received) {
          expect(message.bytes.toString('latin1')).not.toMatch(/\0|\r(?!\n)|(?<!\r)\n/)
          expect([message.recipients.length, message.bytes.length <= 10_000]).toEqual([expect.any(Number), true])
          expect(message.recipients).not.toEqual([])
        }
        session.close()
        expect(host.budget.share()).toBe(0)
      }),
      { numRuns: 500 },
    )
  })

  it('a command has no control characters, and its verb no spaces', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (some) => {
        const command = parseCommand(Buffer.from(some))
        if (command !== null) expect([command.verb, command.argument].join('')).not.toMatch(/\p{Cc}/u)
        expect(command?.verb ?? '').not.toContain(' ')
      }),
    )
  })

  it('a path is what stands between the brackets, and its parameters are keywords', () => {
    const pieces = fc.constantFrom('FROM:', 'TO:', '<', '>', '"', '\\', '@a,@b:', 'ann@ours.test', ' ', 'SIZE=1', 'X', '=', ',', ':', 'é')
    const text = fc.array(pieces, { maxLength: 12 }).map((some) => some.join(''))
    fc.assert(
      fc.property(text, (argument) => {
        const parsed = parsePathArgument('FROM', argument)
        if (typeof parsed === 'string') return
        expect(argument.toUpperCase().startsWith('FROM')).toBe(true)
        expect(argument).toContain(`${parsed.path}>`)
        for (const [name, value] of parsed.parameters) expect(`${name}=${value ?? 'x'}`).toMatch(/^[A-Z0-9-]+=[^\s=]+$/)
      }),
      { numRuns: 2_000 },
    )
  })
})
