/** Colours of CSS Color 4, as far as letters use them: enough to tell whether text can be told from what is behind it. */
import { colourNames } from './colour-names.ts'

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
  if (open > 0) return fromFunction(text.slice(0, open), text.slice(open + 1))
  if (text === 'transparent') return { ...black, alpha: 0 }
  const named = colourNames.get(text)
  return named === undefined ? null : fromNumber(named)
}

/** As `bgcolor` and `<font color>` have it: the number sign may be missing (HTML §2.3.6). */
export const parseLegacyColour = (text: string): Colour | null => {
  const value = text.trim().toLowerCase()
  return parseColour(value) ?? (/^[\da-f]{6}$/.test(value) ? fromHex(value) : null)
}

const fromNumber = (value: number): Colour => ({ red: value >> 16, green: (value >> 8) & 255, blue: value & 255, alpha: 1 })

function fromHex(digits: string): Colour | null {
  if (!/^[\da-f]{3,8}$/.test(digits)) return null
  const long = digits.length <= 4 ? Array.from(digits, (digit) => digit + digit).join('') : digits
  if (long.length !== 6 && long.length !== 8) return null
  const colour = fromNumber(Number.parseInt(long.slice(0, 6), 16))
  return long.length === 8 ? { ...colour, alpha: Number.parseInt(long.slice(6), 16) / 255 } : colour
}

function fromFunction(name: string, rest: string): Colour | null {
  const parts = rest.split(/[\s,/)]+/).filter((part) => part !== '')
  const [a = '', b = '', c = '', d = '1'] = parts
  const alpha = clamp(amount(d, 1), 1)
  if (name === 'rgb' || name === 'rgba') {
    const [red, green, blue] = [amount(a, 255), amount(b, 255), amount(c, 255)]
    return whole({ red: clamp(red, 255), green: clamp(green, 255), blue: clamp(blue, 255), alpha })
  }
  return name === 'hsl' || name === 'hsla' ? whole({ ...fromHsl(Number.parseFloat(a), amount(b, 1), amount(c, 1)), alpha }) : null
}

const amount = (text: string, full: number): number =>
  text.endsWith('%') ? (Number.parseFloat(text) / 100) * full : Number.parseFloat(text)
const clamp = (value: number, most: number): number => Math.min(most, Math.max(0, value))
const whole = (colour: Colour): Colour | null => (Number.isFinite(colour.red + colour.green + colour.blue + colour.alpha) ? colour : null)

/** CSS Color 4 §7.1. */
function fromHsl(hue: number, saturation: number, lightness: number): Omit<Colour, 'alpha'> {
  const channel = (n: number): number => {
    const k = (n + (((hue % 360) + 360) % 360) / 30) % 12
    return 255 * (lightness - saturation * Math.min(lightness, 1 - lightness) * Math.max(-1, Math.min(k - 3, 9 - k, 1)))
  }
  return { red: channel(0), green: channel(8), blue: channel(4) }
}

/** `top` as it looks before `behind`. */
export function over(top: Colour, behind: Colour): Colour {
  if (top.alpha >= 1) return top
  const mix = (a: number, b: number): number => a * top.alpha + b * (1 - top.alpha)
  return { red: mix(top.red, behind.red), green: mix(top.green, behind.green), blue: mix(top.blue, behind.blue), alpha: 1 }
}

/** Whether nobody can tell text of this colour from its background. */
export function isLost(text: Colour, behind: Colour): boolean {
  if (text.alpha < faintest) return true
  const seen = over(text, behind)
  const { red, green, blue } = behind
  return Math.max(Math.abs(seen.red - red), Math.abs(seen.green - green), Math.abs(seen.blue - blue)) <= nearness
}
