/**
 * The proof of work that a sign-up has to show (contract §5.1): a number that took many attempts to find and one to check. Nothing is kept of a challenge:
 * it carries its own end and whom it is for, under a signature that only this installation can make. Which were used up is in the store.
 */
import { createHmac, randomBytes, randomInt, timingSafeEqual } from 'node:crypto'
import { sha256 } from '../../model/canonical.ts'
import { type Result, fail, ok } from '../../model/result.ts'

const algorithm = 'SHA-256'
export const challengeLifeMs = 5 * 60_000
/** Who does not say for which address it is could use it for any, so it costs more. */
const anybodysFactor = 2

export type Challenge = { algorithm: typeof algorithm; challenge: string; maxnumber: number; salt: string; signature: string }
/** `number`: for which SHA-256 over salt and number, in decimal digits, is the challenge. */
export type Solution = { algorithm: typeof algorithm; challenge: string; number: number; salt: string; signature: string }

/** `email`: in the compared form; null: for whoever it will be. `most`: attempts at worst, half of them on average. */
export function makeChallenge(secret: string, { email, most, now }: { email: string | null; most: number; now: number }): Challenge {
  const maxnumber = email === null ? most * anybodysFactor : most
  // The "&" at the end: without it the last digits of the salt could be called the first of the number, and the end be put off.
  const salt = `${randomBytes(12).toString('hex')}?expires=${Math.floor((now + challengeLifeMs) / 1000)}&for=${whom(secret, email)}&`
  const challenge = sha256(salt + String(randomInt(maxnumber + 1)))
  return { algorithm, challenge, maxnumber, salt, signature: sign(secret, challenge, salt) }
}

const whom = (secret: string, email: string | null): string => (email === null ? anybody : keyed(secret, 'for', email).slice(0, 32))
const anybody = 'any'
const sign = (secret: string, challenge: string, salt: string): string => keyed(secret, 'challenge', algorithm, challenge, salt)

const saltShape = /^[0-9a-f]{24}\?expires=(\d{10})&for=([0-9a-f]{32}|any)&$/

/** @returns under what the solution is remembered as used up, and until when (epoch ms) it has to be */
export function checkSolution(
  secret: string,
  solution: Solution,
  { email, now }: { email: string; now: number },
): Result<{ digest: string }, 'CHALLENGE_NOT_ACCEPTED'> {
  const { challenge, salt, number, signature } = solution
  const [, expires, madeFor = ''] = saltShape.exec(salt) ?? []
  // First what costs next to nothing, and that in one order: a stranger's signature is refused before anything is looked at that it says.
  if (expires === undefined || !same(signature, sign(secret, challenge, salt)))
    return fail('CHALLENGE_NOT_ACCEPTED', 'It is none of this server.')
  if (now >= Number(expires) * 1000) return fail('CHALLENGE_NOT_ACCEPTED', 'Its five minutes are over.')
  if (madeFor !== anybody && !same(madeFor, whom(secret, email)))
    return fail('CHALLENGE_NOT_ACCEPTED', 'It is for another oversight_email.')
  if (!same(challenge, sha256(salt + String(number)))) return fail('CHALLENGE_NOT_ACCEPTED', 'The number is not its solution.')
  return ok({ digest: digestOf(solution) })
}

export const digestOf = ({ signature }: Solution): string => sha256(signature)

/** Parts that are kept apart by what none of them has in it. */
export const keyed = (secret: string, ...parts: readonly string[]): string =>
  createHmac('sha256', secret).update(parts.join('\0')).digest('hex')

/** In a time that tells nothing of how much of it is right. */
export const same = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))
