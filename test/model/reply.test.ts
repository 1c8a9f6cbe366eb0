import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type EnhancedStatus, formatReply, parseReply } from '../../server/model/reply.ts'
import { harmful, wildText } from '../support/arbitraries.ts'

describe('an SMTP reply', () => {
  it.each([
    ['250 OK', { code: 250, status: null, text: 'OK' }],
    ['250', { code: 250, status: null, text: '' }],
    ['550 5.1.1 No such user', { code: 550, status: '5.1.1', text: 'No such user' }],
    ['550-5.1.1 No such\r\n550 5.1.1 user', { code: 550, status: '5.1.1', text: 'No such user' }],
    ['450-4.7.1 Greylisted,\r\n450-try\r\n450 later', { code: 450, status: '4.7.1', text: 'Greylisted, try later' }],
    ['421 4.7.28', { code: 421, status: '4.7.28', text: '' }],
    ['550 5.1.1234 odd', { code: 550, status: null, text: '5.1.1234 odd' }],
    ['354 go', { code: 354, status: null, text: 'go' }],
    ['250 x\u001b[2J\u0000\u202e', { code: 250, status: null, text: 'x [2J' }],
    ['250 a\tb', { code: 250, status: null, text: 'a b' }],
  ])('%j is %j', (text, reply) => {
    expect(parseReply(text)).toEqual(reply)
  })

  it.each(['', 'OK', '25', '2500', '150 x', '999 x', '25x', ' 250 x', '250x', '\r\n'])('%j is none', (text) => {
    expect(parseReply(text)).toBeNull()
  })

  it('never throws, whatever the other side says, and is one clean line', () => {
    const said = fc.tuple(fc.constantFrom('250 ', '550-5.1.1 ', '421 4.7.0 ', '', '250-'), wildText).map((parts) => parts.join(''))
    fc.assert(
      fc.property(said, (text) => {
        const reply = parseReply(text)
        if (reply === null) return
        expect(reply.text).not.toMatch(harmful)
        expect(formatReply(reply)).not.toMatch(/[\r\n]/)
      }),
    )
  })

  it('written and read again is the same', () => {
    const status = fc.tuple(fc.constantFrom(2, 4, 5), fc.nat(999), fc.nat(999)).map((parts) => parts.join('.') as EnhancedStatus)
    const text = fc.stringMatching(/^[A-Za-z][!-~]{0,10}( [!-~]{1,10}){0,5}$/)
    fc.assert(
      fc.property(
        fc.record({ code: fc.integer({ min: 200, max: 599 }), status: fc.option(status), text: fc.oneof(text, fc.constant('')) }),
        (reply) => {
          expect(parseReply(formatReply(reply))).toEqual(reply)
        },
      ),
    )
  })

  it('of megabytes is cut short', () => {
    const reply = parseReply(`250 ${'x'.repeat(5_000_000)}`)
    expect(reply?.text.length).toBeLessThan(5000)
  })
})
