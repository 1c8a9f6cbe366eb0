/** Colours of CSS Color 4, as far as letters use them: enough to tell whether text can be told from what is behind it. */
import { colourNames } from './colour-names.ts'
import { fromHwb, fromLab, fromLch, fromOklab, fromOklch, fromSpace } from './colour-spaces.ts'

/** Red, green and blue 0–255, alpha 0–1. */
export type Colour = { red: number; green: number; blue: number; alpha: number }

export const black: Colour = { red: 0, green: 0, blue: 0, alpha: 1 }
export const white: Colour = { red: 255, green: 255, blue: 255, alpha: 1 }
export const linkBlue: Colour = { red: 0, green: 0, blue: 238, alpha: 1 }

/** In every channel at most this far from its background, text is invisible: `#efefef` on white. */
const nearness = 16
/** Text this faint is not read whatever its colour. */
export const faintest = 0.1

/** Null when it is none, or one that depends on what is elsewhere. @param text lower case, trimmed */
export function parseColour(text: string): Colour | null {
  if (text.length > 100) return null
  if (text.startsWith('#')) return fromHex(text.slice(1))
  const open = text.indexOf('(')
  if (open > 0) return text.indexOf(')') === text.length - 1 ? fromFunction(text.slice(0, open), text.slice(open + 1, -1)) : null
  if (text === 'transparent') return { ...black, alpha: 0 }
  const named = colourNames.get(systemColours[text] ?? text)
  return named === undefined ? null : fromNumber(named)
}

/** As `bgcolor` and `<font color>` have it: the number sign may be missing (HTML §2.3.6). */
export const parseLegacyColour = (text: string): Colour | null => {
  const value = text.trim().toLowerCase()
  return parseColour(value) ?? (/^[\da-f]{6}$/.test(value) ? fromHex(value) : null)
}

/** CSS Color 4 §6.2, as on a light screen. */
const systemColours: Readonly<Record<string, string>> = { canvas: 'white', canvastext: 'black', field: 'white', fieldtext: 'black' }

const fromNumber = (value: number): Colour => ({ red: value >> 16, green: (value >> 8) & 255, blue: value & 255, alpha: 1 })

function fromHex(digits: string): Colour | null {
  if (!/^[\da-f]{3,8}$/.test(digits)) return null
  const long = digits.length <= 4 ? Array.from(digits, (digit) => digit + digit).join('') : digits
  if (long.length !== 6 && long.length !== 8) return null
  const colour = fromNumber(Number.parseInt(long.slice(0, 6), 16))
  return long.length === 8 ? { ...colour, alpha: Number.parseInt(long.slice(6), 16) / 255 } : colour
}

type Triple = readonly [number, number, number]
/** `full`: what 100 % of each part are, null for an angle. `make`: red, green and blue from 0 to 1. */
type ColourFunction = { full: readonly (number | null)[]; make(parts: Triple): Triple }

const rgb: ColourFunction = { full: [255, 255, 255], make: ([red, green, blue]) => [red / 255, green / 255, blue / 255] }
const hsl: ColourFunction = {
  full: [null, 100, 100],
  make: ([hue, saturation, lightness]) => fromHsl(hue, saturation / 100, lightness / 100),
}
const functions: Readonly<Record<string, ColourFunction>> = {
  rgb,
  rgba: rgb,
  hsl,
  hsla: hsl,
  hwb: { full: [null, 100, 100], make: ([hue, whiteness, blackness]) => fromHwb(hue, whiteness / 100, blackness / 100) },
  lab: { full: [100, 125, 125], make: fromLab },
  lch: { full: [100, 150, null], make: (parts) => fromLch(...parts) },
  oklab: { full: [1, 0.4, 0.4], make: fromOklab },
  oklch: { full: [1, 0.4, null], make: (parts) => fromOklch(...parts) },
}

function fromFunction(name: string, inside: string): Colour | null {
  const parts = inside.split(/[\s,/]+/, 7).filter((part) => part !== '')
  const space = name === 'color' ? (parts.shift() ?? '') : null
  if (parts.length < 3 || parts.length > 4) return null
  const known = space === null ? functions[name] : { full: [1, 1, 1], make: (channels: Triple) => channels }
  if (known === undefined) return null
  const [a = Number.NaN, b = Number.NaN, c = Number.NaN] = known.full.map((full, at) => part(parts[at] ?? '', full))
  const made = space === null ? known.make([a, b, c]) : fromSpace(space, [a, b, c])
  const alpha = clamp(part(parts[3] ?? '1', 1), 1)
  if (made === null) return null
  const [red, green, blue] = made
  return whole({ red: clamp(red * 255, 255), green: clamp(green * 255, 255), blue: clamp(blue * 255, 255), alpha })
}

const perTurn: Readonly<Record<string, number>> = { '': 1, deg: 1, grad: 0.9, rad: 180 / Math.PI, turn: 360 }

/** @param full null for an angle, which comes back in degrees */
function part(text: string, full: number | null): number {
  if (text === 'none') return 0
  const [, amount, unit = ''] = /^([+-]?(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?:e[+-]?\d{1,2})?)(%|[a-z]{0,4})$/.exec(text) ?? []
  if (amount === undefined) return Number.NaN
  if (full === null) return Number(amount) * (perTurn[unit] ?? Number.NaN)
  if (unit === '%') return (Number(amount) / 100) * full
  return unit === '' ? Number(amount) : Number.NaN
}

const clamp = (value: number, most: number): number => Math.min(most, Math.max(0, value))
const whole = (colour: Colour): Colour | null => (Number.isFinite(colour.red + colour.green + colour.blue + colour.alpha) ? colour : null)

/** CSS Color 4 §7.1. */
function fromHsl(hue: number, saturation: number, lightness: number): Triple {
  const channel = (n: number): number => {
    const k = (n + (((hue % 360) + 360) % 360) / 30) % 12
    return lightness - saturation * Math.min(lightness, 1 - lightness) * Math.max(-1, Math.min(k - 3, 9 - k, 1))
  }
  return [channel(0), channel(8), channel(4)]
}

/** `top` as it looks before `behind`. */
export function over(top: Colour, behind: Colour): Colour {
  if (top.alpha >= 1) return top
  const mix = (a: number, b: number): number => a * top.alpha + b * (1 - top.alpha)
  return { red: mix(top.red, behind.red), green: mix(top.green, behind.green), blue: mix(top.blue, behind.blue), alpha: 1 }
}

/** Whether nobody can tell text of this colour from its background. @param behind null: nobody knows */
export function isLost(text: Colour, behind: Colour | null): boolean {
  if (text.alpha < faintest) return true
  if (behind === null) return false
  const seen = over(text, behind)
  const { red, green, blue } = behind
  return Math.max(Math.abs(seen.red - red), Math.abs(seen.green - green), Math.abs(seen.blue - blue)) <= nearness
}
