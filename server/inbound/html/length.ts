/**
 * Lengths of CSS Values 4, and what `calc()`, `min()`, `max()` and `clamp()` make of them. At the window of media-query.ts, 1,000 px by 800.
 * Null is what cannot be worked out: the same as no value.
 */

/** The sum of all three. `em`: of the font size; `percent`: of whatever the property says. */
export type Length = { px: number; em: number; percent: number }

const unitPx: Readonly<Record<string, number>> = {
  '': 1,
  px: 1,
  pt: 4 / 3,
  pc: 16,
  in: 96,
  cm: 96 / 2.54,
  mm: 96 / 25.4,
  q: 96 / 101.6,
  rem: 16,
  rlh: 19.2,
  vw: 10,
  vi: 10,
  vmax: 10,
  vh: 8,
  vb: 8,
  vmin: 8,
}
const unitEm: Readonly<Record<string, number>> = { em: 1, ex: 0.5, ch: 0.5, cap: 0.7, ic: 1, lh: 1.2 }

const number = /[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:e[+-]?\d{1,3})?/y
const maxDepth = 8
const maxLength = 300

/** A number without a unit is one of px, as in pages that follow no standard. @param value lower case, trimmed */
export function parseLength(value: string): Length | null {
  if (value.length > maxLength) return null
  const reader = { text: value, at: 0 }
  const term = readValue(reader, 0)
  return term === null || reader.at !== value.length ? null : term.length
}

/** A plain number or a percentage of 1; null when it is anything else. */
export function parseNumber(value: string): number | null {
  const length = parseLength(value)
  if (length === null || length.em !== 0 || /[a-z]$/.test(value)) return null
  return length.px + length.percent / 100
}

/** With an em taken as 16 px. */
export const roughPx = ({ px, em, percent }: Length): number => px + em * 16 + percent * 0.16

type Reader = { text: string; at: number }
/** `isPlain`: a number, by which others may be multiplied */
type Term = { length: Length; isPlain: boolean }

function readValue(reader: Reader, depth: number): Term | null {
  if (depth > maxDepth) return null
  const name = /(?:-webkit-)?(calc|min|max|clamp|)\(/y
  name.lastIndex = reader.at
  const found = name.exec(reader.text)
  if (found === null) return readNumber(reader)
  reader.at = name.lastIndex
  const all = readArguments(reader, depth)
  return all === null ? null : combined(found[1] ?? '', all)
}

function readNumber(reader: Reader): Term | null {
  number.lastIndex = reader.at
  const amount = Number(number.exec(reader.text)?.[0])
  if (!Number.isFinite(amount)) return null
  const unit = /%|[a-z]{0,6}/y
  unit.lastIndex = number.lastIndex
  const name = unit.exec(reader.text)?.[0] ?? ''
  reader.at = unit.lastIndex
  const length = withUnit(amount, name)
  return length === null ? null : { length, isPlain: name === '' }
}

function withUnit(amount: number, unit: string): Length | null {
  if (unit === '%') return { px: 0, em: 0, percent: amount }
  const em = unitEm[unit]
  if (em !== undefined) return { px: 0, em: amount * em, percent: 0 }
  // The small, the large and the dynamic window are one here.
  const px = unitPx[unit] ?? unitPx[unit.replace(/^[sld](?=v)/, '')]
  return px === undefined ? null : { px: amount * px, em: 0, percent: 0 }
}

/** What is between the brackets, separated by commas; the closing one is read too. */
function readArguments(reader: Reader, depth: number): Term[] | null {
  const all: Term[] = []
  for (;;) {
    const sum = readSum(reader, depth + 1)
    if (sum === null) return null
    all.push(sum)
    const mark = reader.text[reader.at++]
    if (mark === ')') return all
    if (mark !== ',') return null
  }
}

function readSum(reader: Reader, depth: number): Term | null {
  let sum = readProduct(reader, depth)
  while (sum !== null && (reader.text[reader.at] === '+' || reader.text[reader.at] === '-')) {
    const sign = reader.text[reader.at++] === '+' ? 1 : -1
    const next = readProduct(reader, depth)
    sum = next === null ? null : { length: plus(sum.length, times(next.length, sign)), isPlain: sum.isPlain && next.isPlain }
  }
  return sum
}

function readProduct(reader: Reader, depth: number): Term | null {
  let product = readSpaced(reader, depth)
  while (product !== null && (reader.text[reader.at] === '*' || reader.text[reader.at] === '/')) {
    const isDivided = reader.text[reader.at++] === '/'
    const next = readSpaced(reader, depth)
    product = next === null ? null : multiplied(product, next, isDivided)
  }
  return product
}

function multiplied(one: Term, other: Term, isDivided: boolean): Term | null {
  if (isDivided) return other.isPlain && other.length.px !== 0 ? { ...one, length: times(one.length, 1 / other.length.px) } : null
  if (other.isPlain) return { ...one, length: times(one.length, other.length.px) }
  return one.isPlain ? { ...other, length: times(other.length, one.length.px) } : null
}

function readSpaced(reader: Reader, depth: number): Term | null {
  skipSpace(reader)
  const term = readValue(reader, depth)
  skipSpace(reader)
  return term
}

function skipSpace(reader: Reader): void {
  while (/\s/.test(reader.text[reader.at] ?? '')) reader.at++
}

const plus = (one: Length, other: Length): Length => ({
  px: one.px + other.px,
  em: one.em + other.em,
  percent: one.percent + other.percent,
})
const times = ({ px, em, percent }: Length, factor: number): Length => ({ px: px * factor, em: em * factor, percent: percent * factor })

function combined(name: string, all: readonly Term[]): Term | null {
  const [first, middle, last] = all
  if (first === undefined) return null
  if (name === 'clamp') return middle === undefined || last === undefined ? null : largest([first, smallest([middle, last])])
  if (name === 'min') return smallest(all)
  if (name === 'max') return largest(all)
  return all.length === 1 ? first : null
}

const smallest = (all: readonly Term[]): Term => all.reduce((one, other) => (roughPx(other.length) < roughPx(one.length) ? other : one))
const largest = (all: readonly Term[]): Term => all.reduce((one, other) => (roughPx(other.length) > roughPx(one.length) ? other : one))
