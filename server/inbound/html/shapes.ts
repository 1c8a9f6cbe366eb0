/** Values that move, shrink, cut or fade a box, and whether anything of it is left to see. Null: no value, so it says nothing. */
import { faintest, parseColour } from './colour.ts'
import { type CssFunction, partsOf, readFunctions } from './functions.ts'
import { parseLength, parseNumber, roughPx } from './length.ts'

/** Px beyond the edge from where nothing comes back into view. */
export const isFarAway = (px: number): boolean => Number.isFinite(px) && (px <= -500 || px >= 5_000)
/** What is left of the size of something that nobody can read. */
const smallest = 0.05
/** Px of blur that leave no letter. */
const blurred = 8

const isNothing = (value: string): boolean => value === 'none' || /^(?:initial|unset|revert)$/.test(value)

/** @returns whether a transformation takes it out of sight */
export function transformsAway(value: string): boolean | null {
  if (isNothing(value)) return false
  return readFunctions(value)?.some(takesAway) ?? null
}

function takesAway({ name, parts }: CssFunction): boolean {
  const numbers = parts.map((part) => parseNumber(part) ?? Number.NaN)
  if (/^scale(?:[xy]|3d)?$/.test(name)) return numbers.slice(0, 2).some(isTiny)
  if (/^translate(?:[xy]|3d)?$/.test(name)) return movesAway(parts.slice(0, 2))
  if (/^rotate[xy]$/.test(name)) return isEdgeOn(parts[0] ?? '')
  const [a = 1, b = 0, c = 0, d = 1, x = 0, y = 0] = numbers
  return name === 'matrix' && (Math.abs(a * d - b * c) <= smallest ** 2 || isFarAway(x) || isFarAway(y))
}

const isTiny = (factor: number): boolean => Math.abs(factor) <= smallest
const isEdgeOn = (angle: string): boolean => /^[+-]?(?:90|270)deg$|^[+-]?\.?0?\.?[27]5turn$|^[+-]?(?:100|300)grad$/.test(angle)

/** The property `scale` (CSS Transforms 2 §5.2). */
export function scalesAway(value: string): boolean | null {
  if (isNothing(value)) return false
  const numbers = partsOf(value).map(parseNumber)
  return numbers.length === 0 || numbers.includes(null) ? null : numbers.slice(0, 2).some((factor) => factor !== null && isTiny(factor))
}

/** The property `translate`. A percentage is of the box itself: ten of them leave the window. */
export function translatesAway(value: string): boolean | null {
  if (isNothing(value)) return false
  const parts = partsOf(value)
  return parts.length === 0 || parts.some((part) => parseLength(part) === null) ? null : movesAway(parts)
}

const movesAway = (parts: readonly string[]): boolean =>
  parts.some((part) => {
    const length = parseLength(part)
    return length !== null && (isFarAway(length.px + length.em * 16) || Math.abs(length.percent) >= 1_000)
  })

/** `clip: rect(0,0,0,0)` and the like: nothing is left of it. */
export function clipsAway(value: string): boolean | null {
  if (value === 'auto' || isNothing(value)) return false
  const [rect, ...more] = readFunctions(value) ?? []
  if (rect?.name !== 'rect' || more.length > 0 || rect.parts.length !== 4) return null
  const [top = 0, right = 0, bottom = 0, left = 0] = rect.parts.map(pxOf)
  return bottom - top <= 1 || right - left <= 1
}

const pxOf = (text: string): number => {
  const length = parseLength(text)
  return length === null ? Number.NaN : roughPx(length)
}

/** `clip-path` with one of the basic shapes (CSS Shapes 1 §3), as far as nothing is left of the box. */
export function pathClipsAway(value: string): boolean | null {
  if (isNothing(value) || /^(?:url\([^)]*\)|[a-z]{1,10}-box)$/.test(value)) return false
  const [shape] = readFunctions(value.replace(/\s[a-z]{1,10}-box$/, '')) ?? []
  if (shape === undefined) return null
  const { name, parts } = shape
  if (name === 'inset') return insetsAway(parts)
  if (name === 'circle') return isZero(parts[0])
  if (name === 'ellipse') return isZero(parts[0]) || isZero(parts[1])
  if (name === 'xywh') return isZero(parts[2]) || isZero(parts[3])
  return name === 'polygon' || name === 'rect' ? hasNoArea(name, parts) : name === 'path' ? false : null
}

const isZero = (part: string | undefined): boolean => part !== undefined && pxOf(part) <= 0

/** Percentages that meet in the middle, or lengths of which the sum is more than the window. */
function insetsAway(parts: readonly string[]): boolean {
  const round = parts.indexOf('round')
  const [top = '0', right = top, bottom = top, left = right] = round < 0 ? parts : parts.slice(0, round)
  return meets(top, bottom) || meets(left, right)
}

function meets(one: string, other: string): boolean {
  const [from, to] = [parseLength(one), parseLength(other)]
  if (from === null || to === null) return false
  return from.percent + to.percent >= 100 || from.px + to.px >= 2_000
}

function hasNoArea(name: string, parts: readonly string[]): boolean {
  const numbers = parts.filter((part) => part !== 'nonzero' && part !== 'evenodd').map((part) => Number.parseFloat(part))
  if (numbers.some(Number.isNaN)) return false
  if (name === 'rect') {
    const [top = 0, right = 0, bottom = 0, left = 0] = numbers
    return bottom <= top || right <= left
  }
  let area = 0
  for (let at = 0; at < numbers.length; at += 2) {
    const next = (at + 2) % numbers.length
    area += (numbers[at] ?? 0) * (numbers[next + 1] ?? 0) - (numbers[next] ?? 0) * (numbers[at + 1] ?? 0)
  }
  return Math.abs(area) < 1
}

/** A mask of which every colour is transparent shows nothing (CSS Masking 1 §4). */
export function masksAway(value: string): boolean | null {
  if (isNothing(value)) return false
  if (!value.includes('gradient(')) return value.includes('(') ? false : null
  const colours = (readFunctions(value.slice(0, value.lastIndexOf(')') + 1)) ?? [])
    .flatMap(({ parts }) => parts)
    .flatMap((part) => parseColour(part) ?? [])
  return colours.length > 0 && colours.every(({ alpha }) => alpha < faintest)
}

/** How much of it is left behind its filters, 0–1; what blurs it away leaves nothing. */
export function throughFilter(value: string): number | null {
  if (isNothing(value)) return 1
  const old = /alpha\(\s{0,5}opacity\s{0,5}=\s{0,5}(\d{1,5})/.exec(value)?.[1]
  if (old !== undefined) return Number(old) / 100
  return readFunctions(value)?.reduce((left, { name, parts: [first = ''] }) => left * shareOf(name, first), 1) ?? null
}

function shareOf(name: string, amount: string): number {
  if (name === 'opacity') return parseNumber(amount) ?? 1
  return name === 'blur' && pxOf(amount) >= blurred ? 0 : 1
}
