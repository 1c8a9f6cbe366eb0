import fc from 'fast-check'
import { expect, it } from 'vitest'
import { linkLifeMs, linkToken, longestLinkToken, readLinkToken } from '../../server/mailbox/attachment-link.ts'
import { newId } from '../../server/model/ids.ts'

const now = Date.parse('2026-03-02T09:00:00Z')
const secret = 'a'.repeat(64)
const claims = {
  emailId: newId('email', now),
  attachmentId: newId('attachment', now),
  keyId: newId('key', now),
  world: 'live',
  expiresAt: now + linkLifeMs,
} as const

it('a link says what it was made for until its hour is over', () => {
  const token = linkToken(secret, claims)
  expect(token.length).toBeLessThanOrEqual(longestLinkToken)
  expect(readLinkToken(secret, token, now)).toEqual(claims)
  expect(readLinkToken(secret, token, now + linkLifeMs - 1)).toEqual(claims)
  expect(readLinkToken(secret, token, now + linkLifeMs)).toBeNull()
  expect(readLinkToken('b'.repeat(64), token, now)).toBeNull()
})

it('nothing in it can be changed, nor can it be cut, lengthened or made up', () => {
  const token = linkToken(secret, claims)
  fc.assert(
    fc.property(fc.nat(token.length - 1), fc.constantFrom(...Array.from('0123456789ABCXYZabcxyzlt.-%/\0')), (at, character) => {
      const changed = token.slice(0, at) + character + token.slice(at + 1)
      if (changed !== token) expect(readLinkToken(secret, changed, now)).toBeNull()
      expect(readLinkToken(secret, token.slice(0, at), now)).toBeNull()
      expect(readLinkToken(secret, token + character, now)).toBeNull()
    }),
    { numRuns: 500 },
  )
  fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => readLinkToken(secret, text, now) === null))
})

it('each part of what it names is bound', () => {
  const token = linkToken(secret, claims)
  for (const other of [
    { ...claims, emailId: newId('email', now + 1) },
    { ...claims, attachmentId: newId('attachment', now + 1) },
    { ...claims, keyId: newId('key', now + 1) },
    { ...claims, world: 'test' as const },
    { ...claims, expiresAt: claims.expiresAt + 1000 },
  ]) {
    const forged = linkToken(secret, other).slice(0, -32) + token.slice(-32)
    expect(readLinkToken(secret, forged, now)).toBeNull()
  }
})
