/**
 * Whether a media query is true for the person we read for: at an ordinary screen, 1,000 px wide, with a light background. Newsletters hide parts
 * on telephones this way, and show others there; what is not understood does not apply (Media Queries 4 §3).
 */
import { type Truth, evaluate } from './condition.ts'
import { parseLength, roughPx } from './length.ts'

const sizes: Readonly<Record<string, number>> = { width: 1_000, height: 800, 'device-width': 1_000, 'device-height': 800 }
const maxLength = 500

/** Empty: asked for without a value. */
const features: { readonly [name: string]: (value: string) => boolean } = {
  'prefers-color-scheme': (value) => value === 'light',
  'prefers-reduced-motion': (value) => value === 'no-preference',
  orientation: (value) => value === 'landscape' || value === '',
  color: (value) => value !== '0',
  hover: (value) => value === 'hover' || value === '',
  'any-hover': (value) => value === 'hover' || value === '',
  pointer: (value) => value === 'fine' || value === '',
  'any-pointer': (value) => value === 'fine' || value === '',
  '-webkit-min-device-pixel-ratio': (value) => Number(value) <= 1,
  'min-resolution': (value) => Number.parseFloat(value) <= (value.endsWith('dpi') ? 96 : 1),
}
const kinds: Readonly<Record<string, boolean>> = { all: true, screen: true, print: false, speech: false, handheld: false, tv: false }

/** @param query what stands between `@media` and the block; a list is true when one of its members is (§3.1) */
export function mediaApplies(query: string): boolean {
  if (query.length > maxLength) return false
  return query.trim() === '' || query.toLowerCase().split(',').some(isTrue)
}

function isTrue(query: string): boolean {
  const [, isNot, rest = ''] = /^\s{0,20}(?:(not)\s|only\s)?([\s\S]{0,500})$/.exec(query) ?? []
  const truth = evaluate(rest, judge)
  // In front of a query `not` is about all of it (§3.3).
  return isNot === undefined ? truth === true : truth === false
}

function judge(leaf: string): Truth {
  if (/^[a-z]{1,20}$/.test(leaf) && leaf in kinds) return kinds[leaf] ?? null
  const [, name = '', value = ''] = /^([a-z-]{1,40})\s{0,10}(?::\s{0,10}([^:]{1,60}))?$/.exec(leaf) ?? []
  if (name === '') return inRange(leaf)
  const [, least, size = ''] = /^(min|max)-(.{1,20})$/.exec(name) ?? []
  if (size in sizes && least !== undefined) return compare(size, least === 'min' ? '>=' : '<=', value)
  if (name in sizes) return value === '' ? true : compare(name, '=', value)
  return features[name]?.(value.trim()) ?? null
}

/** `400px <= width < 1200px` (§2.4.3) */
function inRange(leaf: string): Truth {
  const [first = '', sign = '', second = '', nextSign = '', third = ''] = leaf.split(/([<>]=?|=)/, 5).map((part) => part.trim())
  if (first in sizes && nextSign === '') return compare(first, sign, second)
  if (!(second in sizes)) return null
  const one = compare(second, mirrored[sign] ?? '', first)
  const other = nextSign === '' ? true : compare(second, nextSign, third)
  return one === null || other === null ? null : one && other
}

const mirrored: Readonly<Record<string, string>> = { '<': '>', '>': '<', '<=': '>=', '>=': '<=', '=': '=' }

function compare(size: string, sign: string, value: string): Truth {
  const length = parseLength(value.trim())
  const actual = sizes[size]
  if (length === null || actual === undefined) return null
  const limit = roughPx(length)
  if (sign === '=') return actual === limit
  if (!(sign in mirrored)) return null
  return (sign.startsWith('<') ? actual < limit : actual > limit) || (sign.endsWith('=') && actual === limit)
}
