import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDomainName } from '../../dns/name.ts'
import { type Address, localPartOf, parseAddress } from '../../server/model/address.ts'
import { newId } from '../../server/model/ids.ts'
import { readReturnPath, returnPath } from '../../server/model/return-path.ts'

const day = 24 * 60 * 60_000
const now = Date.UTC(2026, 10, 22)
const domain = parseDomainName('ours.test')
if (domain === null) throw new Error('no domain')
const secret = 'a'.repeat(64)

describe('a signed return path', () => {
  it('is an address that fits, and names its email', () => {
    const email = newId('email', now)
    const path = returnPath(secret, email, domain, now)
    expect(parseAddress(path)).toBe(path)
    expect(localPartOf(path).length).toBeLessThanOrEqual(64)
    expect(path.endsWith('@ours.test')).toBe(true)
    expect(readReturnPath(secret, path, now)).toBe(email)
    // RFC 5321 §2.4 says to keep the case of a local part; not everybody does.
    expect(readReturnPath(secret, path.toUpperCase().replace('OURS.TEST', 'ours.test') as Address, now)).toBe(email)
  })

  it('ends after ninety days', () => {
    const path = returnPath(secret, newId('email', now), domain, now)
    expect(readReturnPath(secret, path, now + 90 * day)).not.toBe('forged')
    expect(readReturnPath(secret, path, now + 91 * day)).toBe('forged')
  })

  it('is forged with another secret, for another domain, email or day, and with any character changed', () => {
    const path = returnPath(secret, newId('email', now), domain, now)
    expect(readReturnPath('b'.repeat(64), path, now)).toBe('forged')
    expect(readReturnPath(secret, path.replace('@ours.test', '@theirs.test') as Address, now)).toBe('forged')
    const local = localPartOf(path)
    fc.assert(
      fc.property(fc.nat({ max: local.length - 1 }), fc.constantFrom(...'0123456789abcdefz.+'.split('')), (at, character) => {
        fc.pre(local[at] !== character)
        const changed = `${local.slice(0, at)}${character}${local.slice(at + 1)}@ours.test` as Address
        expect([null, 'forged']).toContain(readReturnPath(secret, changed, now))
      }),
    )
  })

  it('is none of ours in any other form', () => {
    for (const text of ['b@ours.test', 'b+list@ours.test', 'bo@ours.test', 'postmaster@ours.test', `b+${'0'.repeat(26)}.g17@ours.test`])
      expect(readReturnPath(secret, text as Address, now)).toBeNull()
    expect(readReturnPath(secret, `b+${'0'.repeat(26)}.g17.${'0'.repeat(24)}@ours.test` as Address, now)).toBe('forged')
  })
})
