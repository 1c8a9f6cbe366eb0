/** Numbers of payment cards: ISO/IEC 7812-1, 13 to 19 digits of which the last is a check digit (its annex B), in the ranges that are in use. */
import type { Hit } from './hit.ts'

/** First digits, from and to, and how many digits such a number has. */
const ranges: readonly { from: number; to: number; lengths: readonly number[] }[] = [
  { from: 4, to: 4, lengths: [13, 16, 19] },
  { from: 51, to: 55, lengths: [16] },
  { from: 2221, to: 2720, lengths: [16] },
  { from: 34, to: 34, lengths: [15] },
  { from: 37, to: 37, lengths: [15] },
  { from: 6011, to: 6011, lengths: [16, 19] },
  { from: 644, to: 659, lengths: [16, 19] },
  { from: 3528, to: 3589, lengths: [16, 19] },
  { from: 300, to: 305, lengths: [14, 16, 19] },
  { from: 36, to: 36, lengths: [14, 16, 19] },
  { from: 38, to: 39, lengths: [14, 16, 19] },
  { from: 62, to: 62, lengths: [16, 17, 18, 19] },
  { from: 5018, to: 5038, lengths: [13, 16, 19] },
  { from: 6304, to: 6390, lengths: [16, 18, 19] },
]
const lengths = [...new Set(ranges.flatMap((range) => range.lengths))].toSorted((one, other) => other - one)

const isDigit = (code: number): boolean => code >= 48 && code <= 57
const isBetween = (code: number): boolean => code === 32 || code === 45 || code === 46

/** A run of digits: each, where it stands, and whether a group begins with it. */
type Run = { digits: number[]; places: number[]; begins: boolean[] }
const noRun = (): Run => ({ digits: [], places: [], begins: [] })

const enoughDigits = /(?:\d[ .-]?){13}/

/** One space, hyphen or stop may stand between two digits. A number begins and ends where a group of digits does, and stands in no longer word. */
export function* cardNumbers(text: string): Generator<Hit> {
  if (!enoughDigits.test(text)) return
  let run = noRun()
  let between = false
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (!isDigit(code)) {
      if (isBetween(code) && run.digits.length > 0 && !between) between = true
      else if (run.digits.length > 0) [run, between] = [noRun(), false]
      continue
    }
    run.begins.push(run.digits.length === 0 ? !isLetter(text.charCodeAt(at - 1)) : between)
    run.digits.push(code - 48)
    run.places.push(at)
    between = false
    const next = text.charCodeAt(at + 1)
    if (isDigit(next) || isLetter(next)) continue
    const from = beginOf(run)
    if (from === null) continue
    yield { kind: 'card_number', at: run.places[from] ?? at, excerpt: shown(run.digits.slice(from).join('')) }
    run = noRun()
  }
}

const isLetter = (code: number): boolean => (code >= 65 && code <= 90) || (code >= 97 && code <= 122)

/** The form in which the card schemes let a number be shown: first four and last four digits. */
const shown = (digits: string): string => `${digits.slice(0, 4)}…${digits.slice(-4)}`

/** Where in the run a card number begins that ends with it; null when none does. */
function beginOf({ digits, begins }: Run): number | null {
  for (const length of lengths) {
    const from = digits.length - length
    if (from >= 0 && begins[from] === true && isInRange(digits, from, length) && isMade(digits, from)) return from
  }
  return null
}

function isInRange(digits: readonly number[], from: number, length: number): boolean {
  const head = digits.slice(from, from + 4).reduce((sum, digit) => sum * 10 + digit, 0)
  // No range begins with any other digit.
  if (head < 2000 || head >= 7000) return false
  return ranges.some((range) => {
    const part = Math.floor(head / 10 ** (4 - String(range.from).length))
    return part >= range.from && part <= range.to && range.lengths.includes(length)
  })
}

/** The check digit is right (the formula of Luhn). */
function isMade(digits: readonly number[], from: number): boolean {
  let sum = 0
  for (let at = from; at < digits.length; at += 1) {
    const digit = digits[at] ?? 0
    const value = (digits.length - at) % 2 === 0 ? digit * 2 : digit
    sum += value > 9 ? value - 9 : value
  }
  return sum % 10 === 0
}
