import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { placesIn } from '../../../../server/outbound/tls/reports/record.ts'

const mail = (address: string, uri = `mailto:${address}`) => ({ uri, kind: 'mail', address })
const web = (host: string, path: string, uri = `https://${host}${path}`) => ({ uri, kind: 'https', host, path })
const places = (...records: string[]) => placesIn(records.map((record) => [record]))

describe('where a domain wants reports on TLS', () => {
  it.each<[string, unknown[]]>([
    // RFC 8460 §3.1.
    ['v=TLSRPTv1;rua=mailto:reports@example.com', [mail('reports@example.com')]],
    ['v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt', [web('reporting.example.com', '/v1/tlsrpt')]],
    ['v=TLSRPTv1; rua=mailto:a@example.com,https://b.example/c?d=e', [mail('a@example.com'), web('b.example', '/c?d=e')]],
    [
      'v=TLSRPTv1 ;  rua=mailto:a@example.com , mailto:b@EXAMPLE.com ; x=y;',
      [mail('a@example.com'), mail('b@example.com', 'mailto:b@EXAMPLE.com')],
    ],
    ['v=TLSRPTv1;rua=mailto:a%2Bb@example.com?subject=x', [mail('a+b@example.com', 'mailto:a%2Bb@example.com?subject=x')]],
    ['v=TLSRPTv1;rua=mailto:a@example.com,mailto:a@example.com', [mail('a@example.com')]],
    ['v=TLSRPTv1;rua=HTTPS://example.com', [web('example.com', '/', 'HTTPS://example.com')]],
  ])('%s', (record, expected) => expect(places(record)).toEqual(expected))

  it.each([
    'v=TLSRPTv2;rua=mailto:a@example.com',
    'v=TLSRPTv10;rua=mailto:a@example.com',
    ' v=TLSRPTv1;rua=mailto:a@example.com',
    'v=TLSRPTv1',
    'v=TLSRPTv1;rua=',
    'v=TLSRPTv1;rua=mailto:',
    'v=TLSRPTv1;rua=mailto:a@[127.0.0.1]',
    'v=TLSRPTv1;rua=mailto:a@example.com%0d%0aRCPT%20TO:<b@example.com>',
    'v=TLSRPTv1;rua=mailto:%e0%a4%a@example.com',
    'v=TLSRPTv1;rua=http://example.com/',
    'v=TLSRPTv1;rua=ftp://example.com/',
    'v=TLSRPTv1;rua=https://127.0.0.1/',
    'v=TLSRPTv1;rua=https://[::1]/',
    'v=TLSRPTv1;rua=https://0x7f.1/',
    'v=TLSRPTv1;rua=https://user:password@example.com/',
    'v=TLSRPTv1;rua=https://example.com:22/',
    `v=TLSRPTv1;rua=mailto:a@example.com;x=${'y'.repeat(2_000)}`,
  ])('is nowhere with %s', (record) => expect(places(record)).toEqual([]))

  it('is nowhere when two records say it (§3)', () => {
    const one = 'v=TLSRPTv1;rua=mailto:a@example.com'
    expect(places(one, one)).toEqual([])
    expect(places('v=spf1 -all', one)).toHaveLength(1)
  })

  it('is at a few places, however many it names', () => {
    const uris = Array.from({ length: 50 }, (_, at) => `mailto:a${at}@e.test`)
    expect(places(`v=TLSRPTv1;rua=${uris.join(',')}`)).toHaveLength(5)
  })

  it('may be written in several strings', () => expect(placesIn([['v=TLSRPTv1;rua=mai', 'lto:a@example.com']])).toHaveLength(1))

  it('may be anything at all', () => {
    const part = fc.constantFrom(
      'v=TLSRPTv1',
      ';',
      'rua=',
      'mailto:',
      'https://',
      'a@b.test',
      'b.test',
      ',',
      '%',
      '\r\n',
      ' ',
      '?',
      '[',
      '@',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(part, fc.string()), { maxLength: 20 }), (parts) => {
        for (const place of placesIn([['v=TLSRPTv1;rua=', ...parts]]))
          expect(place.kind === 'mail' ? place.address : place.host + place.path).not.toMatch(/[\r\n\0 ]/)
      }),
    )
  })
})
