import { randomInt } from 'node:crypto'

/** Codes that a person reads in a letter and writes down somewhere else. */

// Nothing that is read for something else: no I, L, O, 0, 1.
const alphabet = '23456789ABCDEFGHJKMNPQRSTUVWXYZ'

/** Nearly five bits a character: `makeSpokenCode(2, 4)` is like `A7X2-9KQ4`. */
export const makeSpokenCode = (groups: number, length: number): string =>
  Array.from({ length: groups }, () => Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('')).join('-')

/** What is compared: however a person writes it, small letters, dashes and spaces do not matter. */
export const plainCode = (text: string): string => text.toUpperCase().replaceAll(/[^0-9A-Z]/g, '')
