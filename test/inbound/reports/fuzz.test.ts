import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { automaticKind } from '../../../server/inbound/automatic/automatic.ts'
import { readBounceText } from '../../../server/inbound/reports/bounce-text.ts'
import { readDeliveryStatus } from '../../../server/inbound/reports/delivery-status.ts'
import { readDmarcXml } from '../../../server/inbound/reports/dmarc-xml.ts'
import { readFeedback } from '../../../server/inbound/reports/feedback-report.ts'
import { messageIdIn } from '../../../server/inbound/reports/original-message.ts'
import { readTlsJson } from '../../../server/inbound/reports/tls-json.ts'
import { unpack } from '../../../server/inbound/reports/unpack.ts'
import { splitMessage } from '../../../server/model/headers.ts'
import { automaticKinds } from '../../../server/model/automatic.ts'
import { harmful, wildText } from '../../support/arbitraries.ts'
import { recognise, sample, samples, withFile } from './corpus.ts'
import { zipOf } from './zip.ts'

type Change = { at: number; length: number; text: Uint8Array; times: number }
const change: fc.Arbitrary<Change> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.nat({ max: 60 }),
  text: fc.oneof(
    fc.uint8Array({ maxLength: 8 }),
    wildText.map((text) => Buffer.from(text)),
    fc
      .constantFrom('\r\n\r\n', '--', 'Final-Recipient: rfc822;', '<record>', '</row>', '"policies":', '\u0000', '&#x202e;')
      .map((text) => Buffer.from(text)),
  ),
  times: fc.oneof({ weight: 9, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.constant(5_000) }),
})

/** The sample with pieces of it replaced. */
const changed = (bytes: Buffer, changes: readonly Change[]): Buffer =>
  changes.reduce((before, { at, length, text, times }) => {
    const start = Math.floor(at * before.length)
    return Buffer.concat([before.subarray(0, start), ...Array<Uint8Array>(times).fill(text), before.subarray(start + length)])
  }, bytes)
const changes = fc.array(change, { minLength: 1, maxLength: 4 })

/** Every text that a report carries is one printable line, and short. */
function check(value: unknown): void {
  if (typeof value === 'string') {
    expect(value.length).toBeLessThanOrEqual(1_000)
    expect(value).not.toMatch(harmful)
  } else if (Array.isArray(value)) {
    expect(value.length).toBeLessThanOrEqual(10_000)
    value.forEach(check)
  } else if (typeof value === 'number') expect(Number.isSafeInteger(value)).toBe(true)
  else if (typeof value === 'object' && value !== null) Object.values(value).forEach(check)
}

describe('whatever is done to a report', () => {
  const letters = new Map<string, Buffer>()
  let xml: Buffer[] = []
  let json: Buffer
  beforeAll(async () => {
    for (const name of await samples()) if (name.endsWith('.eml')) letters.set(name, await sample(name))
    xml = await Promise.all([sample('dmarc-7489.xml'), sample('dmarc-9990.xml')])
    json = await sample('tls.json')
  })

  it('is read or not, and what is read is clean', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), changes, async (which, made) => {
        const raw = changed([...letters.values()][which % letters.size] ?? Buffer.alloc(0), made)
        const report = await recognise(raw)
        check(report)
        if (report?.kind === 'delivery') expect(report.report.recipients.length).toBeGreaterThan(0)
        expect([...automaticKinds, null]).toContain(automaticKind({ header: splitMessage(raw).header, reversePath: null, report }))
      }),
      { numRuns: 150 },
    )
  })

  it('its XML', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(fc.nat(), changes, (which, made) => {
        check(readDmarcXml(changed(xml[which % xml.length] ?? Buffer.alloc(0), made)))
      }),
      { numRuns: 150 },
    )
  })

  it('its JSON', { timeout: 60_000 }, () => {
    const value = fc.jsonValue({ maxDepth: 4 })
    fc.assert(
      fc.property(changes, value, (made, other) => {
        check(readTlsJson(changed(json, made)))
        check(readTlsJson(Buffer.from(JSON.stringify(other))))
      }),
      { numRuns: 150 },
    )
  })

  it('what it is packed in', { timeout: 60_000 }, async () => {
    const packed = [gzipSync(json), zipOf([{ name: 'x.xml', content: xml[0] ?? json }])]
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 1 }), changes, async (which, made) => {
        const bytes = changed(packed[which] ?? json, made)
        await unpack(bytes)
        check(await recognise(withFile(bytes, { name: 'a!ours.test!1!2.xml.gz' })))
      }),
      { numRuns: 100 },
    )
  })

  it('any text at all', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(wildText, fc.uint8Array({ maxLength: 400 }), (text, bytes) => {
        for (const content of [Buffer.from(text), bytes]) {
          check(readDeliveryStatus(content))
          check(readFeedback(content))
          check(readDmarcXml(Buffer.from(content)))
          check(readTlsJson(Buffer.from(content)))
        }
        check(readBounceText(`This message was created automatically by mail delivery software\n  a@b.test\n${text}`, []))
        check(readBounceText(`This is the qmail-send program\n<a@b.test>:\n${text}`, []))
        check(messageIdIn(`Message-ID: ${text}\n\n`))
      }),
      { numRuns: 150 },
    )
  })
})
