import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { meanings } from '../../server/outbound/classify-meanings.ts'
import { classify } from '../../server/outbound/classify.ts'
import { rowFor } from '../../server/outbound/classify/match.ts'
import { table } from '../../server/outbound/classify/table.ts'
import { type Stage, stages } from '../../server/outbound/transport.ts'
import { type Reply, parseReply } from '../../server/model/reply.ts'

const read = (text: string): Reply => {
  const reply = parseReply(text)
  if (reply === null) throw new Error(`not a reply: ${text}`)
  return reply
}
const judge = (stage: Stage, text: string) => classify({ stage, reply: read(text) })
const short = (stage: Stage, text: string) => {
  const { class: name, outcome, suppress } = judge(stage, text)
  return [name, outcome, suppress]
}

/** Classes that are about us, our address, our domain or our smarthost. */
const infrastructure = [
  'blocklisted',
  'ptr',
  'authentication',
  'sender',
  'smarthost',
  'relay',
  'tls-policy',
  'rate-limited',
  'network',
  'signing',
] as const

describe('the table of refusals', () => {
  it.each(table.map((row) => [row.by, row.seen.reply, row] as const))(
    '%s: “%s” is known by its own row and no earlier one',
    (_by, text, row) => {
      expect(rowFor({ stage: row.seen.stage, reply: read(text) })).toBe(row)
    },
  )

  it('knows at least 150 replies, each once, and names only addresses and domains of the documentation', () => {
    const seen = table.map((row) => row.seen.reply)
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.length).toBeGreaterThanOrEqual(150)
    const addresses = seen.join(' ').match(/\b\d{1,3}(?:\.\d{1,3}){3}\b/g) ?? []
    // 4.16.55.1 is Yahoo’s number for the rule.
    expect(new Set(addresses)).toEqual(new Set(['192.0.2.1', '4.16.55.1']))
  })

  it('has an answer for every code at every stage', () => {
    for (const stage of stages) {
      for (let code = 200; code < 600; code += 1) {
        const { outcome } = classify({ stage, reply: { code, status: null, text: '' } })
        if (outcome === 'delivered') expect([stage, Math.floor(code / 100)]).toEqual(['dot', 2])
      }
    }
  })

  it('never ends a delivery for a 4yz reply', () => {
    for (const { seen } of table) {
      const temporary = seen.reply.replaceAll(/^5(\d\d[ -])(?:5\.)?/gm, (_all, rest: string) => `4${rest}`)
      expect(judge(seen.stage, temporary).outcome, temporary).toBe('retry')
    }
  })

  it('never lets a recipient suffer for what is wrong with us', () => {
    for (const name of infrastructure) expect([name, meanings[name].suppress]).toEqual([name, 'never'])
    for (const row of table)
      if (meanings[row.class].blame !== 'recipient')
        expect([row.seen.reply, meanings[row.class].suppress]).toEqual([row.seen.reply, 'never'])
  })

  it('knows whose fault it is in whatever code it is wrapped', () => {
    const words = table.filter(
      (row) => row.class === 'blocklisted' && row.code === '' && !row.when.source.startsWith('^') && row.stages === null,
    )
    expect(words.length).toBeGreaterThan(20)
    for (const row of words)
      for (const code of ['550 5.1.1', '550 5.7.1', '550', '554 5.2.1', '553', '421 4.2.2']) {
        const text = read(row.seen.reply).text
        expect([text, judge('rcpt', `${code} ${text}`).suppress]).toEqual([text, 'never'])
      }
  })

  it('has only patterns whose work is bounded by the length of what they read', () => {
    for (const { when } of table) expect(when.source.replaceAll(/\\./g, ''), String(when)).not.toMatch(/[*+]|\{\d+,\}/)
  })

  it('ends in a moment on whatever a stranger writes', () => {
    const pieces = [
      'blocked by ',
      'quota mailbox ',
      'a',
      'user is ',
      'SPF ',
      'link ',
      'size message ',
      'sender address ',
      'Your IP ',
      '#5.1.1 ',
      'no ',
      '5.7.1 ',
    ]
    const text = fc
      .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: 'binary', maxLength: 20 })), { maxLength: 200 })
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.constantFrom(...stages), fc.integer({ min: 200, max: 599 }), text, (stage, code, words) => {
        const found = classify({ stage, reply: { code, status: null, text: words } })
        if (code < 500 && code >= 400) expect(found.outcome).toBe('retry')
        if (found.suppress !== 'never') expect(found.blame).toBe('recipient')
      }),
      { numRuns: 100 },
    )
    for (const piece of pieces) judge('rcpt', `550 ${piece.repeat(4000)}`)
  }, 20_000)
})

describe('every code of the registry', () => {
  // https://www.iana.org/assignments/smtp-enhanced-status-codes, as 5.y.z and as 4.y.z, without a word to go by.
  it.each(
    `0.0 refused temporary | 1.0 recipient temporary | 1.1 recipient temporary | 1.2 domain temporary | 1.3 recipient temporary | 1.4 recipient temporary
    | 1.5 recipient temporary | 1.6 recipient temporary | 1.7 sender sender | 1.8 sender sender | 1.9 unsupported temporary | 1.10 recipient temporary
    | 2.0 refused temporary | 2.1 inactive temporary | 2.2 mailbox-full mailbox-full | 2.3 too-large temporary | 2.4 refused temporary
    | 3.0 refused temporary | 3.1 temporary temporary | 3.2 temporary temporary | 3.3 unsupported temporary | 3.4 too-large temporary | 3.5 temporary temporary | 3.6 refused temporary
    | 4.0 network network | 4.1 network network | 4.2 network network | 4.3 network network | 4.4 domain network | 4.5 rate-limited network | 4.6 loop loop | 4.7 network network
    | 5.0 protocol temporary | 5.1 protocol temporary | 5.2 protocol temporary | 5.3 rate-limited rate-limited | 5.4 protocol temporary | 5.5 protocol temporary | 5.6 protocol temporary
    | 6.0 content temporary | 6.1 content temporary | 6.2 unsupported temporary | 6.3 unsupported temporary | 6.4 unsupported temporary | 6.5 unsupported temporary
    | 6.6 content temporary | 6.7 unsupported temporary | 6.8 unsupported temporary | 6.9 unsupported temporary | 6.10 unsupported temporary
    | 7.0 refused temporary | 7.1 refused temporary | 7.2 restricted restricted | 7.3 unsupported temporary | 7.4 tls-policy tls-policy | 7.5 authentication authentication
    | 7.6 tls-policy tls-policy | 7.7 authentication authentication | 7.8 smarthost smarthost | 7.9 smarthost smarthost | 7.10 tls-policy tls-policy | 7.11 tls-policy tls-policy
    | 7.12 smarthost smarthost | 7.13 inactive temporary | 7.14 restricted restricted | 7.15 restricted restricted | 7.16 too-large temporary | 7.17 inactive temporary
    | 7.18 inactive temporary | 7.19 unsupported temporary | 7.20 authentication authentication | 7.21 authentication authentication | 7.22 authentication authentication
    | 7.23 authentication authentication | 7.24 authentication authentication | 7.25 ptr ptr | 7.26 authentication authentication | 7.27 sender sender
    | 7.28 rate-limited rate-limited | 7.29 authentication authentication | 7.30 tls-policy tls-policy`
      .split('|')
      .map((line) => line.trim().split(' ') as [string, string, string]),
  )('X.%s means %s when final and %s for now', (detail, final, now) => {
    expect([judge('rcpt', `550 5.${detail} No`).class, judge('rcpt', `451 4.${detail} No`).class]).toEqual([final, now])
  })

  it('is also read where qmail and IronPort write it', () => {
    expect(short('rcpt', '550 sorry, no mailbox here by that name. (#5.1.1)')).toEqual(['recipient', 'fail', 'at-once'])
    expect(short('dot', '552 #5.3.4 message size exceeds limit')).toEqual(['too-large', 'fail', 'never'])
    expect(short('rcpt', '450 try later (#5.1.1)')).toEqual(['greylisted', 'retry', 'never'])
  })
})

// Row by row, what the field's experience asks for.
describe('a reply means', () => {
  it.each<[Stage, string, string, string, string]>([
    ['dot', '250 2.0.0 Ok', 'delivered', 'delivered', 'never'],
    // the recipient
    ['rcpt', '550 5.1.1 No such user', 'recipient', 'fail', 'at-once'],
    ['dot', '550 5.1.1 No such user', 'recipient', 'fail', 'at-once'],
    ['rcpt', '550 5.1.3 Bad address syntax', 'recipient', 'fail', 'at-once'],
    ['rcpt', '550 5.1.6 Mailbox has moved', 'recipient', 'fail', 'at-once'],
    ['rcpt', '556 5.1.10 Recipient address has null MX', 'recipient', 'fail', 'at-once'],
    ['rcpt', '551 User not local', 'recipient', 'fail', 'at-once'],
    ['rcpt', '553 5.1.0 Mailbox name not allowed', 'recipient', 'fail', 'at-once'],
    ['rcpt', '550 User unknown', 'recipient', 'fail', 'at-once'],
    ['route', '550 5.1.2 The domain does not exist', 'domain', 'fail', 'at-once'],
    ['rcpt', '550 5.2.1 Mailbox disabled', 'inactive', 'fail', 'second-in-30-days'],
    ['rcpt', '525 5.7.13 User account disabled', 'inactive', 'fail', 'second-in-30-days'],
    ['rcpt', '550 5.7.17 Mailbox owner has changed', 'inactive', 'fail', 'second-in-30-days'],
    ['rcpt', '550 5.7.18 Domain owner has changed', 'inactive', 'fail', 'second-in-30-days'],
    ['rcpt', '552 5.2.2 Over quota', 'mailbox-full', 'retry', 'third-over-7-days'],
    ['rcpt', '452 4.2.2 Over quota', 'mailbox-full', 'retry', 'third-over-7-days'],
    ['rcpt', '452 Requested action not taken', 'mailbox-full', 'retry', 'third-over-7-days'],
    // the message
    ['dot', '552 5.2.3 Message too large', 'too-large', 'fail', 'never'],
    ['mail', '552 5.3.4 Message too big', 'too-large', 'fail', 'never'],
    ['dot', '552 Exceeded', 'too-large', 'fail', 'never'],
    ['dot', '554 5.7.1 Spam message rejected', 'content', 'fail', 'never'],
    ['dot', '554 5.6.0 Bad content', 'content', 'fail', 'never'],
    // patience
    ['rcpt', '450 4.7.1 Greylisting in action', 'greylisted', 'retry', 'never'],
    ['rcpt', '450 4.2.0 You are greylisted', 'greylisted', 'retry', 'never'],
    ['rcpt', '450 Come back', 'greylisted', 'retry', 'never'],
    ['dot', '450 4.7.28 Too fast', 'rate-limited', 'retry', 'never'],
    ['mail', '451 4.7.650 The mail server has been temporarily rate limited', 'rate-limited', 'retry', 'never'],
    ['mail', '421 RP-001 weren’t sent', 'rate-limited', 'retry', 'never'],
    ['greeting', '421 4.7.0 [TSS04] temporarily deferred', 'rate-limited', 'retry', 'never'],
    ['greeting', '421 4.7.0 Later', 'rate-limited', 'retry', 'never'],
    // us, or what is thought of us: never the recipient's fault
    ['mail', '550 5.7.1 part of their network is on our block list (S3140)', 'blocklisted', 'retry', 'never'],
    ['rcpt', '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org', 'blocklisted', 'retry', 'never'],
    ['rcpt', '550 5.7.606 Access denied, banned sending IP', 'blocklisted', 'retry', 'never'],
    ['rcpt', '550 5.7.649 Access denied', 'blocklisted', 'retry', 'never'],
    ['greeting', '554 Go away', 'blocklisted', 'retry', 'never'],
    ['dot', '550 5.7.25 The IP address sending this message does not have a PTR record', 'ptr', 'fail', 'never'],
    ['dot', '550 5.7.26 Unauthenticated email is not accepted', 'authentication', 'fail', 'never'],
    ['dot', '550 5.7.515 Access denied, sending domain does not meet the required authentication level', 'authentication', 'fail', 'never'],
    ['dot', '550 5.7.20 No passing DKIM signature found', 'authentication', 'fail', 'never'],
    ['dot', '550 5.7.23 SPF validation failed', 'authentication', 'fail', 'never'],
    ['dot', '550 5.7.29 ARC validation failure', 'authentication', 'fail', 'never'],
    ['dot', '550 5.7.30 REQUIRETLS support required', 'tls-policy', 'fail', 'never'],
    ['mail', '553 5.1.8 Sender domain not found', 'sender', 'fail', 'never'],
    // between servers
    ['dot', '554 5.4.6 Too many hops', 'loop', 'fail', 'never'],
    ['dot', '554 5.4.14 Hop count exceeded', 'loop', 'fail', 'never'],
    ['mail', '501 5.5.4 Invalid argument', 'protocol', 'fail', 'never'],
    ['rcpt', '503 Bad sequence', 'protocol', 'fail', 'never'],
    ['ehlo', '500 What?', 'protocol', 'fail', 'never'],
    ['connect', '451 4.4.1 connect ECONNREFUSED', 'network', 'retry', 'never'],
    ['connect', '451 4.4.1 No answer within 30 seconds', 'network', 'retry', 'never'],
    ['data', '451 4.4.2 The connection was closed', 'network', 'retry', 'never'],
    ['route', '451 4.4.3 The DNS gave no answer (ESERVFAIL)', 'network', 'retry', 'never'],
    ['mail', '454 4.7.4 TLS not available', 'tls-policy', 'retry', 'never'],
    ['mail', '550 5.7.10 Encryption needed', 'tls-policy', 'retry', 'never'],
    ['mail', '530 5.7.0 Must issue a STARTTLS command first', 'tls-policy', 'retry', 'never'],
    ['dot', '451 4.3.0 Local problem', 'temporary', 'retry', 'never'],
    ['rcpt', '550 5.7.1 Not allowed', 'refused', 'fail', 'never'],
    ['dot', '354 What now', 'protocol', 'retry', 'never'],
  ])('at %s, %s: %s, %s, suppress %s', (stage, text, name, outcome, suppress) => {
    expect(short(stage, text)).toEqual([name, outcome, suppress])
  })

  it('hard when it is final, soft when time has to run out first, in the contract’s words', () => {
    expect(judge('rcpt', '550 5.1.1 No').bounceType).toBe('hard')
    expect(judge('rcpt', '450 4.2.1 No').bounceType).toBe('soft')
    expect(judge('dot', '250 Ok').bounceType).toBeNull()
  })
})
