/**
 * What of a text can be recognised in another: addresses, links, numbers, and runs of words. Both texts are read by this, so they are compared alike: in
 * compatibility form (NFKC), in lower case, without characters that nobody sees.
 *
 * Promise: the work grows with the length of the text and with nothing else, whatever is in it.
 */

export const markKinds = ['address', 'link', 'number'] as const
export type MarkKind = (typeof markKinds)[number]

/** Told of what is found. `from`, `to`: in the text that was read. */
export type Hearer = {
  mark(kind: MarkKind, key: string, from: number, to: number): void
  /** so many words in a row; the two hashes (32 bits each) stand for them */
  run(first: number, second: number, from: number, to: number): void
}

/** A run is as many words, with as many letters in all: shorter ones are phrases that everybody uses. */
const [runWords, runLetters] = [8, 32]
/** Where a script puts no spaces between words, each character is one. */
const runIdeographs = 16
/** Fewer digits are a year, a house, a price. */
const fewestDigits = 6
const [mostGroups, longestNumber] = [6, 40]
/** Of one text: a table of figures has them, a letter has not. */
const mostNumbers = 5000
const [longestLocal, longestDomain, longestLink] = [64, 255, 2048]

/** What is default-ignorable (Unicode 17 §5.21), and NUL. */
const invisible = /[\0\p{Default_Ignorable_Code_Point}]/u

/** The text as it is compared, but for its case. @param most of its characters; the rest is left out */
export function comparable(text: string, most: number): { text: string; isCut: boolean } {
  const plain = text.slice(0, most).normalize('NFKC')
  // A character may become eighteen.
  const clean = (invisible.test(plain) ? plain.replaceAll(new RegExp(invisible, 'gu'), '') : plain).slice(0, most)
  return { text: clean, isCut: text.length > most || plain.length > most }
}

/** @param given as `comparable` makes it. @returns false when it has more numbers than are read */
export function readMarks(given: string, hearer: Hearer): boolean {
  const lower = given.toLowerCase()
  // In a few languages a letter is two in lower case: then its places are not those of the text.
  const text = lower.length === given.length ? lower : given
  readAddresses(text, hearer)
  readLinks(text, hearer)
  return readWords(text, hearer)
}

function readAddresses(text: string, hearer: Hearer): void {
  for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
    let from = at
    while (from > 0 && at - from < longestLocal && isLocal(text.charCodeAt(from - 1))) from -= 1
    let to = at + 1
    while (to < text.length && to - at <= longestDomain && isDomain(text.charCodeAt(to))) to += 1
    while (to > at && !isWord(text.charCodeAt(to - 1))) to -= 1
    while (from < at && !isWord(text.charCodeAt(from))) from += 1
    if (from < at && text.slice(at, to).includes('.')) hearer.mark('address', text.slice(from, to), from, to)
  }
}

/** With a scheme, or as people write them. */
function readLinks(text: string, hearer: Hearer): void {
  for (const sign of ['://', 'www.'] as const) {
    for (let at = text.indexOf(sign); at !== -1;) {
      const from = sign === '://' ? at + 3 : at
      let to = from
      while (to < text.length && to - from < longestLink && isOfLink(text.charCodeAt(to))) to += 1
      const end = endOfLink(text, from, to)
      const key = text.slice(text.startsWith('www.', from) ? from + 4 : from, end)
      // What has a scheme and www was found by the first.
      if (key.includes('.') && (sign === '://' || text.slice(Math.max(0, at - 3), at) !== '://'))
        hearer.mark('link', key, sign === '://' ? startOfScheme(text, at) : at, end)
      at = text.indexOf(sign, Math.max(to, at + 1))
    }
  }
}

function endOfLink(text: string, from: number, to: number): number {
  let end = to
  while (end > from && ".,;:!?/'*_~".includes(text[end - 1] ?? ' ')) end -= 1
  return end
}

const longestScheme = 10
function startOfScheme(text: string, at: number): number {
  let from = at
  while (from > 0 && at - from < longestScheme && isWord(text.charCodeAt(from - 1))) from -= 1
  return from
}

type Group = { from: number; to: number; digits: number }

function readWords(text: string, hearer: Hearer): boolean {
  const words = createRun(runWords, runLetters, hearer)
  const ideographs = createRun(runIdeographs, runIdeographs, hearer)
  let groups: Group[] = []
  let left = mostNumbers
  for (let at = 0; at < text.length;) {
    const kind = kindOf(text.charCodeAt(at))
    if (kind === other) at += 1
    else if (kind === ideograph) {
      ideographs.add(text, at, at + 1)
      at += 1
    } else {
      let to = at
      let digits = 0
      for (; to < text.length; to += 1) {
        const next = kindOf(text.charCodeAt(to))
        if (next === digit) digits += 1
        else if (next !== letter) break
      }
      words.add(text, at, to)
      if (digits > 0) left -= 1
      if (left > 0) groups = withGroup(text, groups, { from: at, to, digits }, hearer)
      at = to
    }
  }
  return left > 0
}

/** Groups that stand next to each other may be one number: `+49 30 1234 567`, `DE89 3704 0044`, `1.250,00`. Each of the numbers that end with this group is told. */
function withGroup(text: string, before: Group[], group: Group, hearer: Hearer): Group[] {
  const last = before.at(-1)
  if (group.digits === 0 && !isBankCode(text, last, group)) return before.length === 0 ? before : none
  const joined = last !== undefined && areJoined(text, last.to, group.from) ? [...before.slice(1 - mostGroups), group] : [group]
  let [key, digits] = ['', 0]
  for (let at = joined.length - 1; at >= 0; at -= 1) {
    const one = joined[at] ?? group
    if (key.length + one.to - one.from > longestNumber) break
    key = text.slice(one.from, one.to) + key
    digits += one.digits
    if (isNumber(text, key, digits, joined.slice(at))) hearer.mark('number', key, one.from, group.to)
  }
  return joined
}

const none: Group[] = []

/** The four letters of a bank behind the country and the check digits of an IBAN (ISO 13616). */
const isBankCode = (text: string, last: Group | undefined, { from, to }: Group): boolean =>
  last !== undefined && to - from === 4 && last.to - last.from === 4 && last.digits === 2 && from - last.to === 1 && text[last.to] === ' '

/** What stands between the groups of a number: one or two of these. */
function areJoined(text: string, from: number, to: number): boolean {
  if (to - from > 2) return false
  for (let at = from; at < to; at += 1) if (!" .,'’-–/()_\u00a0".includes(text[at] ?? 'x')) return false
  return true
}

function isNumber(text: string, key: string, digits: number, groups: readonly Group[]): boolean {
  const last = groups.at(-1)
  if (digits < key.length) {
    // "the 3rd, 2026" is no code; `A7X-99K2` is one.
    const isOne = groups.length === 1 || /^[a-z]{2}\d{2}/i.test(key) || !/[ ,\u00a0]/.test(text.slice(groups[0]?.from, last?.to))
    return isOne && key.length >= fewestDigits && (digits >= 4 || (digits >= 3 && key.length >= 8) || (digits >= 2 && key.length >= 10))
  }
  const isAmount = groups.length > 1 && last !== undefined && last.to - last.from === 2
  return digits >= fewestDigits - (isAmount ? 1 : 0) && !isDate(key, groups)
}

/** Days are in all letters. */
function isDate(key: string, groups: readonly Group[]): boolean {
  const lengths = groups.map(({ from, to }) => to - from)
  const numbers: number[] = []
  let at = 0
  for (const length of lengths) numbers.push(Number(key.slice(at, (at += length))))
  const isYear = (n: number): boolean => lengths[n] === 4 && (numbers[n] ?? 0) >= 1900 && (numbers[n] ?? 0) < 2100
  const isSmall = (n: number): boolean => (lengths[n] ?? 9) <= 2 && (numbers[n] ?? 0) <= 31
  if (groups.length === 2) return (isYear(0) && (isYear(1) || isSmall(1))) || (isSmall(0) && isYear(1))
  return groups.length === 3 && ((isYear(0) && isSmall(1) && isSmall(2)) || (isSmall(0) && isSmall(1) && isYear(2)))
}

/** The last words, as numbers that hardly any others have: two hashes that roll along (Rabin and Karp). */
function createRun(size: number, letters: number, hearer: Hearer): { add(text: string, from: number, to: number): void } {
  const [one, two, starts, lengths] = [new Int32Array(size), new Int32Array(size), new Float64Array(size), new Float64Array(size)]
  const [firstOut, secondOut] = [power(firstBase, size), power(secondBase, size)]
  let [count, first, second, length] = [0, 0, 0, 0]
  return {
    add(text, from, to) {
      let a = firstSeed
      let b = secondSeed
      for (let at = from; at < to; at += 1) {
        const code = text.charCodeAt(at)
        a = Math.imul(a ^ code, 0x0100_0193)
        b = Math.imul(b ^ code, 0x5bd1_e995) ^ (b >>> 15)
      }
      const slot = count % size
      first = (Math.imul(first, firstBase) + a - Math.imul(one[slot] ?? 0, firstOut)) | 0
      second = (Math.imul(second, secondBase) + b - Math.imul(two[slot] ?? 0, secondOut)) | 0
      length += to - from - (lengths[slot] ?? 0)
      one[slot] = a
      two[slot] = b
      starts[slot] = from
      lengths[slot] = to - from
      count += 1
      if (count >= size && length >= letters) hearer.run(first, second, starts[count % size] ?? 0, to)
    },
  }
}

const [firstSeed, secondSeed] = [0x811c_9dc5 | 0, 0x9747_b28c | 0]
const [firstBase, secondBase] = [0x0019_660d, 0x41c6_4e6d]
const power = (base: number, times: number): number =>
  Array.from({ length: times }).reduce<number>((product) => Math.imul(product, base), 1)

const [unknown, other, letter, digit, ideograph] = [0, 1, 2, 3, 4]
/** Of each UTF-16 unit, once it was met. Half a pair counts as a letter: what is beyond the first plane is compared, too. */
const kinds = new Uint8Array(0x1_0000)
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u

function kindOf(code: number): number {
  const known = kinds[code] ?? unknown
  if (known !== unknown) return known
  const character = String.fromCharCode(code)
  const found = unspaced.test(character)
    ? ideograph
    : /\p{Nd}/u.test(character)
      ? digit
      : /[\p{L}\p{N}\p{M}\p{Cs}]/u.test(character)
        ? letter
        : other
  kinds[code] = found
  return found
}

const isWord = (code: number): boolean => kindOf(code) !== other
const isLocal = (code: number): boolean => isWord(code) || "._%+'-".includes(String.fromCharCode(code))
const isDomain = (code: number): boolean => isWord(code) || code === 0x2d || code === 0x2e
const isOfLink = (code: number): boolean => code > 0x20 && !'<>()[]{}"`|\\\u00a0'.includes(String.fromCharCode(code))
