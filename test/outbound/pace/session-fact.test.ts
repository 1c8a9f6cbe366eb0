import { describe, expect, it } from 'vitest'
import { factOf, hostHold, hostHoldMs } from '../../../server/outbound/pace/session-fact.ts'
import { type SessionEnd, type Stage, ourEnding } from '../../../server/outbound/transport.ts'

const minute = 60_000
const theirs = (stage: Stage, code: number, text: string): SessionEnd => ({
  stage,
  reply: { code, status: null, text },
  by: 'remote',
  mayBeAccepted: false,
  remoteAddress: '203.0.114.7',
  tls: null,
})
const ours = (stage: Stage, code: number, text: string): SessionEnd => ({
  ...ourEnding(stage, code, '4.4.2', text),
  remoteAddress: null,
  tls: null,
})

describe('what the end of a session says about the destination', () => {
  it.each<[string, SessionEnd, 'good' | 'bad' | null]>([
    ['a message that was taken', theirs('dot', 250, 'OK'), 'good'],
    ['no such mailbox', theirs('rcpt', 550, '5.1.1 No such user'), 'good'],
    ['a full mailbox', theirs('rcpt', 452, '4.2.2 Mailbox full'), 'good'],
    ['greylisting', theirs('rcpt', 450, '4.7.1 Greylisted, please try again in 300 seconds'), 'good'],
    ['a closed channel, whenever', theirs('rcpt', 421, '4.3.2 Service shutting down'), 'bad'],
    ['no welcome', theirs('greeting', 554, '5.7.1 No SMTP service here'), 'bad'],
    ['too much', theirs('dot', 451, '4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation.'), 'bad'],
    ['no connection', ours('connect', 451, 'connect ECONNREFUSED'), 'bad'],
    ['a connection lost before the message', ours('greeting', 451, 'The connection was closed'), 'bad'],
    ['a connection lost with the message on its way', ours('data', 451, 'The connection was closed'), null],
    ['a certificate that is not good enough for us', ours('tls', 451, 'TLS is required'), null],
    ['a message we would not send', ours('data', 554, 'The message has a bare CR or LF'), null],
  ])('%s is %3$s', (_what, end, kind) => {
    expect(factOf(end, 100, false)?.kind ?? null).toBe(kind)
  })

  it('counts nothing when we broke it off, unless they had spoken', () => {
    expect(factOf(ours('greeting', 451, 'Interrupted'), 100, true)).toBeNull()
    expect(hostHold(ours('connect', 451, 'Interrupted'), true)).toBeNull()
    expect(factOf(theirs('greeting', 421, 'Busy'), 100, true)?.kind).toBe('bad')
  })

  it('hears for how long they want to be left alone, only when they want that', () => {
    expect(factOf(theirs('mail', 421, '4.7.0 Too many messages, try again in 20 minutes'), 1, false)?.toldMs).toBe(20 * minute)
    expect(factOf(theirs('mail', 421, '4.7.0 Try again in 99999 hours'), 1, false)?.toldMs).toBe(6 * 60 * minute)
    expect(factOf(theirs('rcpt', 450, '4.7.1 Greylisted, please try again in 300 seconds'), 1, false)?.toldMs).toBeNull()
    expect(factOf(ours('greeting', 451, 'Try again in 20 minutes'), 1, false)?.toldMs).toBeNull()
  })

  it('leaves a host alone that could not be reached, longer when it was silent', () => {
    expect(hostHold(ours('connect', 451, 'connect ECONNREFUSED'), false)).toBe(hostHoldMs.refused)
    expect(hostHold(ours('connect', 451, 'No answer within 30 seconds'), false)).toBe(hostHoldMs.silent)
    expect(hostHold(ours('connect', 451, 'connect ETIMEDOUT'), false)).toBe(hostHoldMs.silent)
    expect(hostHold(ours('connect', 550, 'The host has no public address'), false)).toBeNull()
    expect(hostHold(ours('greeting', 451, 'No answer within 300 seconds'), false)).toBeNull()
    expect(hostHold(theirs('greeting', 421, 'Busy'), false)).toBeNull()
  })
})
