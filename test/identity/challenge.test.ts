import fc from 'fast-check'
import { expect, it } from 'vitest'
import { challengeLifeMs, makeChallenge, readChallenge } from '../../server/identity/people/challenge.ts'

const [secret, now] = ['secret of a test', 1_700_000_000_000]

it('a challenge is known for one purpose, to who made it, for its time', () => {
  const text = makeChallenge(secret, 'sign-in', now).toString('base64url')
  expect(readChallenge(secret, 'sign-in', text, now)).toBe(now + challengeLifeMs)
  expect(readChallenge(secret, 'sign-in', text, now + challengeLifeMs - 1)).toBe(now + challengeLifeMs)
  expect(readChallenge(secret, 'sign-in', text, now + challengeLifeMs)).toBeNull()
  expect(readChallenge(secret, 'add per_1', text, now)).toBeNull()
  expect(readChallenge('another', 'sign-in', text, now)).toBeNull()
})

it('nothing else is a challenge, however near it is', () => {
  const text = makeChallenge(secret, 'sign-in', now).toString('base64url')
  fc.assert(
    fc.property(fc.nat(53), fc.constantFrom('A', 'B', 'C', 'x', 'y', 'z', '0', '1', '9', '-', '_'), (at, letter) => {
      const changed = text.slice(0, at) + letter + text.slice(at + 1)
      expect(readChallenge(secret, 'sign-in', changed, now) !== null).toBe(changed === text)
    }),
  )
  fc.assert(
    fc.property(fc.string(), (any) => {
      expect(readChallenge(secret, 'sign-in', any, now)).toBeNull()
    }),
  )
})
