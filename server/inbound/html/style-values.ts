/** The properties that decide whether text can be seen, and what their values mean for that. */
import { type Colour, parseColour } from './colour.ts'

export type Length = { amount: number; unit: 'px' | 'em' | 'rem' | '%' }
type Side = 'left' | 'right' | 'top' | 'bottom'

/** What was declared; a property that is absent was not, or in a way that says nothing here. */
export type Declared = {
  display?: 'none' | 'block' | 'inline'
  isVisible?: boolean
  opacity?: number
  size?: Length
  colour?: Colour | 'inherit'
  fill?: Colour
  backdrop?: Colour | 'picture'
  /** px; only absolute lengths and 0 */
  width?: number
  maxWidth?: number
  height?: number
  maxHeight?: number
  cuts?: boolean
  floats?: boolean
  isClipped?: boolean
  isPathClipped?: boolean
  isOutlookHidden?: boolean
  isPreformatted?: boolean
  isScaledAway?: boolean
  isContentHidden?: boolean
  isFiltered?: boolean
  indent?: number
  spacing?: number
  margin?: number
} & { [side in Side]?: number }

type ValueReader = (value: string) => Declared | null

const pxPer: Record<string, number> = { px: 1, pt: 4 / 3, pc: 16, in: 96, cm: 96 / 2.54, mm: 96 / 25.4, '': 1 }

/** A number followed by a unit we know; percentages and what depends on the window give null. */
export function parseLength(value: string): Length | null {
  const amount = Number.parseFloat(value)
  if (!Number.isFinite(amount)) return null
  const unit = /[a-z%]{0,5}$/.exec(value)?.[0] ?? ''
  if (unit === 'em' || unit === 'rem' || unit === '%') return { amount, unit }
  if (unit === 'ex' || unit === 'ch') return { amount: amount / 2, unit: 'em' }
  const factor = pxPer[unit]
  return factor === undefined ? (amount === 0 ? { amount: 0, unit: 'px' } : null) : { amount: amount * factor, unit: 'px' }
}

/** Px, with an em taken as 16 px; a percentage only when it is 0, or far below it. */
function px(value: string): number | null {
  const length = parseLength(value)
  if (length === null) return null
  if (length.unit === 'px') return length.amount
  return length.unit === '%' ? (length.amount === 0 || length.amount <= -100 ? length.amount * 10 : null) : length.amount * 16
}

const sized =
  (property: 'width' | 'maxWidth' | 'height' | 'maxHeight' | 'indent' | 'spacing' | 'margin' | Side): ValueReader =>
  (value) => {
    const length = px(value)
    if (length !== null) return { [property]: length }
    // `auto` and percentages undo what an earlier rule said; what is no value at all does not.
    return unmeasured.test(value) ? { [property]: Number.POSITIVE_INFINITY } : null
  }

const unmeasured =
  /^(?:auto|none|normal|inherit|initial|unset|revert|(?:min|max|fit)-content|calc\(|var\(|min\(|max\(|clamp\(|[+-]?[\d.]+(?:%|v[hw]|vm(?:in|ax)))/

const namedSizes = new Map(
  Object.entries({
    'xx-small': 9,
    'x-small': 10,
    small: 13,
    medium: 16,
    large: 18,
    'x-large': 24,
    'xx-large': 32,
    smaller: 13,
    larger: 18,
  }),
)
function fontSize(value: string): Declared | null {
  const named = namedSizes.get(value)
  if (named !== undefined) return { size: { amount: named, unit: 'px' } }
  const size = parseLength(value)
  return size === null || size.amount < 0 ? null : { size }
}

/** `font: 0/0 a`: the size stands before the slash or the family. */
function font(value: string): Declared | null {
  const size = value
    .split(/\s+/, 8)
    .map((part) => part.split('/')[0] ?? '')
    .find((part) => /^[\d.]+(?:[a-z]{2,3}|%)?$/.test(part) && !/^[1-9]00$/.test(part))
  return size === undefined ? null : fontSize(size)
}

function background(value: string): Declared | null {
  if (/url\(|gradient\(|var\(|image/.test(value)) return { backdrop: 'picture' }
  if (value === 'none') return { backdrop: { red: 0, green: 0, blue: 0, alpha: 0 } }
  const whole = parseColour(value)
  if (whole !== null) return { backdrop: whole }
  for (const part of value.split(/\s+/, 12)) {
    const colour = parseColour(part)
    if (colour !== null) return { backdrop: colour }
  }
  return null
}

const colour = (value: string): Declared | null => {
  const parsed = value === 'inherit' ? value : parseColour(value)
  return parsed === null ? null : { colour: parsed }
}

/** A word that is none of these is ignored, and what was declared before it stands. */
const displays =
  /^(?:none|block|inline|contents|flow-root|flow|run-in|list-item|(?:inline-)?(?:block|flex|grid|table)|table-[a-z-]{3,20}|-(?:webkit|ms|moz)-[a-z-]{3,20}|inherit|initial|unset|revert)$/

function display(value: string): Declared | null {
  if (value === 'none') return { display: 'none' }
  if (!displays.test(value)) return null
  return { display: value.startsWith('inline') || value === 'contents' || value === 'initial' ? 'inline' : 'block' }
}

const visibility = (value: string): Declared | null =>
  /^(?:visible|hidden|collapse|initial)$/.test(value) ? { isVisible: value === 'visible' || value === 'initial' } : null

/** What scrolls cuts off as well: nobody scrolls in a box without a height. */
const overflow = (value: string): Declared | null =>
  /^(?:visible|hidden|clip|scroll|auto|initial|inherit)\b/.test(value) ? { cuts: !/^(?:visible|initial|inherit)/.test(value) } : null

/** The first number in the brackets of a function, in px. */
const firstArgument = (value: string, name: string): number | null => {
  const at = value.indexOf(`${name}(`)
  return at < 0 ? null : px(value.slice(at + name.length + 1).split(/[,)\s]/, 1)[0] ?? '')
}

const transform = (value: string): Declared => {
  const shift = ['translate', 'translatex', 'translatey', 'translate3d'].map((name) => firstArgument(value, name) ?? 0)
  const scale = ['scale', 'scalex', 'scaley', 'scale3d'].map((name) => firstArgument(value, name))
  return { isScaledAway: scale.some((factor) => factor !== null && factor <= 0.05) || shift.some((by) => by <= -500 || by >= 5_000) }
}

/** `rect(0,0,0,0)` and the like: nothing is left of it. */
const clip = (value: string): Declared => {
  const numbers =
    /^rect\(([^)]{0,100})\)/
      .exec(value)?.[1]
      ?.split(/[,\s]+/)
      .map((part) => Number.parseFloat(part)) ?? []
  const [top = 0, right = 0, bottom = 0, left = 0] = numbers
  return { isClipped: numbers.length >= 4 && (bottom - top <= 1 || right - left <= 1) }
}

const clipPath = (value: string): Declared => {
  const inset = /^inset\(([\d.]{1,10})%/.exec(value)?.[1]
  return { isPathClipped: (inset !== undefined && Number(inset) >= 50) || /^(?:circle|ellipse)\(0/.test(value) }
}

const alphaOf = (value: string): Declared | null => {
  const amount = Number.parseFloat(value) / (value.endsWith('%') ? 100 : 1)
  return Number.isFinite(amount) ? { opacity: amount } : null
}

const filter = (value: string): Declared => {
  const opacity = /opacity\(\s{0,5}([\d.]{1,10})(%?)/.exec(value)
  const old = /alpha\(\s{0,5}opacity\s{0,5}=\s{0,5}(\d{1,5})/.exec(value)
  const [amount, full] = opacity !== null ? [opacity[1], opacity[2] === '%' ? 100 : 1] : [old?.[1], 100]
  return { isFiltered: amount !== undefined && Number(amount) / full < 0.1 }
}

/** Of four sides, the smallest: one far outside suffices. */
const margin = (value: string): Declared => ({ margin: Math.min(...value.split(/\s+/, 4).map((part) => px(part) ?? 0)) })

export const valueReaders: ReadonlyMap<string, ValueReader> = new Map<string, ValueReader>([
  ['display', display],
  ['visibility', visibility],
  ['opacity', alphaOf],
  ['-moz-opacity', alphaOf],
  ['filter', filter],
  ['font-size', fontSize],
  ['font', font],
  ['color', colour],
  [
    '-webkit-text-fill-color',
    (value) => {
      const fill = parseColour(value)
      return fill === null ? null : { fill }
    },
  ],
  ['background', background],
  ['background-color', background],
  ['background-image', (value) => (value === 'none' || value === 'initial' ? null : { backdrop: 'picture' })],
  ['width', sized('width')],
  ['max-width', sized('maxWidth')],
  ['height', sized('height')],
  ['max-height', sized('maxHeight')],
  ['overflow', overflow],
  ['overflow-x', overflow],
  ['overflow-y', overflow],
  ['position', (value) => ({ floats: value === 'absolute' || value === 'fixed' || value === 'relative' })],
  ['left', sized('left')],
  ['right', sized('right')],
  ['top', sized('top')],
  ['bottom', sized('bottom')],
  ['text-indent', sized('indent')],
  ['letter-spacing', sized('spacing')],
  ['margin', margin],
  ['margin-left', sized('margin')],
  ['margin-top', sized('margin')],
  ['transform', transform],
  ['-webkit-transform', transform],
  ['clip', clip],
  ['clip-path', clipPath],
  ['mso-hide', (value) => ({ isOutlookHidden: value === 'all' })],
  ['content-visibility', (value) => ({ isContentHidden: value === 'hidden' })],
  ['white-space', (value) => ({ isPreformatted: value.startsWith('pre') || value === 'break-spaces' })],
])
