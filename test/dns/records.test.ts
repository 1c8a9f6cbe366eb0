import { describe, expect, it } from 'vitest'
import { checkRecords, judge } from '../../dns/check.ts'
import type { DomainName } from '../../dns/name.ts'
import { type DomainSetup, type Purpose, characterStrings, recordsToPublish, zoneFileText } from '../../dns/records.ts'
import { createZoneResolver } from '../../dns/resolver.ts'
import { publish, textsInZoneFile } from '../support/dns-zone.ts'

const rsaKey = `MIIBIjAN${'A'.repeat(376)}IDAQAB`
const setup: DomainSetup = {
  domain: 'example.com' as DomainName,
  hostname: 'mail.example.com' as DomainName,
  addresses: ['192.0.2.25', '2001:db8::25'],
  dkim: [
    { selector: 'mm20261122r', algorithm: 'rsa-sha256', publicKey: rsaKey },
    { selector: 'mm20261122e', algorithm: 'ed25519-sha256', publicKey: 'Tm90IGEga2V5LCBidXQgMzIgb2N0ZXRzIGxvbmchISE=' },
  ],
  reportsTo: null,
}
const wanted = recordsToPublish(setup)
const find = (purpose: Purpose) => wanted.find((record) => record.purpose === purpose) ?? expect.fail()

describe('what to publish for a domain', () => {
  it('is one line a person can copy for each thing other servers look for', () => {
    expect(wanted.map(({ name, type, value }) => `${name} ${type} ${value?.slice(0, 32)}`)).toEqual([
      'mail.example.com A 192.0.2.25',
      'mail.example.com AAAA 2001:db8::25',
      'example.com MX 10 mail.example.com',
      'example.com TXT v=spf1 mx -all',
      'mail.example.com TXT v=spf1 a -all',
      'mm20261122r._domainkey.example.com TXT v=DKIM1; k=rsa; p=MIIBIjANAAAAAA',
      'mm20261122e._domainkey.example.com TXT v=DKIM1; k=ed25519; p=Tm90IGEga2',
      '_dmarc.example.com TXT v=DMARC1; p=none',
      '25.2.0.192.in-addr.arpa PTR mail.example.com',
      '5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR mail.example.com',
    ])
  })

  it('sends DMARC reports where the operator wants them', () => {
    const records = recordsToPublish({ ...setup, reportsTo: 'reports@example.com' })
    expect(records.find(({ purpose }) => purpose === 'dmarc')?.value).toBe('v=DMARC1; p=none; rua=mailto:reports@example.com')
  })

  it('has one SPF policy when the host has the name of the domain', () => {
    const records = recordsToPublish({ ...setup, hostname: setup.domain })
    expect(records.filter(({ value }) => value?.startsWith('v=spf1'))).toHaveLength(1)
  })

  it('keeps strings of a TXT record within 255 octets in a zone file, and readers get the whole back', () => {
    const texts = textsInZoneFile(zoneFileText(wanted))
    for (const record of wanted.filter(({ type }) => type === 'TXT')) expect(texts.get(record.name)).toBe(record.value)
    expect(characterStrings(find('dkim').value ?? '').map((each) => each.length)).toEqual([255, expect.any(Number)])
  })

  it('says in the zone file, as a comment, what cannot stand there', () => {
    const text = zoneFileText(recordsToPublish({ ...setup, addresses: [] }))
    const notes = text.split('\n').filter((line) => /\b(A|PTR)\b/.test(line))
    expect(notes).toEqual(['; mail.example.com. 300 IN A (the public address)', '; the address of this server: PTR mail.example.com'])
  })
})

describe('the check of what is published', () => {
  it('finds everything in order when the records are published as told', async () => {
    const findings = await checkRecords(createZoneResolver(publish(wanted)), wanted)
    expect(findings.map(({ record, state }) => `${record.purpose} ${state}`)).toEqual(wanted.map(({ purpose }) => `${purpose} ok`))
  })

  it('finds everything missing in an empty zone, and says what to publish', async () => {
    const findings = await checkRecords(createZoneResolver({}), wanted)
    expect(new Set(findings.map(({ state }) => state))).toEqual(new Set(['missing']))
    for (const { record, sentence } of findings) expect(sentence).toContain(record.value)
  })

  it('does not take a failed look-up for a missing record', async () => {
    const zone = Object.fromEntries(wanted.map(({ name }) => [name, { SERVFAIL: true as const }]))
    const findings = await checkRecords(createZoneResolver(zone), wanted)
    expect(new Set(findings.map(({ state }) => state))).toEqual(new Set(['unknown']))
  })

  it('does not know the reverse name of an address it does not know', async () => {
    const records = recordsToPublish({ ...setup, addresses: [] }).filter(({ purpose }) => purpose === 'reverse' || purpose === 'host')
    const findings = await checkRecords(createZoneResolver({ 'mail.example.com': { A: ['203.0.113.7'] } }), records)
    expect(findings.map(({ state, sentence }) => [state, sentence])).toEqual([
      ['ok', 'The A record of mail.example.com is 203.0.113.7; that should be the public address of this server.'],
      ['unknown', 'The PTR record of the address of this server could not be looked up (its address is not known here).'],
    ])
  })

  it.each<[Purpose, string[], string, RegExp]>([
    ['mx', ['10 MAIL.example.com.'], 'ok', /points here/],
    ['mx', ['10 mail.example.com', '20 old.example.net'], 'warning', /also to "20 old\.example\.net"/],
    ['mx', ['10 old.example.net'], 'wrong', /and not this server; publish: 10 mail\.example\.com/],
    ['mx', ['0 '], 'wrong', /not this server/],
    ['host', ['198.51.100.1'], 'wrong', /is 198\.51\.100\.1 and not 192\.0\.2\.25/],
    ['spf', ['unrelated', 'V=SPF1  MX -all'], 'ok', /should be/],
    ['spf', ['v=spf1 include:_spf.example.net -all'], 'warning', /make sure it lets this server send/],
    ['spf', ['v=spf1 mx -all', 'v=spf1 -all'], 'wrong', /exists 2 times .* merge/],
    ['spf', ['v=spf10 mx'], 'missing', /publish: v=spf1 mx -all/],
    ['dkim', [`k=rsa;p= ${rsaKey.slice(0, 100)} ${rsaKey.slice(100)}`], 'ok', /has our key/],
    ['dkim', ['v=DKIM1; k=rsa; p=OTHER'], 'wrong', /has another key; publish: v=DKIM1/],
    ['dkim', ['v=DKIM1; p='], 'wrong', /revoked/],
    ['dkim', ['v=DKIM1; p=A', 'v=DKIM1; p=B'], 'wrong', /2 times/],
    ['dmarc', ['v=DMARC1; p=none'], 'ok', /observes only/],
    ['dmarc', ['v=DMARC1;p=Reject;adkim=s'], 'ok', /asks others to reject/],
    ['dmarc', ['v=DMARC1; sp=none'], 'warning', /no p=/],
    ['dmarc', ['v=DMARC1; p=none', 'v=DMARC1; p=reject'], 'wrong', /2 times/],
    ['dmarc', ['p=none; v=DMARC1'], 'missing', /publish/],
    ['reverse', ['static-7.provider.example'], 'wrong', /have it set to mail\.example\.com/],
    ['reverse', ['Mail.Example.com.'], 'ok', /is mail\.example\.com/],
  ])('of %s %j is %s', (purpose, there, state, sentence) => {
    const finding = judge(find(purpose), { kind: 'found', value: there })
    expect([finding.state, finding.sentence]).toEqual([state, expect.stringMatching(sentence)])
  })

  it('shows what strangers published without what a terminal would obey', () => {
    const { sentence } = judge(find('spf'), { kind: 'found', value: [`v=spf1 \u001b]0;owned\u0007\u202e ${'x'.repeat(9999)}`] })
    expect(sentence).toMatch(/^[ -~…]*$/)
    expect(sentence.length).toBeLessThan(400)
  })
})
