import { describe, expect, it } from 'vitest'
import type { Zone } from '../../dns/resolver.ts'
import { createRemoteSender, letter } from '../support/remote-sender.ts'
import { authenticity } from './authentic.ts'

type Case = {
  /** the From field */
  from: string
  /** a domain that passes SPF */
  spf?: string
  /** a domain whose signature passes */
  dkim?: string
  /** DMARC records by the domain they are for */
  records?: Record<string, string | readonly string[]>
  /** of the zone besides */
  names?: Zone
  asked?: string[]
}

async function dmarcOf({ from, spf, dkim, records = {}, names = {}, asked = [] }: Case): Promise<string> {
  const signer = dkim === undefined ? null : createRemoteSender({ domain: dkim, dmarc: null })
  const zone: Zone = { ...signer?.zone, ...(spf !== undefined && { [spf]: { TXT: ['v=spf1 ip4:192.0.2.1 -all'] } }) }
  for (const [domain, text] of Object.entries(records)) zone[`_dmarc.${domain}`] = { TXT: typeof text === 'string' ? [text] : text }
  const message = letter({ From: from })
  const signed = signer === null ? message : await signer.sign(message)
  const hand = { reversePath: spf === undefined ? null : `bounce@${spf}`, asked }
  const { results, author } = await authenticity({ ...zone, ...names }, signed, hand)
  const { result, policy } = results.dmarc
  return author === 'one' ? [result, policy].filter((part) => part !== null).join(' ') : author
}

const relaxed = 'v=DMARC1; p=reject'
const strict = 'v=DMARC1; p=reject; aspf=s; adkim=s'

describe('alignment (RFC 9989 §4.4, and the examples of its Appendix B.1)', () => {
  it.each<[what: string, author: string, identifier: string, inRelaxed: string, inStrict: string]>([
    ['the same domain', 'example.com', 'example.com', 'pass', 'pass'],
    ['a subdomain of the author’s', 'example.com', 'child.example.com', 'pass', 'fail'],
    ['the parent of the author’s', 'child.example.com', 'example.com', 'pass', 'fail'],
    ['a sister', 'one.example.com', 'two.example.com', 'pass', 'fail'],
    ['another domain', 'example.net', 'child.example.com', 'fail', 'fail'],
    ['a domain that only ends in the same letters', 'example.com', 'notexample.com', 'fail', 'fail'],
    ['a domain below which the author’s name appears', 'example.com', 'example.com.evil.test', 'fail', 'fail'],
  ])('%s', async (_what, author, identifier, inRelaxed, inStrict) => {
    const org = author.split('.').slice(-2).join('.')
    const from = `Ann <ann@${author}>`
    for (const [record, expected] of [
      [relaxed, inRelaxed],
      [strict, inStrict],
    ] as const) {
      expect(await dmarcOf({ from, spf: identifier, records: { [org]: record } })).toBe(`${expected} reject`)
      expect(await dmarcOf({ from, dkim: identifier, records: { [org]: record } })).toBe(`${expected} reject`)
    }
  })

  it('either proof is enough, and each has its own mode', async () => {
    const from = 'ann@example.com'
    const mixed = 'v=DMARC1; p=reject; adkim=s; aspf=r'
    expect(await dmarcOf({ from, spf: 'mail.example.com', dkim: 'other.test', records: { 'example.com': mixed } })).toBe('pass reject')
    expect(await dmarcOf({ from, spf: 'other.test', dkim: 'example.com', records: { 'example.com': mixed } })).toBe('pass reject')
    expect(await dmarcOf({ from, spf: 'other.test', dkim: 'mail.example.com', records: { 'example.com': mixed } })).toBe('fail reject')
  })

  it('letters and forms of a name do not matter', async () => {
    const records = { 'xn--bcher-kva.test': relaxed }
    expect(await dmarcOf({ from: 'ann@B\u00dcCHER.test', spf: 'xn--bcher-kva.test', records })).toBe('pass reject')
    expect(await dmarcOf({ from: 'ann@Xn--Bcher-Kva.TEST', spf: 'xn--bcher-kva.test', records })).toBe('pass reject')
  })
})

describe('finding the policy by a walk up the tree (§4.10)', () => {
  it('asks eight times at most, however long the name', async () => {
    const asked: string[] = []
    const from = 'ann@a.b.c.d.e.f.g.h.i.j.mail.example.com'
    expect(await dmarcOf({ from, records: { 'example.com': relaxed }, asked })).toBe('fail reject')
    expect(asked.filter((question) => question.startsWith('TXT _dmarc.'))).toEqual([
      'TXT _dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com',
      'TXT _dmarc.g.h.i.j.mail.example.com',
      'TXT _dmarc.h.i.j.mail.example.com',
      'TXT _dmarc.i.j.mail.example.com',
      'TXT _dmarc.j.mail.example.com',
      'TXT _dmarc.mail.example.com',
      'TXT _dmarc.example.com',
      'TXT _dmarc.com',
    ])
  })

  it.each<[what: string, author: string, records: Record<string, string | readonly string[]>, result: string]>([
    ['no record', 'example.com', {}, 'none'],
    ['that of the author’s domain', 'mail.example.com', { 'mail.example.com': 'v=DMARC1; p=none', 'example.com': relaxed }, 'fail none'],
    ['that of the organization', 'mail.example.com', { 'example.com': relaxed }, 'fail reject'],
    [
      'that of the organization, not one in between',
      'a.b.example.com',
      { 'b.example.com': 'v=DMARC1; p=none', 'example.com': relaxed },
      'fail reject',
    ],
    [
      'psd=n says that the organization begins here',
      'a.b.example.com',
      { 'b.example.com': 'v=DMARC1; p=none; psd=n', 'example.com': relaxed },
      'fail none',
    ],
    [
      'of a public suffix, the domain below it',
      'a.example.bank',
      { bank: 'v=DMARC1; p=quarantine; psd=y', 'example.bank': relaxed },
      'fail reject',
    ],
    ['of a public suffix alone', 'a.example.bank', { bank: 'v=DMARC1; p=quarantine; psd=y' }, 'fail quarantine'],
    ['two records are none', 'example.com', { 'example.com': [relaxed, 'v=DMARC1; p=none'] }, 'none'],
    [
      'two records below one',
      'mail.example.com',
      { 'mail.example.com': [relaxed, relaxed], 'example.com': 'v=DMARC1; p=none' },
      'fail none',
    ],
    ['other texts beside it', 'example.com', { 'example.com': ['v=spf1 -all', relaxed, 'x'] }, 'fail reject'],
    ['a version it is not', 'example.com', { 'example.com': 'v=DMARC2; p=reject' }, 'none'],
    ['a version in small letters', 'example.com', { 'example.com': 'v=dmarc1; p=reject' }, 'none'],
    ['the version not in front', 'example.com', { 'example.com': 'p=reject; v=DMARC1' }, 'none'],
  ])('%s', async (_what, author, records, result) => {
    expect(await dmarcOf({ from: `ann@${author}`, records })).toBe(result)
  })

  it('does not align two customers of one public suffix', async () => {
    const records = { bank: 'v=DMARC1; p=reject; psd=y' }
    expect(await dmarcOf({ from: 'ann@one.bank', spf: 'two.bank', records })).toBe('fail reject')
    expect(await dmarcOf({ from: 'ann@one.bank', spf: 'mail.one.bank', records })).toBe('pass reject')
  })

  it('does not align two organizations below one name, when they say so', async () => {
    const records = { 'example.com': relaxed, 'a.example.com': 'v=DMARC1; p=reject; psd=n', 'b.example.com': 'v=DMARC1; p=reject; psd=n' }
    expect(await dmarcOf({ from: 'ann@a.example.com', spf: 'b.example.com', records })).toBe('fail reject')
    expect(await dmarcOf({ from: 'ann@a.example.com', spf: 'mail.a.example.com', records })).toBe('pass reject')
  })

  it('does not know it when the DNS fails on the way, unless the author’s own domain has spoken', async () => {
    const down = { SERVFAIL: true as const }
    expect(await dmarcOf({ from: 'ann@example.com', names: { '_dmarc.example.com': down } })).toBe('temperror')
    expect(await dmarcOf({ from: 'ann@a.example.com', names: { '_dmarc.example.com': down } })).toBe('temperror')
    const records = { 'a.example.com': relaxed }
    expect(await dmarcOf({ from: 'ann@a.example.com', spf: 'a.example.com', records, names: { '_dmarc.example.com': down } })).toBe(
      'pass reject',
    )
    expect(await dmarcOf({ from: 'ann@a.example.com', spf: 'b.example.com', records, names: { '_dmarc.example.com': down } })).toBe(
      'temperror reject',
    )
  })
})

describe('which policy (§4.7, §4.10.1)', () => {
  const org = (record: string): Record<string, string> => ({ 'example.com': `v=DMARC1; ${record}` })
  it.each<[record: string, author: string, result: string]>([
    ['p=none', 'example.com', 'fail none'],
    ['p=quarantine', 'example.com', 'fail quarantine'],
    ['p=reject', 'example.com', 'fail reject'],
    ['p=REJECT', 'example.com', 'fail reject'],
    ['p=reject; sp=none', 'example.com', 'fail reject'],
    ['p=reject; sp=none', 'mail.example.com', 'fail none'],
    ['p=none; sp=reject', 'mail.example.com', 'fail reject'],
    // np= is for names that do not exist; mail.example.com has records here
    ['p=none; np=reject', 'mail.example.com', 'fail none'],
    ['p=none; np=reject', 'nowhere.example.com', 'fail reject'],
    ['p=reject; sp=none; np=quarantine', 'nowhere.example.com', 'fail quarantine'],
    ['p=reject; sp=none; np=quarantine', 'mail.example.com', 'fail none'],
    // t=y: one step milder
    ['p=reject; t=y', 'example.com', 'fail quarantine'],
    ['p=quarantine; t=y', 'example.com', 'fail none'],
    ['p=none; t=y', 'example.com', 'fail none'],
    ['p=none; sp=reject; t=y', 'mail.example.com', 'fail quarantine'],
    ['p=reject; t=n', 'example.com', 'fail reject'],
    // pct= is historic
    ['p=reject; pct=0', 'example.com', 'fail reject'],
    // broken
    ['p=discard', 'example.com', 'none'],
    ['p=discard; rua=mailto:d@example.com', 'example.com', 'fail none'],
    ['rua=mailto:d@example.com', 'example.com', 'fail none'],
    ['p=reject; sp=discard; rua=mailto:d@example.com', 'example.com', 'fail none'],
    ['p=reject; unknown=tag; ;', 'example.com', 'fail reject'],
    ['p = reject', 'example.com', 'fail reject'],
  ])('%s, of %s', async (record, author, result) => {
    const names: Zone = { 'mail.example.com': { A: ['192.0.2.9'] } }
    expect(await dmarcOf({ from: `ann@${author}`, records: org(record), names })).toBe(result)
  })

  it('is not known when the DNS does not say whether the name exists', async () => {
    const names: Zone = { 'mail.example.com': { SERVFAIL: true } }
    expect(await dmarcOf({ from: 'ann@mail.example.com', records: org('p=none; np=reject'), names })).toMatch(/^temperror/)
  })
})

describe('whose domain is judged (§5.3.1, §11.5)', () => {
  const records = { 'example.com': relaxed, 'example.net': relaxed }
  it.each<[from: string, result: string]>([
    ['ann@example.com', 'fail reject'],
    ['Ann <ann@example.com>', 'fail reject'],
    ['ann@example.com, bob@example.com', 'fail reject'],
    ['ann@example.com, bob@example.net', 'many'],
    ['Us: ann@example.com, bob@example.com;', 'fail reject'],
    ['Us: ann@example.com, bob@example.net;', 'many'],
    ['Undisclosed: ;', 'none'],
    ['Ann', 'none'],
    ['<>', 'none'],
    ['"ceo@example.net" <ann@example.com>', 'fail reject'],
    ['ann@example.com (bob@example.net)', 'fail reject'],
    ['"ceo@example.net"@example.com', 'fail reject'],
  ])('From: %s', async (from, result) => {
    expect(await dmarcOf({ from, records })).toBe(result)
  })
})
