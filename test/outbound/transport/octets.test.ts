import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createSmtpTransport, hasBareLineEnd } from '../../../server/outbound/transport/smtp.ts'
import { silentLog } from '../../../server/platform/log.ts'
import { address } from '../../support/offices.ts'
import { createRemoteMx } from '../../support/remote-mx.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

/** What trips those who stuff dots: dots at the beginning of lines, alone, after each other, beside octets of every kind. */
const line = fc.oneof(
  fc.constantFrom('', '.', '..', '...', '.\t', '. ', 'QUIT', 'MAIL FROM:<eve@remote.test>'),
  fc.string({ unit: fc.constantFrom('.', 'a', ' ', '\0', 'ü', '\u2028', '\u0085'), maxLength: 12 }),
)
const text = fc.array(line, { maxLength: 20 }).map((lines) => `Subject: Hi\r\n\r\n${lines.map((one) => `${one}\r\n`).join('')}`)
/** We write 64 KiB at a time: now and then a border of pieces runs through the odd part, at each place of it. */
const longer = fc
  .tuple(text, text, fc.integer({ min: 0, max: 60 }))
  .map(([before, after, at]) => before + 'x'.repeat(65_536 - at - Buffer.byteLength(before)) + `\r\n${after}`)
const message = fc.oneof({ weight: 3, arbitrary: text }, { weight: 1, arbitrary: longer }).map((each) => Buffer.from(each))
const lastLine = fc.boolean()

it('what leaves the socket, unstuffed, is what was handed over, in however many pieces and messages of one connection', async () => {
  const remote = await createRemoteMx()
  const reuse = { maxMessages: 1_000, idleMs: 5_000, maxIdle: 1 }
  const transport = createSmtpTransport({ hostname: 'mx.ours.test', clock: createVirtualClock(0), reuse })
  let count = 0
  await fc.assert(
    fc.asyncProperty(message, lastLine, async (bytes, ended) => {
      const handedOver = ended ? bytes : bytes.subarray(0, -2)
      const end = await transport({
        target: { host: remote.host, address: '127.0.0.1', port: remote.port, trusted: true },
        dispatch: { reversePath: null, forwardPath: address('bo@remote.test'), message: handedOver },
        signal: new AbortController().signal,
        log: silentLog,
      })
      expect(end.reply.code).toBe(250)
      const mails = await remote.received(++count)
      expect(mails).toHaveLength(count)
      // A last line without an end gets one: there is no way to send it without (RFC 5321 §2.3.8).
      expect(mails.at(-1)?.raw.equals(handedOver.subarray(-2).equals(crlf) ? handedOver : Buffer.concat([handedOver, crlf]))).toBe(true)
    }),
    { numRuns: 60 },
  )
  expect(remote.sessions()).toBe(1)
}, 60_000)
const crlf = Buffer.from('\r\n')

it('what has a CR or an LF by itself does not leave at all', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('\r', '\n', 'a', '.') }), (odd) => {
      expect(hasBareLineEnd(Buffer.from(odd))).toBe(/\r(?!\n)|(?<!\r)\n/.test(odd))
    }),
  )
})
