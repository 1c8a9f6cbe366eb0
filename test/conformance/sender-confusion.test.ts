import { afterAll, expect, it } from 'vitest'
import { createWorkers } from '../../server/inbound/examine/workers.ts'
import { summaryOf } from '../../server/operations/views.ts'
import { silentLog } from '../../server/platform/log.ts'
import { openPostOffice } from '../inbound/post-office.ts'
import { createRemoteSender } from '../support/remote-sender.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { authenticity, signedByHand } from './authentic.ts'

/**
 * Ways to make what is verified and what is shown two different authors (Chen, Paxson and Jiang, "Composition Kills", USENIX Security 2020, and
 * those found since). The attacker owns evil.test: it passes SPF there. bank.test asks to reject what it did not send.
 */
const evil = createRemoteSender({ domain: 'evil.test' })
const bank = createRemoteSender({ domain: 'bank.test', spf: 'ip4:192.0.2.1' })
const zone = { ...evil.zone, ...bank.zone }

const policy = '550 5.7.1 Refused by the DMARC policy of the sender domain'
const many = '550 5.7.1 A message must have one From field, with authors of one domain'
const ends = '550 5.6.11 Lines must end in CRLF; bare CR, bare LF and NUL are not accepted'
const shown = (from: string, name: string | null = null): string => `unread, verified ${from} (${name ?? ''})`
const nobody = 'spam_flagged, unverified  ()'
const doubtful = (from: string): string => `spam_quarantined, unverified ${from} ()`

/** What the header section begins with, and what comes of it: the reply, or what the API then shows. */
const cases: readonly [what: string, fields: string, outcome: string][] = [
  ['a plain forgery', 'From: ceo@bank.test', policy],
  ['nothing but the truth', 'From: Me <me@evil.test>', shown('me@evil.test', 'Me')],
  // fields
  ['two From fields', 'From: ceo@bank.test\r\nFrom: me@evil.test', many],
  ['two From fields, the other way round', 'From: me@evil.test\r\nFrom: ceo@bank.test', many],
  ['a blank before a field', 'X-A: y\r\n From: ceo@bank.test\r\nFrom: me@evil.test', shown('me@evil.test')],
  ['a blank behind its name', 'From : ceo@bank.test\r\nFrom: me@evil.test', many],
  ['a blank behind its name, last', 'From: me@evil.test\r\nFrom : ceo@bank.test', many],
  ['a blank behind its name, alone', 'From : ceo@bank.test', policy],
  ['a tab behind its name', 'From\t: ceo@bank.test', policy],
  ['a name that is folded', 'From\r\n : ceo@bank.test\r\nFrom: me@evil.test', many],
  ['a name that is folded, alone', 'From\r\n : ceo@bank.test', policy],
  ['letters of another size', 'FROM: ceo@bank.test\r\nfrom: me@evil.test', many],
  ['a Sender of the bank', 'From: me@evil.test\r\nSender: ceo@bank.test', shown('me@evil.test')],
  ['a Sender and no author', 'Sender: ceo@bank.test', nobody],
  ['a Resent-From of the bank', 'From: me@evil.test\r\nResent-From: ceo@bank.test', shown('me@evil.test')],
  ['a Reply-To of the bank', 'From: me@evil.test\r\nReply-To: ceo@bank.test', shown('me@evil.test')],
  ['no author', 'Subject: Lunch', nobody],
  ['an empty author', 'From: ', nobody],
  ['an author in the text', 'Subject: Lunch\r\n\r\nFrom: ceo@bank.test', nobody],
  // lists and groups
  ['two authors', 'From: <ceo@bank.test>, <me@evil.test>', many],
  ['two authors, the other way round', 'From: <me@evil.test>, <ceo@bank.test>', many],
  ['two authors with a semicolon', 'From: ceo@bank.test; me@evil.test', many],
  ['two authors of the bank', 'From: ceo@bank.test, cfo@bank.test', policy],
  ['two authors of its own', 'From: me@evil.test, you@evil.test', shown('me@evil.test')],
  ['a comma that is escaped', 'From: <me@evil.test>\\,<ceo@bank.test>', many],
  ['a bare address before a bracketed one', 'From: ceo@bank.test,<me@evil.test>', many],
  ['a group', 'From: Friends: ceo@bank.test, me@evil.test;', many],
  ['a group with the name of an address', 'From: ceo@bank.test: me@evil.test;', shown('me@evil.test')],
  ['an empty group', 'From: ceo@bank.test:;', nobody],
  // names that look like addresses
  ['an address as the name', 'From: "ceo@bank.test" <me@evil.test>', shown('me@evil.test', 'ceo@bank.test')],
  ['an encoded address as the name', 'From: =?utf-8?Q?ceo=40bank.test?= <me@evil.test>', shown('me@evil.test', 'ceo@bank.test')],
  [
    'brackets in an encoded name',
    'From: =?utf-8?Q?CEO_=3Cceo=40bank.test=3E?= <me@evil.test>',
    shown('me@evil.test', 'CEO <ceo@bank.test>'),
  ],
  ['an address before the bracket', 'From: ceo@bank.test<me@evil.test>', shown('me@evil.test', 'ceo@bank.test')],
  ['an address behind the bracket', 'From: <me@evil.test>ceo@bank.test', shown('me@evil.test', 'ceo@bank.test')],
  ['a name written backwards', 'From: "\u202etset.knab@oec" <me@evil.test>', shown('me@evil.test', 'tset.knab@oec')],
  // comments
  ['a comment', 'From: (ceo@bank.test) me@evil.test', shown('me@evil.test', 'ceo@bank.test')],
  ['a comment behind', 'From: me@evil.test (ceo@bank.test)', shown('me@evil.test', 'ceo@bank.test')],
  ['a comment within the domain', 'From: ceo@bank.test(.evil.test)', policy],
  ['a comment that does not end', 'From: ceo@bank.test (<me@evil.test>', policy],
  // encodings that no address may have
  ['an encoded address, and another', 'From: =?utf-8?B?PGNlb0BiYW5rLnRlc3Q+?=,<me@evil.test>', doubtful('ceo@bank.test')],
  ['an encoded address alone', 'From: =?utf-8?B?PGNlb0BiYW5rLnRlc3Q+?=', doubtful('ceo@bank.test')],
  ['an encoded address in brackets', 'From: <=?utf-8?Q?ceo=40bank.test?=>', nobody],
  ['an encoded domain', 'From: me@=?utf-8?Q?bank.test?=', nobody],
  // addresses
  ['a route', 'From: <@evil.test,@any.test:ceo@bank.test>', policy],
  ['a route of the bank', 'From: <@bank.test:me@evil.test>', nobody],
  ['two addresses in brackets', 'From: <ceo@bank.test><me@evil.test>', policy],
  ['brackets within brackets', 'From: <<ceo@bank.test> me@evil.test>', policy],
  ['two at signs', 'From: ceo@bank.test@evil.test', many],
  ['two at signs, the other way round', 'From: me@evil.test@bank.test', many],
  ['a quoted local part', 'From: "ceo@bank.test"@evil.test', nobody],
  ['a quote that does not end', 'From: "ceo@bank.test@evil.test', nobody],
  ['a percent sign', 'From: ceo%bank.test@evil.test', shown('ceo%bank.test@evil.test')],
  ['a blank in the address', 'From: ceo @bank.test', policy],
  ['blanks behind', 'From: ceo@bank.test   ', policy],
  ['a folded field', 'From: "CEO"\r\n <ceo@bank.test>', policy],
  ['a folded address', 'From: ceo@\r\n bank.test', policy],
  ['a dot behind the domain', 'From: ceo@bank.test.', policy],
  ['an address literal', 'From: ceo@[127.0.0.1]', nobody],
  ['a domain without a name', 'From: bank.test', nobody],
  // characters
  ['a NUL', 'From: ceo@bank.test\0@evil.test', ends],
  ['a bare CR', 'From: ceo@bank.test\r@evil.test', ends],
  ['a bare LF', 'From: me@evil.test\nFrom: ceo@bank.test', ends],
  ['a wide dot', 'From: ceo@bank\uff0etest', policy],
  ['a character that nobody sees', 'From: ceo@ba\u200bnk.test', nobody],
  ['a letter that looks the same', 'From: ceo@b\u0430nk.test', 'unread, unverified ceo@xn--bnk-6cd.test ()'],
  ['an author of many kilobytes', `From: ${'"a" '.repeat(3_000)}<ceo@bank.test>`, 'spam_quarantined, unverified ceo@bank.test (…)'],
]

const workers = createWorkers({ log: silentLog })
afterAll(() => workers.close())

describeOnEachEngine('who is shown as the author', (openStore) => {
  it('is who was verified, or says that nobody was', async () => {
    const office = await openPostOffice(await openStore(), { workers, zone })
    const outcomes: [string, string][] = []
    for (const [what, fields] of cases) {
      const data = `${fields}\r\nTo: ann@ours.test\r\nMessage-ID: <${outcomes.length}@evil.test>\r\n\r\nHi\r\n`
      const reply = await office.send({ from: 'x@evil.test', data })
      const email = (await office.emails()).at(-1)
      outcomes.push([what, email === undefined || !reply.startsWith('250') ? reply : outcomeOf(email)])
    }
    expect(outcomes).toEqual(cases.map(([what, , outcome]) => [what, outcome]))
  })

  it('is not changed by what stands in the envelope', async () => {
    const office = await openPostOffice(await openStore(), { workers, zone })
    const data = 'From: ceo@bank.test\r\n\r\nHi\r\n'
    for (const path of ['any@nowhere.bank.test', 'any@bank.test.evil.test', 'x@evil.test', "@bank.test,@any.test:'any@evil.test", '']) {
      const client = await office.connect()
      await client.ask('EHLO bank.test')
      expect([path, await client.send({ from: path, to: 'ann@ours.test', data })]).toEqual([path, policy])
    }
    for (const path of ['any@bank.test(.evil.test', "any@bank.test'@any.evil.test", '(any@bank.test']) {
      const client = await office.connect()
      await client.ask('EHLO evil.test')
      expect([path, await client.ask(`MAIL FROM:<${path}>`)]).toEqual([path, expect.stringMatching(/^5\d\d 5\./)])
    }
  })
})

function outcomeOf(email: Parameters<typeof summaryOf>[0]): string {
  const { status, sender_verified, from, from_name } = summaryOf(email)
  const name = (from_name ?? '').length > 100 ? '…' : (from_name ?? '')
  return `${status}, ${sender_verified === true ? 'verified' : 'unverified'} ${from} (${name})`
}

it.each(['bank.test(.evil.test', "bank.test'a@.evil.test", 'bank.test;dmarc=pass.evil.test'])(
  'signing as %s makes no signature of bank.test',
  async (domain) => {
    const { message, names } = signedByHand({ domain, from: 'From: ceo@bank.test\r\n' })
    const { results } = await authenticity({ ...zone, ...names }, message, { reversePath: 'x@evil.test' })
    expect(results.dmarc).toMatchObject({ result: 'fail', domain: 'bank.test' })
    for (const { domain: signer, result } of results.dkim) expect(signer === 'bank.test' && result === 'pass').toBe(false)
  },
)
