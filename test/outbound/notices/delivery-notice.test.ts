import fc from 'fast-check'
import PostalMime from 'postal-mime'
import { describe, expect, it } from 'vitest'
import { type DeliveryNotice, composeNotice } from '../../../server/outbound/notices/delivery-notice.ts'
import { recognise } from '../../inbound/reports/corpus.ts'
import { address } from '../../support/offices.ts'

const now = Date.UTC(2026, 10, 22, 12)
const notice = (change: Partial<DeliveryNotice> = {}): DeliveryNotice => ({
  action: 'failed',
  reportingMta: 'mx.ours.test',
  from: address('mailer-daemon@ours.test'),
  to: address('ann@ours.test'),
  messageId: '<notice-1@ours.test>',
  now,
  queuedAt: now - 5 * 60 * 60_000,
  giveUpAt: now + 60 * 60 * 60_000,
  original: {
    messageId: '<original-1@ours.test>',
    header: Buffer.from('From: ann@ours.test\r\nTo: bo@remote.test\r\nSubject: Hello\r\nMessage-ID: <original-1@ours.test>\r\n'),
  },
  recipients: [
    {
      address: address('bo@remote.test'),
      status: '5.1.1',
      diagnostic: '550 5.1.1 No such user',
      remoteHost: 'mx.remote.test',
      lastAttemptAt: now - 1_000,
    },
  ],
  ...change,
})

describe('a delivery notice', () => {
  it('is read by our own reader of reports as what it says', async () => {
    expect(await recognise(composeNotice(notice()))).toEqual({
      kind: 'delivery',
      report: {
        reportingMta: 'mx.ours.test',
        originalEnvelopeId: null,
        originalMessageId: '<original-1@ours.test>',
        recipients: [
          {
            finalRecipient: 'bo@remote.test',
            originalRecipient: null,
            action: 'failed',
            status: '5.1.1',
            diagnosticCode: '550 5.1.1 No such user',
            remoteMta: 'mx.remote.test',
          },
        ],
      },
    })
    const recipients = notice().recipients.map((one) => ({ ...one, status: '4.4.1', diagnostic: null, remoteHost: null }))
    const late = notice({ action: 'delayed', recipients })
    expect(await recognise(composeNotice(late))).toMatchObject({
      report: { recipients: [{ action: 'delayed', status: '4.4.1', diagnosticCode: null, remoteMta: null }] },
    })
  })

  it('is read by postal-mime as a report with three parts, to a person, whom nobody should answer for', async () => {
    const email = await PostalMime.parse(composeNotice(notice()))
    expect(email).toMatchObject({
      from: { address: 'mailer-daemon@ours.test', name: 'Mail Delivery System' },
      to: [{ address: 'ann@ours.test' }],
      subject: 'Undelivered mail',
      messageId: '<notice-1@ours.test>',
      inReplyTo: '<original-1@ours.test>',
      date: '2026-11-22T12:00:00.000Z',
    })
    expect(email.text).toContain('bo@remote.test\n    550 5.1.1 No such user')
    expect(email.headers.find(({ key }) => key === 'auto-submitted')?.value).toBe('auto-replied')
    expect(email.attachments.map(({ mimeType }) => mimeType)).toEqual(['message/delivery-status', 'text/rfc822-headers'])
  })

  it('says until when a late one is tried', () => {
    const text = composeNotice(notice({ action: 'delayed' })).toString()
    expect(text).toContain('Will-Retry-Until: Wed, 25 Nov 2026 00:00:00 +0000\r\n')
    expect(text).toContain('Action: delayed\r\n')
    expect(composeNotice(notice()).toString()).not.toContain('Will-Retry-Until')
  })

  it('keeps its form whatever a remote host said and whatever the header holds', async () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 2_000 }),
      fc.constantFrom('x\r\n\r\n--=_mm', 'a\r\nFinal-Recipient: rfc822; eve@evil.test', '\u2028\u0000'),
    )
    await fc.assert(
      fc.asyncProperty(hostile, hostile, async (diagnostic, header) => {
        const [one] = notice().recipients
        if (one === undefined) throw new Error('nobody')
        const bytes = composeNotice(
          notice({ recipients: [{ ...one, diagnostic }], original: { messageId: '<original-1@ours.test>', header: Buffer.from(header) } }),
        )
        const text = bytes.toString('latin1')
        expect(text).toMatch(/^[\t\r\n -~]*$/)
        expect(text.split('\r\n').every((line) => line.length <= 998 && !/[\r\n]/.test(line))).toBe(true)
        const report = await recognise(bytes)
        if (report?.kind !== 'delivery') throw new Error('not a report')
        expect(report.report.recipients.map(({ finalRecipient }) => finalRecipient)).toEqual(['bo@remote.test'])
      }),
      { numRuns: 60 },
    )
  })

  it('quotes no more of a header than eight kilobytes, in whole lines', () => {
    const header = Buffer.from(Array.from({ length: 2_000 }, (_, at) => `X-Field-${at}: value\r\n`).join(''))
    const text = composeNotice(notice({ original: { messageId: '<o@ours.test>', header } })).toString()
    expect(text.length).toBeLessThan(10_000)
    expect(
      text
        .split('\r\n')
        .filter((line) => line.startsWith('X-Field-'))
        .every((line) => line.endsWith(': value')),
    ).toBe(true)
  })
})
