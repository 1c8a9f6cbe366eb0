import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { DmarcReport, TlsReport } from '../../../server/model/aggregate-report.ts'
import { recognise, sample, withFile } from './corpus.ts'
import { zipOf } from './zip.ts'

const dmarcName = 'remote.test!ours.test!1795305600!1795391999'
const tlsName = 'remote.test!ours.test!1795305600!1795391999!001'

const dmarc: DmarcReport = {
  kind: 'dmarc',
  organization: 'Remote & Co',
  reportId: '9391651994964116463',
  domain: 'ours.test',
  beginAt: Date.UTC(2026, 10, 22),
  endAt: Date.UTC(2026, 10, 22, 23, 59, 59),
  policy: 'reject',
  messages: 52,
  passed: 12,
  omitted: 0,
  rows: [
    { sourceIp: '198.51.100.1', count: 12, disposition: 'none', dkim: 'pass', spf: 'pass', headerFrom: 'ours.test' },
    { sourceIp: '203.0.113.9', count: 40, disposition: 'reject', dkim: 'fail', spf: 'fail', headerFrom: 'sales.ours.test' },
  ],
}

describe('a DMARC aggregate report', () => {
  it.each([
    ['gzip', `${dmarcName}.xml.gz`, gzipSync],
    ['zip', `${dmarcName}.zip`, (xml: Buffer) => zipOf([{ name: `${dmarcName}.xml`, content: xml }])],
    ['zip, stored', `${dmarcName}.zip`, (xml: Buffer) => zipOf([{ name: 'x.xml', content: xml, stored: true }])],
    ['plain', `${dmarcName}.xml`, (xml: Buffer) => xml],
    ['gzip with an id in its name', `${dmarcName}!3f2a-7.xml.gz`, gzipSync],
    ['gzip under the name of a zip', `${dmarcName}.zip`, gzipSync],
    ['gzip with a name of its own, by its subject', 'aggregate.xml.gz', gzipSync],
  ])('as %s', async (_what, name, pack) => {
    expect(await recognise(withFile(pack(await sample('dmarc-7489.xml')), { name }))).toEqual({ kind: 'aggregate', reports: [dmarc] })
  })

  it('of RFC 9990: in its namespace, with what it adds, and past the elements of others', async () => {
    const file = gzipSync(await sample('dmarc-9990.xml'))
    expect(await recognise(withFile(file, { name: `${dmarcName}.xml.gz` }))).toMatchObject({
      kind: 'aggregate',
      reports: [
        {
          reportId: '<2026-11-22.7@remote.test>',
          domain: 'ours.test',
          policy: 'quarantine',
          messages: 3,
          passed: 3,
          rows: [{ sourceIp: '2001:db8::1', count: 3, disposition: 'none', dkim: 'pass', spf: 'fail', headerFrom: 'ours.test' }],
        },
      ],
    })
  })

  it('is not looked for in a letter with a file: only its name or subject says that it is one', async () => {
    const file = gzipSync(await sample('dmarc-7489.xml'))
    expect(await recognise(withFile(file, { name: 'photos.gz', subject: 'Photos' }))).toBeNull()
    expect(await recognise(withFile(file, { name: `${dmarcName}.xml.gz`, subject: 'Photos' }))).toMatchObject({ kind: 'aggregate' })
  })
})

describe('a TLS report', () => {
  const tls = {
    kind: 'tls',
    organization: 'Remote Mail',
    reportId: '2026-11-22T00:00:00Z_ours.test',
    beginAt: Date.UTC(2026, 10, 22),
  } as const
  const reports: Partial<TlsReport>[] = [
    {
      ...tls,
      domain: 'ours.test',
      policyType: 'sts, tlsa',
      successes: 5336,
      failures: 303,
      omitted: 0,
      details: [
        { resultType: 'certificate-expired', sendingMtaIp: '2001:db8:abcd:12::1', receivingMx: 'mx.ours.test', count: 100 },
        { resultType: 'starttls-not-supported', sendingMtaIp: '2001:db8:abcd:13::1', receivingMx: 'mx2.ours.test', count: 200 },
        { resultType: 'validation-failure', sendingMtaIp: null, receivingMx: null, count: 3 },
      ],
    },
    { ...tls, domain: 'theirs.test', policyType: 'no-policy-found', successes: 1, failures: 0, details: [] },
  ]
  it.each([
    ['gzip, by its type', 'report.bin', 'application/tlsrpt+gzip', gzipSync],
    ['gzip, by its name', `${tlsName}.json.gz`, 'application/gzip', gzipSync],
    ['plain', `${tlsName}.json`, 'application/tlsrpt+json', (json: Buffer) => json],
    ['plain with a byte order mark', `${tlsName}.json`, 'application/json', (json: Buffer) => Buffer.concat([Buffer.from('\ufeff'), json])],
  ])('as %s: one report about each domain', async (_what, name, type, pack) => {
    expect(await recognise(withFile(pack(await sample('tls.json')), { name, type, subject: 'Report' }))).toMatchObject({
      kind: 'aggregate',
      reports,
    })
  })
})
