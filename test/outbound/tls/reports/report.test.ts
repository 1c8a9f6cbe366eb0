import { gunzipSync, gzipSync } from 'node:zlib'
import PostalMime from 'postal-mime'
import { describe, expect, it } from 'vitest'
import type { DomainName } from '../../../../dns/name.ts'
import { readTlsJson } from '../../../../server/inbound/reports/tls-json.ts'
import type { Address } from '../../../../server/model/address.ts'
import { composeReportMail } from '../../../../server/outbound/tls/reports/report-mail.ts'
import { buildReport } from '../../../../server/outbound/tls/reports/report.ts'
import type { TlsCount, TlsPolicy } from '../../../../server/store/tls-results.ts'

const day = 20_779 // 22 November 2026
const remote = 'remote.test' as DomainName
const about = { subject: remote, submitter: 'ours.test' as DomainName, day }

const none: TlsPolicy = { type: 'no-policy-found', strings: [], mx: [] }
const sts: TlsPolicy = {
  type: 'sts',
  strings: ['version: STSv1', 'mode: testing', 'mx: *.remote.test', 'max_age: 86400'],
  mx: ['*.remote.test'],
}
const tlsa: TlsPolicy = { type: 'tlsa', strings: ['3 1 1 aabb'], mx: [] }
const count = (policy: TlsPolicy, host: string, result: string | null, sessions: number, domain = remote): TlsCount => ({
  day,
  counted: { domain, host, policy, result },
  sessions,
})

const built = (counts: readonly TlsCount[], change: Partial<typeof about> = {}): Record<string, unknown> =>
  JSON.parse(buildReport({ ...about, ...change }, counts).json) as Record<string, unknown>

describe('a report on TLS', () => {
  it('has the fields of RFC 8460 §4.4', () => {
    expect(built([count(sts, 'mx1.remote.test', null, 5_326), count(sts, 'mx2.remote.test', 'certificate-expired', 100)])).toEqual({
      'organization-name': 'ours.test',
      'date-range': { 'start-datetime': '2026-11-22T00:00:00Z', 'end-datetime': '2026-11-22T23:59:59Z' },
      'contact-info': 'postmaster@ours.test',
      'report-id': expect.stringMatching(/^2026-11-22\.[0-9a-f]{16}@ours\.test$/),
      policies: [
        {
          policy: {
            'policy-type': 'sts',
            'policy-string': ['version: STSv1', 'mode: testing', 'mx: *.remote.test', 'max_age: 86400'],
            'policy-domain': 'remote.test',
            'mx-host': ['*.remote.test'],
          },
          summary: { 'total-successful-session-count': 5_326, 'total-failure-session-count': 100 },
          'failure-details': [
            { 'result-type': 'certificate-expired', 'receiving-mx-hostname': 'mx2.remote.test', 'failed-session-count': 100 },
          ],
        },
      ],
    })
  })

  it('says of each policy what came of it, and of keys in the DNS for each host', () => {
    const counts = [
      count(none, 'mx.remote.test', null, 1),
      count(sts, 'mx.remote.test', null, 2),
      count(tlsa, 'mx1.remote.test', null, 3),
      count(tlsa, 'mx2.remote.test', 'validation-failure', 4),
    ]
    expect(built(counts)['policies']).toMatchObject([
      { policy: { 'policy-type': 'no-policy-found', 'policy-domain': 'remote.test' } },
      { policy: { 'policy-type': 'sts', 'policy-domain': 'remote.test' } },
      {
        policy: {
          'policy-type': 'tlsa',
          'policy-string': ['3 1 1 aabb'],
          'policy-domain': 'mx1.remote.test',
          'mx-host': ['mx1.remote.test'],
        },
      },
      { policy: { 'policy-domain': 'mx2.remote.test' }, summary: { 'total-failure-session-count': 4 } },
    ])
  })

  it('to a mail host adds up what was seen of it, and does not say whose mail it was', () => {
    const host = 'mx.host.test' as DomainName
    const counts = ['one.test', 'other.test'].flatMap((domain) => [
      count(tlsa, host, null, 1, domain as DomainName),
      count(tlsa, host, 'starttls-not-supported', 2, domain as DomainName),
    ])
    const report = built(counts, { subject: host })
    expect(report['policies']).toMatchObject([
      {
        summary: { 'total-successful-session-count': 2, 'total-failure-session-count': 4 },
        'failure-details': [{ 'failed-session-count': 4 }],
      },
    ])
    expect(JSON.stringify(report)).not.toMatch(/one\.test|other\.test/)
  })

  it('is bounded, whatever a domain showed us', () => {
    const policies = Array.from({ length: 500 }, (_, at) => count({ ...sts, strings: [`${at}`] }, 'mx.remote.test', null, 1))
    expect(built(policies)['policies']).toHaveLength(20)
    const hosts = Array.from({ length: 500 }, (_, at) => count(sts, `mx${at}.remote.test`, 'validation-failure', 1))
    expect(built(hosts)['policies']).toMatchObject([
      { 'failure-details': { length: 200 }, summary: { 'total-failure-session-count': 500 } },
    ])
  })

  it('has an id of its own for each domain and day, and the same each time', () => {
    const counts = [count(none, 'mx.remote.test', null, 1)]
    const ids = [about, about, { ...about, day: day + 1 }, { ...about, subject: 'b.test' as DomainName }].map(
      (one) => buildReport(one, counts).id,
    )
    expect(new Set(ids).size).toBe(3)
    expect(ids[0]).toBe(ids[1])
  })

  it('is understood by the reader of such reports', () => {
    const counts = [count(sts, 'mx.remote.test', null, 7), count(sts, 'mx.remote.test', 'certificate-expired', 3)]
    expect(readTlsJson(Buffer.from(buildReport(about, counts).json))).toMatchObject([
      { organization: 'ours.test', domain: 'remote.test', policyType: 'sts', successes: 7, failures: 3, details: [{ count: 3 }] },
    ])
  })
})

describe('a report on TLS as mail', () => {
  const report = buildReport(about, [count(none, 'mx.remote.test', null, 1)])
  const letter = (subject = report, to = 'tls@remote.test') =>
    composeReportMail({ report: subject, gzip: gzipSync(subject.json), to: to as Address, now: Date.UTC(2026, 10, 23, 1) })

  it('is a multipart/report with the fields of RFC 8460 §5.3', async () => {
    const raw = letter()
    expect(raw.toString().replaceAll('\r\n ', ' ')).toMatch(/^Content-Type: multipart\/report; report-type=tlsrpt; boundary="[^"]+"\r$/m)
    const parsed = await PostalMime.parse(raw)
    const fields = Object.fromEntries(parsed.headers.map(({ key, value }) => [key, value]))
    expect(fields).toMatchObject({
      'tls-report-domain': 'remote.test',
      'tls-report-submitter': 'ours.test',
      'tls-required': 'No',
      'auto-submitted': 'auto-generated',
      subject: `Report Domain: remote.test Submitter: ours.test Report-ID: <${report.id}>`,
      'message-id': `<${report.id}>`,
    })
    expect(parsed.from?.address).toBe('postmaster@ours.test')
    expect(parsed.attachments).toMatchObject([
      {
        mimeType: 'application/tlsrpt+gzip',
        filename: 'ours.test!remote.test!1795305600!1795391999.json.gz',
      },
    ])
    expect(gunzipSync(Buffer.from(parsed.attachments[0]?.content as ArrayBuffer)).toString()).toBe(report.json)
  })

  it('has lines that every server takes, however long the names are', () => {
    const long = `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(50)}.test` as DomainName
    const raw = letter(buildReport({ subject: long, submitter: long, day }, [count(none, 'mx.test', null, 1)]), `${'x'.repeat(9)}@${long}`)
    expect(
      Math.max(
        ...raw
          .toString('latin1')
          .split('\r\n')
          .map((line) => line.length),
      ),
    ).toBeLessThan(998)
    expect(raw.toString('latin1').replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
  })
})
