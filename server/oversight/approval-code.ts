import { randomBytes, timingSafeEqual } from 'node:crypto'
import { sha256 } from '../model/canonical.ts'
import { makeSpokenCode, plainCode } from '../model/spoken-code.ts'

/** The code by which an operator agrees to one thing: eight characters, nearly 40 bits, of which five guesses are allowed. As it is shown: `A7X2-9KQ4`. */
export const makeCode = (): string => makeSpokenCode(2, 4)

export type HashedCode = { salt: string; hash: string }

export function hashCode(code: string): HashedCode {
  const salt = randomBytes(16).toString('hex')
  return { salt, hash: saltedHash(salt, code) }
}

/** However a person writes it. */
export const fits = ({ salt, hash }: HashedCode, presented: string): boolean =>
  timingSafeEqual(Buffer.from(hash, 'hex'), Buffer.from(saltedHash(salt, presented), 'hex'))

const saltedHash = (salt: string, code: string): string => sha256(salt, plainCode(code))
