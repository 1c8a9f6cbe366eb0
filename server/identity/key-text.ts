import { randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { sha256 } from '../model/canonical.ts'
import { type World, worlds } from '../model/world.ts'

/**
 * The text of an API key: `mm_live_` or `mm_test_`, a random secret, and six characters of CRC-32 over all before them.
 * The checksum tells a typing error, or a key cut short, without a look-up; it guards nothing, the secret does.
 */
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
// 32 characters of 62 are 190 bits; with the five that stay visible in the prefix, 160 remain secret.
const secretLength = 32
const shownLength = 5
const checksumLength = 6
const shape = new RegExp(`^mm_(${worlds.join('|')})_[0-9A-Za-z]{${secretLength + checksumLength}}$`)

/** A new key. Shown once; afterwards only its prefix and hash exist. */
export function makeKeyText(world: World): string {
  const secret = Array.from({ length: secretLength }, () => alphabet[randomInt(alphabet.length)]).join('')
  const body = `mm_${world}_${secret}`
  return body + checksum(body)
}

/** The world a key belongs to, or null when the text cannot be a key. */
export function worldOfKeyText(text: string): World | null {
  const world = shape.exec(text)?.[1]
  const body = text.slice(0, -checksumLength)
  if (world === undefined || text !== body + checksum(body)) return null
  return world === 'live' ? 'live' : 'test'
}

/** What a person may be shown again, e.g. `mm_live_4fGh2`. */
export const shownPrefix = (key: string): string => key.slice(0, 'mm_live_'.length + shownLength)

/** What is stored. One pass of SHA-256 is enough for a random secret of this length: there is nothing to guess. */
export const hashOfKey = (key: string): string => sha256(key)

function checksum(body: string): string {
  let rest = crc32(body)
  let text = ''
  while (text.length < checksumLength) {
    text = alphabet.charAt(rest % alphabet.length) + text
    rest = Math.floor(rest / alphabet.length)
  }
  return text
}
