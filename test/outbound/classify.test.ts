import { describe, expect, it } from 'vitest'
import { rules } from '../../server/outbound/classify-rules.ts'
import { classify } from '../../server/outbound/classify.ts'
import { type Stage, stages } from '../../server/outbound/transport.ts'
import { formatReply, parseReply } from '../../server/model/reply.ts'

const judge = (stage: Stage, text: string) => {
  const reply = parseReply(text)
  if (reply === null) throw new Error(`not a reply: ${text}`)
  return classify({ stage, reply })
}
const short = (stage: Stage, text: string) => {
  const { class: name, outcome, suppress } = judge(stage, text)
  return [name, outcome, suppress]
}

describe('the rules of bounce classes', () => {
  it.each(rules.map((rule) => [rule.seen.reply, rule] as const))('know “%s” by their own row and no earlier one', (text, rule) => {
    const reply = parseReply(text)
    const line = reply === null ? '' : formatReply(reply)
    const first = rules.find((one) => one.when.test(line) && (one.stages?.includes(rule.seen.stage) ?? true))
    expect(first).toBe(rule)
  })

  it('have an answer for every code at every stage', () => {
    for (const stage of stages) {
      for (let code = 200; code < 600; code += 1) {
        const { outcome } = classify({ stage, reply: { code, status: null, text: '' } })
        if (outcome === 'delivered') expect([stage, Math.floor(code / 100)]).toEqual(['dot', 2])
      }
    }
  })

  it('never end a delivery for a 4yz reply', () => {
    for (const { seen } of rules) {
      const temporary = seen.reply.replace(/^5(\d\d) 5\./, '4$1 4.').replace(/^5/, '4')
      expect(judge(seen.stage, temporary).outcome, temporary).toBe('retry')
    }
  })

  it('are applied in a moment to the longest text', () => {
    const texts = ['blocked by '.repeat(45), 'quota mailbox '.repeat(35), 'a'.repeat(500), 'user is user is '.repeat(31)]
    const started = performance.now()
    for (let round = 0; round < 20; round += 1) for (const text of texts) judge('rcpt', `550 ${text}`)
    expect(performance.now() - started).toBeLessThan(1_000)
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
    ['dot', '550 5.7.30 REQUIRETLS support required', 'authentication', 'fail', 'never'],
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
