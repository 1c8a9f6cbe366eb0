import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto'
import { sha256 } from '../model/canonical.ts'

/** The code by which an operator agrees to one thing: eight characters, nearly 40 bits, of which five guesses are allowed. */

// Nothing that is read for something else: no I, L, O, 0, 1.
const alphabet = '23456789ABCDEFGHJKMNPQRSTUVWXYZ'
const length = 8

/** As it is shown: `A7X2-9KQ4`. */
export function makeCode(): string {
  const text = Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('')
  return `${text.slice(0, length / 2)}-${text.slice(length / 2)}`
}

export type HashedCode = { salt: string; hash: string }

export function hashCode(code: string): HashedCode {
  const salt = randomBytes(16).toString('hex')
  return { salt, hash: saltedHash(salt, code) }
}

/** However a person writes it: small letters, dashes and spaces do not matter. */
export const fits = ({ salt, hash }: HashedCode, presented: string): boolean =>
  timingSafeEqual(Buffer.from(hash, 'hex'), Buffer.from(saltedHash(salt, presented), 'hex'))

const saltedHash = (salt: string, code: string): string => sha256(salt, code.toUpperCase().replaceAll(/[^0-9A-Z]/g, ''))
