import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createSmtpTransport } from '../../server/outbound/transport/smtp.ts'
import { createLeaving, statesOf } from '../support/leaving.ts'
import { createRemoteMx } from '../support/remote-mx.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

/** Lines that trip somebody: those who stuff dots, look for commands or for the end of a line, count its octets, or take them for text. */
const line = fc.oneof(
  fc.constantFrom('', '.', '..', '. ', '.\t', 'QUIT', 'RCPT TO:<eve@remote.test>', 'From here', '--', 'trailing \t ', '\u2028', '\u0085'),
  fc.string({ unit: fc.constantFrom('.', 'a', ' ', '\0', 'ü', '東', '\u001b'), maxLength: 12 }),
  fc.constantFrom(997, 998, 1_000, 65_535, 65_536).map((length) => 'x'.repeat(length)),
)
const body = fc.array(line, { maxLength: 12 }).map((lines) => lines.map((one) => `${one}\r\n`).join(''))
const subject = fc.string({ unit: fc.constantFrom('H', 'i', ' ', 'ü', '.'), minLength: 1, maxLength: 30 })

/** What may stand in front: the fields a release adds (docs/specifications.md), each folded or not, and nothing else. */
const added = /^(?:(?:DKIM-Signature|Date): [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)+$/
const fieldsIn = (header: string): string[] => [...header.matchAll(/^([A-Za-z-]+):/gm)].map(([, name]) => name ?? '').toSorted()

type Way = { how: string; tls: 'works' | null; smarthost: boolean }
const ways: Way[] = [
  { how: 'to its MX in plain text', tls: null, smarthost: false },
  { how: 'to its MX over TLS', tls: 'works', smarthost: false },
  { how: 'over a smarthost', tls: 'works', smarthost: true },
]

describeOnEachEngine('what leaves the socket', (openStore, { engine }) => {
  const numRuns = engine === 'sqlite' ? 25 : 8

  it.each(ways)(
    '$how, unstuffed and without the fields put in front, is the released octets',
    async ({ tls, smarthost }) => {
      const remote = await createRemoteMx({ tls })
      const clock = createVirtualClock(Date.UTC(2026, 10, 22, 12))
      const transport = createSmtpTransport({ hostname: 'mx.ours.test', clock, reuse: { maxMessages: 1_000, idleMs: 5_000, maxIdle: 1 } })
      const store = await openStore()
      const place = smarthost ? { route: { smarthost: { host: '127.0.0.1', port: remote.port } } } : {}
      const leaving = await createLeaving(store, { remote, clock, transport, ...place })
      let count = 0
      await fc.assert(
        fc.asyncProperty(subject, body, async (about, text) => {
          const composed = Buffer.from(`From: <${leaving.office.mailbox.address}>\r\nSubject: ${about}\r\n\r\n${text}`)
          const email = await leaving.queue({ composed })
          await leaving.runner.drain()
          expect(await statesOf(leaving, email)).toEqual(['delivered'])
          const mails = await remote.received(0)
          expect(mails).toHaveLength((count += 1))
          const raw = mails.at(-1)?.raw ?? Buffer.alloc(0)
          const front = raw.subarray(0, -composed.length).toString('latin1')
          expect(raw.subarray(-composed.length).equals(composed)).toBe(true)
          expect(front).toMatch(added)
          expect(fieldsIn(front)).toEqual(['DKIM-Signature', 'DKIM-Signature', 'Date'])
        }),
        { numRuns },
      )
      // Whatever came before it on the connection.
      expect(remote.sessions()).toBe(1)
      transport.closeIdle()
    },
    60_000,
  )

  it('is nothing, not even a part of it, when a CR or an LF stands alone anywhere in it', async () => {
    const remote = await createRemoteMx()
    const leaving = await createLeaving(await openStore(), { remote })
    const alone = fc.constantFrom('\r', '\n', '\n.\r\n', '\r\n.\n', '\r.\r', '\n\n', '\r\r\n', '\n.\nMAIL FROM:<eve@remote.test>\r\n')
    await fc.assert(
      fc.asyncProperty(body, alone, body, async (before, odd, after) => {
        const composed = Buffer.from(`From: <${leaving.office.mailbox.address}>\r\nSubject: x\r\n\r\na${before}a${odd}a${after}`)
        const email = await leaving.queue({ composed })
        await leaving.runner.drain()
        expect(await statesOf(leaving, email)).toEqual(['bounced'])
        expect(remote.sessions()).toBe(0)
      }),
      { numRuns },
    )
  }, 60_000)
})
