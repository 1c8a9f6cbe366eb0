import { describe, expect, it } from 'vitest'
import type { Zone } from '../../dns/resolver.ts'
import { authenticity, spfOf } from './authentic.ts'

/** RFC 7208 Appendix A. */
const appendixA: Zone = {
  'example.com': {
    A: ['192.0.2.10', '192.0.2.11'],
    MX: [
      { priority: 10, exchange: 'mail-a.example.com' },
      { priority: 20, exchange: 'mail-b.example.com' },
    ],
  },
  'amy.example.com': { A: ['192.0.2.65'] },
  'bob.example.com': { A: ['192.0.2.66'] },
  'mail-a.example.com': { A: ['192.0.2.129'] },
  'mail-b.example.com': { A: ['192.0.2.130'] },
  'www.example.com': { CNAME: 'example.com' },
  'example.org': { MX: [{ priority: 10, exchange: 'mail-c.example.org' }] },
  'mail-c.example.org': { A: ['192.0.2.140'] },
  '192.0.2.10': { PTR: ['example.com'] },
  '192.0.2.11': { PTR: ['example.com'] },
  '192.0.2.65': { PTR: ['amy.example.com'] },
  '192.0.2.66': { PTR: ['bob.example.com'] },
  '192.0.2.129': { PTR: ['mail-a.example.com'] },
  '192.0.2.130': { PTR: ['mail-b.example.com'] },
  '192.0.2.140': { PTR: ['mail-c.example.org'] },
  '10.0.0.4': { PTR: ['bob.example.com'] },
}

/** The zone with a policy for each of these names. */
const policies = (zone: Zone, records: Record<string, string | readonly string[]>): Zone => {
  const all: Zone = { ...zone }
  for (const [name, texts] of Object.entries(records)) all[name] = { ...all[name], TXT: typeof texts === 'string' ? [texts] : texts }
  return all
}

describe('the examples of RFC 7208 Appendix A.1', () => {
  it.each<[record: string, passes: string[], fails: string[]]>([
    ['+all', ['192.0.2.1', '198.51.100.7', '2001:db8::1'], []],
    ['a -all', ['192.0.2.10', '192.0.2.11'], ['192.0.2.65']],
    ['a:example.org -all', [], ['192.0.2.140', '192.0.2.10']],
    ['mx -all', ['192.0.2.129', '192.0.2.130'], ['192.0.2.10']],
    ['mx:example.org -all', ['192.0.2.140'], ['192.0.2.129']],
    ['mx mx:example.org -all', ['192.0.2.129', '192.0.2.130', '192.0.2.140'], ['192.0.2.141']],
    ['mx/30 mx:example.org/30 -all', ['192.0.2.128', '192.0.2.131', '192.0.2.140', '192.0.2.143'], ['192.0.2.132', '192.0.2.144']],
    ['ptr -all', ['192.0.2.65'], ['192.0.2.140', '10.0.0.4']],
    ['ip4:192.0.2.128/28 -all', ['192.0.2.129'], ['192.0.2.65']],
  ])('%s', async (record, passes, fails) => {
    const zone = policies(appendixA, { 'example.com': `v=spf1 ${record}` })
    for (const ip of passes) expect([ip, await spfOf(zone, { ip, sender: 'u@example.com' })]).toEqual([ip, 'pass'])
    for (const ip of fails) expect([ip, await spfOf(zone, { ip, sender: 'u@example.com' })]).toEqual([ip, 'fail'])
  })
})

it('a domain that sends with the servers of others, and its subdomains with its own (Appendix A.2)', async () => {
  const zone = policies(appendixA, {
    'example.org': 'v=spf1 include:example.com include:example.net -all',
    'la.example.org': 'v=spf1 redirect=example.org',
    'example.com': 'v=spf1 mx -all',
    'example.net': 'v=spf1 ip4:198.51.100.0/24 -all',
  })
  for (const sender of ['u@example.org', 'u@la.example.org']) {
    expect(await spfOf(zone, { ip: '192.0.2.129', sender })).toBe('pass')
    expect(await spfOf(zone, { ip: '198.51.100.9', sender })).toBe('pass')
    expect(await spfOf(zone, { ip: '192.0.2.140', sender })).toBe('fail')
  }
})

it('users who may send from elsewhere, listed in the DNS (Appendix A.3)', async () => {
  const zone = policies(
    {
      ...appendixA,
      'mary.mobile-users._spf.example.com': { A: ['127.0.0.2'] },
      'fred.mobile-users._spf.example.com': { A: ['127.0.0.2'] },
      '15.15.168.192.joel.remote-users._spf.example.com': { A: ['127.0.0.2'] },
    },
    {
      'example.com': 'v=spf1 mx include:mobile-users._spf.%{d} include:remote-users._spf.%{d} -all',
      'mobile-users._spf.example.com': 'v=spf1 exists:%{l1r+}.%{d}',
      'remote-users._spf.example.com': 'v=spf1 exists:%{ir}.%{l1r+}.%{d}',
    },
  )
  const from = (sender: string, ip: string) => spfOf(zone, { ip, sender })
  expect(await from('mary@example.com', '203.0.113.5')).toBe('pass')
  expect(await from('mary+news@example.com', '203.0.113.5')).toBe('pass')
  expect(await from('joel@example.com', '192.168.15.15')).toBe('pass')
  expect(await from('joel@example.com', '192.168.15.16')).toBe('fail')
  expect(await from('ann@example.com', '203.0.113.5')).toBe('fail')
  expect(await from('ann@example.com', '192.0.2.129')).toBe('pass')
})

it('several conditions at once, by including what denies (Appendix A.4)', async () => {
  const zone = policies(appendixA, {
    'example.com': 'v=spf1 -include:ip4._spf.%{d} -include:ptr._spf.%{d} +all',
    'ip4._spf.example.com': 'v=spf1 -ip4:192.0.2.0/24 +all',
    'ptr._spf.example.com': 'v=spf1 -ptr:example.com +all',
  })
  expect(await spfOf(zone, { ip: '192.0.2.65', sender: 'u@example.com' })).toBe('pass')
  expect(await spfOf(zone, { ip: '192.0.2.140', sender: 'u@example.com' })).toBe('fail')
  expect(await spfOf(zone, { ip: '203.0.113.5', sender: 'u@example.com' })).toBe('fail')
})

describe('the macros of RFC 7208 §7.4', () => {
  const v6 = '2001:db8::cb01'
  const nibbles = '1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2'
  it.each<[macro: string, name: string, ip?: string]>([
    ['%{s}.x.test', 'strong-bad@email.example.com.x.test'],
    ['%{o}', 'email.example.com'],
    ['%{d}', 'email.example.com'],
    ['%{d4}', 'email.example.com'],
    ['%{d3}', 'email.example.com'],
    ['%{d2}', 'example.com'],
    ['%{d1}.x.test', 'com.x.test'],
    ['%{dr}.x.test', 'com.example.email.x.test'],
    ['%{d2r}.x.test', 'example.email.x.test'],
    ['%{l}.x.test', 'strong-bad.x.test'],
    ['%{l-}.x.test', 'strong.bad.x.test'],
    ['%{lr}.x.test', 'strong-bad.x.test'],
    ['%{lr-}.x.test', 'bad.strong.x.test'],
    ['%{l1r-}.x.test', 'strong.x.test'],
    ['%{ir}.%{v}._spf.%{d2}', '3.2.0.192.in-addr._spf.example.com'],
    ['%{lr-}.lp._spf.%{d2}', 'bad.strong.lp._spf.example.com'],
    ['%{lr-}.lp.%{ir}.%{v}._spf.%{d2}', 'bad.strong.lp.3.2.0.192.in-addr._spf.example.com'],
    ['%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}', '3.2.0.192.in-addr.strong.lp._spf.example.com'],
    ['%{d2}.trusted-domains.example.net', 'example.com.trusted-domains.example.net'],
    ['%{ir}.%{v}._spf.%{d2}', `${nibbles}.ip6._spf.example.com`, v6],
    // what the table of the RFC leaves out
    ['%{h}.x.test', 'client.test.x.test'],
    ['a%%b%-c.x.test', 'a%b%20c.x.test'],
    ['%{L}.x.test', 'strong-bad.x.test'],
    ['%{S}.x.test', 'strong-bad%40email.example.com.x.test'],
    ['%{p}.x.test', 'mx.example.org.x.test'],
  ])('%s is %s', async (macro, name, ip = '192.0.2.3') => {
    const zone: Zone = {
      '192.0.2.3': { PTR: ['mx.example.org'] },
      'mx.example.org': { A: ['192.0.2.3'] },
      [name]: { A: ['127.0.0.2'] },
    }
    const sender = 'strong-bad@email.example.com'
    expect(await spfOf(policies(zone, { 'email.example.com': `v=spf1 exists:${macro} -all` }), { ip, sender })).toBe('pass')
  })

  it.each(['%{x}', '%{d', '%d', '%{d5z}', '%{}', '%(d)', 'a%'])('refuses %s', async (macro) => {
    const zone = policies({}, { 'example.com': `v=spf1 exists:${macro}.example.com -all` })
    expect(await spfOf(zone, { ip: '192.0.2.3', sender: 'u@example.com' })).toBe('permerror')
  })

  it('cuts a name that became too long from the left, at a label (§7.3)', async () => {
    const local = 'a'.repeat(60)
    const label = 'b'.repeat(60)
    const end = `${label}.${label}.${label}.test`
    const zone = policies({ [`${local}.${end}`.slice(61)]: { A: ['127.0.0.2'] } }, { 'example.com': `v=spf1 exists:%{l}.${end} -all` })
    expect(`${local}.${end}`.length).toBeLessThan(254)
    expect(await spfOf(zone, { ip: '192.0.2.3', sender: `${local}@example.com` })).toBe('fail')
    const longer = policies({ [`${label}.${end}`]: { A: ['127.0.0.2'] } }, { 'example.com': `v=spf1 exists:%{l}.${label}.${end} -all` })
    expect(await spfOf(longer, { ip: '192.0.2.3', sender: `${local}@example.com` })).toBe('pass')
  })
})

describe('which record counts (§4.3 to §4.5)', () => {
  const of = async (texts: readonly (string | readonly string[])[], ip = '192.0.2.3'): Promise<string> =>
    spfOf({ 'example.com': { TXT: texts } }, { ip, sender: 'u@example.com' })

  it.each<[what: string, texts: readonly (string | readonly string[])[], result: string]>([
    ['none', [], 'none'],
    ['another text', ['google-site-verification=x'], 'none'],
    ['two', ['v=spf1 +all', 'v=spf1 -all'], 'permerror'],
    ['one among others', ['a', 'v=spf1 +all', 'b'], 'pass'],
    ['a later version', ['v=spf10 +all'], 'none'],
    ['an earlier form', ['spf2.0/pra +all'], 'none'],
    ['the version alone', ['v=spf1'], 'neutral'],
    ['the version in capitals', ['V=SPF1 +ALL'], 'pass'],
    ['strings to be joined', [['v=spf1 ip4:192.0', '.2.3 -all']], 'pass'],
    ['blanks at the end', ['v=spf1 +all  '], 'pass'],
    ['no blank behind the version', ['v=spf1+all'], 'none'],
    ['letters that are none', ['v=spf1 a:b\u00fccher.test -all'], 'permerror'],
  ])('%s', async (_what, texts, result) => {
    expect(await of(texts)).toBe(result)
  })

  it('is not found for now when the DNS fails, which is no "none"', async () => {
    expect(await spfOf({ 'example.com': { SERVFAIL: true } }, { ip: '192.0.2.3', sender: 'u@example.com' })).toBe('temperror')
    expect(await spfOf({ 'example.com': { TIMEOUT: true } }, { ip: '192.0.2.3', sender: 'u@example.com' })).toBe('temperror')
  })

  it('is that of the name the client gave, without a reverse-path (§2.4)', async () => {
    const zone = policies({}, { 'mail.example.com': 'v=spf1 ip4:192.0.2.3 -all' })
    expect(await spfOf(zone, { ip: '192.0.2.3', sender: null, helo: 'mail.example.com' })).toBe('pass')
    expect(await spfOf(zone, { ip: '192.0.2.4', sender: null, helo: 'mail.example.com' })).toBe('fail')
    for (const helo of ['localhost', '[192.0.2.3]', '-', 'a..b', `${'a'.repeat(64)}.test`])
      expect([helo, await spfOf(zone, { ip: '192.0.2.3', sender: null, helo })]).toEqual([helo, 'none'])
  })
})

describe('the syntax of a whole record (§4.6)', () => {
  it.each<[record: string, result: string]>([
    ['-all', 'fail'],
    ['~all', 'softfail'],
    ['?all', 'neutral'],
    ['all', 'pass'],
    ['', 'neutral'],
    ['-ip4:198.51.100.1', 'neutral'],
    // errors, also behind what matched
    ['+all bogus', 'permerror'],
    ['bogus +all', 'permerror'],
    ['all:x.test', 'permerror'],
    ['all/8', 'permerror'],
    ['ip4:192.0.2.3/33', 'permerror'],
    ['ip4:192.0.2.3/08', 'permerror'],
    ['ip4:192.0.2', 'permerror'],
    ['ip4', 'permerror'],
    ['ip4:2001:db8::1', 'permerror'],
    ['ip6:2001:db8::1/129', 'permerror'],
    ['ip6:192.0.2.3', 'permerror'],
    ['a:', 'permerror'],
    ['include', 'permerror'],
    ['exists', 'permerror'],
    ['a//129', 'permerror'],
    ['a/33', 'permerror'],
    ['--all', 'permerror'],
    ['redirect=', 'permerror'],
    ['redirect=a.test redirect=b.test', 'permerror'],
    ['exp=a.test exp=b.test -all', 'permerror'],
    // unknown modifiers are passed over
    ['moo=bar +all', 'pass'],
    ['moo= +all', 'pass'],
    ['=x +all', 'permerror'],
    ['9=x +all', 'permerror'],
    // an explanation never changes a result
    ['exp=nowhere.test -all', 'fail'],
    ['exp=%{x}.test -all', 'permerror'],
  ])('v=spf1 %s', async (record, result) => {
    const zone = policies({}, { 'example.com': `v=spf1 ${record}` })
    expect(await spfOf(zone, { ip: '192.0.2.3', sender: 'u@example.com' })).toBe(result)
  })
})

describe('mechanisms (§5)', () => {
  it.each<[included: string | null, result: string]>([
    ['v=spf1 +all', 'pass'],
    ['v=spf1 -all', 'softfail'],
    ['v=spf1 ~all', 'softfail'],
    ['v=spf1 ?all', 'softfail'],
    ['v=spf1 bogus', 'permerror'],
    [null, 'permerror'],
  ])('include of %s (§5.2)', async (included, result) => {
    const zone = policies({}, { 'example.com': 'v=spf1 include:other.test ~all', ...(included !== null && { 'other.test': included }) })
    expect(await spfOf(zone, { ip: '192.0.2.3', sender: 'u@example.com' })).toBe(result)
  })

  it.each<[target: string | null, result: string]>([
    ['v=spf1 -all', 'fail'],
    ['v=spf1 ip4:192.0.2.3', 'pass'],
    ['v=spf1', 'neutral'],
    [null, 'permerror'],
  ])('redirect to %s (§6.1)', async (target, result) => {
    const zone = policies({}, { 'example.com': 'v=spf1 redirect=other.test', ...(target !== null && { 'other.test': target }) })
    expect(await spfOf(zone, { ip: '192.0.2.3', sender: 'u@example.com' })).toBe(result)
  })

  it('redirect is nothing beside all', async () => {
    const zone = policies({}, { 'example.com': 'v=spf1 redirect=other.test ?all', 'other.test': 'v=spf1 -all' })
    expect(await spfOf(zone, { ip: '192.0.2.3', sender: 'u@example.com' })).toBe('neutral')
  })

  it('a DNS failure in a mechanism is one of the result', async () => {
    for (const term of ['a:down.test', 'mx:down.test', 'include:down.test', 'exists:down.test', 'redirect=down.test']) {
      const zone = { ...policies({}, { 'example.com': `v=spf1 ${term}` }), 'down.test': { SERVFAIL: true as const } }
      expect([term, await spfOf(zone, { ip: '192.0.2.3', sender: 'u@example.com' })]).toEqual([term, 'temperror'])
    }
  })

  it('ip6 and ip4 are of two families, and a mapped address is of the older', async () => {
    const zone = policies({}, { 'example.com': 'v=spf1 ip6:2001:db8::/32 ip4:192.0.2.3 -all' })
    const from = (ip: string) => spfOf(zone, { ip, sender: 'u@example.com' })
    expect(await from('2001:db8:1::7')).toBe('pass')
    expect(await from('2001:db9::1')).toBe('fail')
    expect(await from('::ffff:192.0.2.3')).toBe('pass')
    expect(await from('::192.0.2.3')).toBe('fail')
  })

  it('exists asks for A, also of an IPv6 client', async () => {
    const zone = policies(
      { 'four.test': { A: ['127.0.0.2'] }, 'six.test': { AAAA: ['::1'] } },
      { 'example.com': 'v=spf1 exists:%{l}.test -all' },
    )
    expect(await spfOf(zone, { ip: '2001:db8::1', sender: 'four@example.com' })).toBe('pass')
    expect(await spfOf(zone, { ip: '2001:db8::1', sender: 'six@example.com' })).toBe('fail')
  })

  it('a lengths of both families', async () => {
    const zone = policies({ 'h.test': { A: ['192.0.2.128'], AAAA: ['2001:db8::1'] } }, { 'example.com': 'v=spf1 a:h.test/25//64 -all' })
    expect(await spfOf(zone, { ip: '192.0.2.200', sender: 'u@example.com' })).toBe('pass')
    expect(await spfOf(zone, { ip: '192.0.2.1', sender: 'u@example.com' })).toBe('fail')
    expect(await spfOf(zone, { ip: '2001:db8::ffff', sender: 'u@example.com' })).toBe('pass')
    expect(await spfOf(zone, { ip: '2001:db8:1::1', sender: 'u@example.com' })).toBe('fail')
  })
})

describe('limits (§4.6.4)', () => {
  const mail = { ip: '192.0.2.3', sender: 'u@example.com' }
  const hosts = (n: number): Zone => Object.fromEntries(Array.from({ length: n }, (_, at) => [`h${at}.test`, { A: ['198.51.100.1'] }]))
  const terms = (n: number): string => Array.from({ length: n }, (_, at) => `a:h${at}.test`).join(' ')

  it('ten look-ups, not eleven', async () => {
    expect(await spfOf(policies(hosts(10), { 'example.com': `v=spf1 ${terms(10)} +all` }), mail)).toBe('pass')
    expect(await spfOf(policies(hosts(11), { 'example.com': `v=spf1 ${terms(11)} +all` }), mail)).toBe('permerror')
  })

  it('over all records that one includes', async () => {
    const zone = policies(hosts(9), {
      'example.com': 'v=spf1 include:b.test include:c.test +all',
      'b.test': `v=spf1 ${terms(5)}`,
      'c.test': `v=spf1 ${terms(4)}`,
    })
    expect(await spfOf(zone, mail)).toBe('permerror')
    expect(await spfOf(policies(zone, { 'c.test': `v=spf1 ${terms(3)}` }), mail)).toBe('pass')
  })

  it('ends when records include each other', async () => {
    expect(await spfOf(policies({}, { 'example.com': 'v=spf1 include:example.com -all' }), mail)).toBe('permerror')
    expect(await spfOf(policies({}, { 'example.com': 'v=spf1 redirect=b.test', 'b.test': 'v=spf1 redirect=example.com' }), mail)).toBe(
      'permerror',
    )
  })

  it('two look-ups that find nothing, not three', async () => {
    const empty = (n: number): string => Array.from({ length: n }, (_, at) => `exists:nothing${at}.test`).join(' ')
    expect(await spfOf(policies({}, { 'example.com': `v=spf1 ${empty(2)} +all` }), mail)).toBe('pass')
    expect(await spfOf(policies({}, { 'example.com': `v=spf1 ${empty(3)} +all` }), mail)).toBe('permerror')
  })

  it('ten mail exchangers, not eleven', async () => {
    const exchangers = (n: number): Zone => ({
      ...hosts(n),
      'mx.test': { MX: Array.from({ length: n }, (_, at) => ({ priority: at, exchange: `h${at}.test` })) },
    })
    expect(await spfOf(policies(exchangers(10), { 'example.com': 'v=spf1 mx:mx.test +all' }), mail)).toBe('pass')
    expect(await spfOf(policies(exchangers(11), { 'example.com': 'v=spf1 mx:mx.test +all' }), mail)).toBe('permerror')
  })

  it('ten names of an address; more are not looked at', async () => {
    const names = Array.from({ length: 11 }, (_, at) => `n${at}.example.com`)
    const zone = (named: string): Zone =>
      policies({ '192.0.2.3': { PTR: names }, [named]: { A: ['192.0.2.3'] } }, { 'example.com': 'v=spf1 ptr -all' })
    expect(await spfOf(zone('n9.example.com'), mail)).toBe('pass')
    expect(await spfOf(zone('n10.example.com'), mail)).toBe('fail')
  })

  it('two hundred questions for one message, whatever its sender publishes', async () => {
    const zone: Zone = { 'example.com': { TXT: [`v=spf1 ${Array.from({ length: 10 }, (_, at) => `mx:m${at}.test`).join(' ')} -all`] } }
    for (let at = 0; at < 10; at++)
      zone[`m${at}.test`] = { MX: Array.from({ length: 10 }, (_, n) => ({ priority: n, exchange: `h${at}-${n}.test` })) }
    for (let at = 0; at < 100; at++) zone[`h${Math.floor(at / 10)}-${at % 10}.test`] = { A: ['198.51.100.1'] }
    const asked: string[] = []
    const { results } = await authenticity(zone, 'From: a@example.com\r\n\r\n', { reversePath: 'u@example.com', asked })
    expect(asked.length).toBeLessThanOrEqual(200)
    expect(results.spf.result).toBe('temperror')
  })
})
