import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBase32, hotp, matchingStep, toBase32, totpAddress, totpStep } from '../../server/identity/people/totp.ts'

const secret = Buffer.from('12345678901234567890')

describe('one-time passwords', () => {
  // RFC 4226 appendix D
  it.each([...['755224', '287082', '359152', '969429', '338314', '254676', '287922', '162583', '399871', '520489'].entries()])(
    'counter %i gives %s',
    (counter, code) => expect(hotp(secret, counter)).toBe(code),
  )

  // RFC 6238 appendix B, SHA-1
  it.each([
    [59, '94287082'],
    [1_111_111_109, '07081804'],
    [1_111_111_111, '14050471'],
    [1_234_567_890, '89005924'],
    [2_000_000_000, '69279037'],
    [20_000_000_000, '65353130'],
  ])('at %i seconds it is %s', (seconds, code) => expect(hotp(secret, totpStep(seconds * 1000), 8)).toBe(code))

  it('are taken one step early or late, and once', () => {
    const now = 1_111_111_109_000
    const step = totpStep(now)
    for (const drift of [-1, 0, 1]) expect(matchingStep(secret, hotp(secret, step + drift), { now, lastStep: null })).toBe(step + drift)
    for (const drift of [-2, 2]) expect(matchingStep(secret, hotp(secret, step + drift), { now, lastStep: null })).toBeNull()
    expect(matchingStep(secret, hotp(secret, step), { now, lastStep: step })).toBeNull()
    expect(matchingStep(secret, hotp(secret, step - 1), { now, lastStep: step })).toBeNull()
    expect(matchingStep(secret, hotp(secret, step + 1), { now, lastStep: step })).toBe(step + 1)
    const code = hotp(secret, step)
    expect(matchingStep(secret, ` ${code.slice(0, 3)} ${code.slice(3)}`, { now, lastStep: null })).toBe(step)
  })

  it('take nothing else for one', () => {
    const six = /^\s*(?:\d[\s-]*){6}$/
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (!six.test(text)) expect(matchingStep(secret, text, { now: 59_000, lastStep: null })).toBeNull()
      }),
    )
  })

  it('read back what they write', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect([...fromBase32(toBase32(bytes))]).toEqual([...bytes])
      }),
    )
    // RFC 4648 §10, without padding
    expect(toBase32(Buffer.from('foobar'))).toBe('MZXW6YTBOI')
    expect(totpAddress('AB', { issuer: 'Multi Mail', name: 'a@b' })).toBe(
      'otpauth://totp/Multi%20Mail%3Aa%40b?secret=AB&issuer=Multi%20Mail',
    )
  })
})
