import { describe, expect, it } from 'vitest'
import { type Trace, withTrace } from '../../server/inbound/filing/trace.ts'
import type { Address } from '../../server/model/address.ts'
import { letter } from '../support/remote-sender.ts'
import { ourField } from './post-office.ts'

const trace: Trace = {
  hostname: 'mx.ours.test',
  client: { ip: '203.0.113.7', helo: 'out.remote.test', protocol: 'ESMTPS', cipher: 'TLS_AES_256_GCM_SHA384' },
  id: 'em_1',
  recipient: 'ann@ours.test' as Address,
  reversePath: 'bo@remote.test' as Address,
  names: ['out.remote.test', 'other.remote.test'],
  reverse: 'confirmed',
  judgesByIp: true,
  results: {
    spf: { result: 'pass', domain: 'remote.test' },
    dkim: [
      { result: 'pass', domain: 'remote.test', selector: 'one', aligned: true, signature: 'AuUo+/Ef' },
      { result: 'fail', domain: 'list.test', selector: 'two', aligned: false },
    ],
    dmarc: { result: 'pass', policy: 'reject', domain: 'remote.test' },
    arc: { result: 'pass' },
  },
  receivedAt: Date.UTC(2026, 10, 22, 10),
}
const client = (more: Partial<Trace['client']>): Partial<Trace> => ({ client: { ...trace.client, ...more } })
const put = (more: Partial<Trace> = {}, message = letter()): Buffer => withTrace(Buffer.from(message), { ...trace, ...more })
const received = (more: Partial<Trace> = {}): string => ourField(put(more), 'received')
const results = (more: Partial<Trace> = {}): string => ourField(put(more), 'authentication-results')

describe('Authentication-Results (RFC 8601)', () => {
  it('tells each result with what it is about', () => {
    expect(results()).toBe(
      'Authentication-Results: mx.ours.test; iprev=pass policy.iprev=203.0.113.7; spf=pass smtp.mailfrom=remote.test; dkim=pass header.d=remote.test header.s=one header.b="AuUo+/Ef"; dkim=fail header.d=list.test header.s=two; dmarc=pass policy.dmarc=reject header.from=remote.test; arc=pass smtp.remote-ip=203.0.113.7',
    )
  })

  it('quotes what no bare word may have in it', () => {
    expect(results(client({ ip: '2001:db8::1' }))).toContain('iprev=pass policy.iprev="2001:db8::1"; ')
    expect(results(client({ ip: '::ffff:203.0.113.7' }))).toContain('policy.iprev=203.0.113.7; ')
  })

  it.each([
    ['mismatch', 'iprev=fail '],
    ['none', 'iprev=permerror '],
  ] as const)('says of a name that is %s: %s', (reverse, said) => {
    expect(results({ reverse, names: [] })).toContain(said)
  })

  it('says nothing that was not found out', () => {
    expect(results({ reverse: 'unknown', names: [] })).not.toContain('iprev')
    expect(results({ judgesByIp: false })).toMatch(/^Authentication-Results: mx\.ours\.test; dkim=/)
  })

  it('names who introduced itself when there is no return address', () => {
    expect(results({ reversePath: null })).toContain('spf=pass smtp.helo=out.remote.test;')
    expect(results({ reversePath: null, ...client({ helo: 'a b;dmarc=pass' }) })).toContain('spf=pass; dkim')
  })

  it('says that there is no signature and no chain', () => {
    const nothing = {
      ...trace.results,
      dkim: [],
      dmarc: { result: 'none', policy: null, domain: null } as const,
      arc: { result: 'none' } as const,
    }
    expect(results({ results: nothing })).toMatch(/; dkim=none; dmarc=none; arc=none$/)
  })
})

describe('a field that claims to be ours is removed', () => {
  it.each([
    'Authentication-Results: mx.ours.test; dmarc=pass\r\n',
    'AUTHENTICATION-RESULTS: MX.OURS.TEST; dmarc=pass\r\n',
    'Authentication-Results:mx.ours.test;dmarc=pass\r\n',
    'Authentication-Results: mx.ours.test\r\n',
    'Authentication-Results: mx.ours.test.; dmarc=pass\r\n',
    'Authentication-Results: mx.ours.test 1; dmarc=pass\r\n',
    'Authentication-Results: mx.ours.test/1; dmarc=pass\r\n',
    'Authentication-Results : mx.ours.test; dmarc=pass\r\n',
    'Authentication-Results:\r\n mx.ours.test;\r\n dmarc=pass\r\n',
    'Authentication-Results: "mx.ours.test"; dmarc=pass\r\n',
    'Authentication-Results: "mx\\.ours.test"; dmarc=pass\r\n',
    'Authentication-Results: (of) mx.ours.test (that (is \\) us)); dmarc=pass\r\n',
    'Authentication-Results: (a)(b)mx.ours.test; dmarc=pass\r\n',
    'Authentication-Results: \tmx.ours.test\t;\tdmarc=pass\r\n',
    'Authentication-Results: mx.ours.test;\r\n\tdkim=pass;\r\n\tdmarc=pass\r\n',
    'Authentication-Results: \uff4dx.ours.test; dmarc=pass\r\n',
  ])('%j', (forged) => {
    const raw = put({}, forged + letter()).toString()
    expect(raw.match(/^authentication-results/gim)).toHaveLength(1)
    expect(raw.endsWith(letter())).toBe(true)
  })

  it('in every spelling of a name that is not in US-ASCII', () => {
    for (const name of ['xn--bcher-kva.test', 'b\u00fccher.test', 'B\u00dcCHER.test', 'bu\u0308cher.test']) {
      const raw = put({ hostname: 'xn--bcher-kva.test' }, `Authentication-Results: ${name}; dmarc=pass\r\n${letter()}`)
      expect([name, raw.toString().match(/^authentication-results/gim)?.length]).toEqual([name, 1])
    }
  })

  it.each([
    'Authentication-Results: mx.theirs.test; dmarc=pass\r\n',
    'Authentication-Results: mx.ours.test.evil.test; dmarc=pass\r\n',
    'Authentication-Results: evil.test; x="mx.ours.test"; dmarc=pass\r\n',
    'ARC-Authentication-Results: i=1; mx.ours.test; dmarc=pass\r\n',
    'X-Authentication-Results: mx.ours.test; dmarc=pass\r\n',
  ])('but not one of somebody else, nor another field: %j', (theirs) => {
    expect(
      put({}, theirs + letter())
        .toString()
        .endsWith(theirs + letter()),
    ).toBe(true)
  })
})

describe('Received (RFC 5321 §4.4)', () => {
  it('tells who handed it over, to whom, how, as what and when', () => {
    expect(received()).toBe(
      'Received: from out.remote.test (out.remote.test [203.0.113.7]) by mx.ours.test with ESMTPS tls TLS_AES_256_GCM_SHA384 id em_1 for <ann@ours.test>; Sun, 22 Nov 2026 10:00:00 +0000',
    )
  })

  it.each<[what: string, more: Partial<Trace>, start: string]>([
    ['without a name', { names: [] }, 'from out.remote.test ([203.0.113.7]) '],
    ['of IPv6', { names: [], ...client({ ip: '2001:db8::1' }) }, 'from out.remote.test ([IPv6:2001:db8::1]) '],
    ['of IPv4 in IPv6 clothes', { names: [], ...client({ ip: '::ffff:203.0.113.7' }) }, 'from out.remote.test ([203.0.113.7]) '],
    ['on our own wire', { names: [], ...client({ ip: 'fe80::1%eth0' }) }, 'from out.remote.test ([IPv6:fe80::1]) '],
    ['that gave its address', { names: [], ...client({ helo: '[203.0.113.7]' }) }, 'from [203.0.113.7] ([203.0.113.7]) '],
    ['that gave its address of IPv6', { names: [], ...client({ helo: '[IPv6:2001:db8::1]' }) }, 'from [IPv6:2001:db8::1] ('],
    ['that gave no name', { names: [], ...client({ helo: 'x (dmarc=pass)\r\nX-Evil: 1' }) }, 'from unknown ([203.0.113.7]) '],
  ])('names a client %s', (_what, more, start) => {
    expect(received(more).slice('Received: '.length)).toMatch(new RegExp(`^${start.replace(/[.[\]()]/g, '\\$&')}`))
  })

  it('does not tell one recipient of another, nor of a cipher where there was none', () => {
    expect(received({ recipient: null, ...client({ protocol: 'SMTP', cipher: null }) })).toContain('by mx.ours.test with SMTP id em_1; ')
    expect(received(client({ cipher: 'x; tls evil' }))).toContain('with ESMTPS id em_1 ')
  })
})
