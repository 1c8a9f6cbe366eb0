/** The properties that decide whether text can be seen, and what their values mean for that. */
import { type Colour, black, parseColour } from './colour.ts'
import { partsOf } from './functions.ts'
import { type Length, parseLength, parseNumber, roughPx } from './length.ts'
import { clipsAway, masksAway, pathClipsAway, scalesAway, throughFilter, transformsAway, translatesAway } from './shapes.ts'

type Side = 'left' | 'right' | 'top' | 'bottom'

/** What was declared; a property that is absent was not, or in a way that says nothing here. */
export type Declared = {
  display?: 'none' | 'block' | 'inline'
  isVisible?: boolean
  opacity?: number
  /** how much its filters leave of it */
  filtered?: number
  size?: Length
  colour?: Colour | 'inherit'
  fill?: Colour | 'current' | 'inherit'
  backdrop?: Colour | 'picture'
  /** its background is to be seen only where its letters are */
  isBackdropOfText?: boolean
  /** px; only absolute lengths and 0 */
  width?: number
  maxWidth?: number
  height?: number
  maxHeight?: number
  lineHeight?: number
  cuts?: boolean
  floats?: boolean
  isClipped?: boolean
  isPathClipped?: boolean
  isMasked?: boolean
  isOutlookHidden?: boolean
  isPreformatted?: boolean
  isOneLine?: boolean
  isTransformedAway?: boolean
  isScaledAway?: boolean
  isTranslatedAway?: boolean
  isZoomedAway?: boolean
  isContentHidden?: boolean
  indent?: number
  /** its first line begins beyond its box */
  isIndentedAway?: boolean
  spacing?: number
  margin?: number
} & { [side in Side]?: number }

type ValueReader = (value: string) => Declared | null

/** Px; a percentage only when it is 0, or far below it. */
function px(value: string): number | null {
  const length = parseLength(value)
  if (length === null) return null
  if (length.percent === 0) return roughPx(length)
  return length.percent <= -100 ? length.percent * 10 : null
}

const sized =
  (property: 'width' | 'maxWidth' | 'height' | 'maxHeight' | 'lineHeight' | 'spacing' | 'margin' | Side): ValueReader =>
  (value) => {
    const length = px(value)
    if (length !== null) return { [property]: length }
    // `auto` and percentages undo what an earlier rule said; what is no value at all does not.
    return parseLength(value) !== null || unmeasured.test(value) ? { [property]: Number.POSITIVE_INFINITY } : null
  }

const unmeasured =
  /^(?:auto|none|normal|inherit|initial|unset|revert|(?:min|max|fit)-content|stretch|(?:calc|var|min|max|clamp|env)\(.*\))$/

/** A plain number is one of the font size. */
function lineHeight(value: string): Declared | null {
  const factor = parseNumber(value)
  return factor === null ? sized('lineHeight')(value) : { lineHeight: factor * 16 }
}

function indent(value: string): Declared | null {
  const length = parseLength(value.replace(/\s(?:hanging|each-line)\b/g, ''))
  return length === null ? null : { indent: length.px + length.em * 16, isIndentedAway: length.percent >= 100 || length.percent <= -100 }
}

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
  if (named !== undefined) return { size: { px: named, em: 0, percent: 0 } }
  const size = parseLength(value)
  return size === null || size.px + size.em + size.percent < 0 ? null : { size }
}

/** `font: 0/0 a`: the size stands before the slash or the family, and there is a family. */
function font(value: string): Declared | null {
  const parts = partsOf(value.replace(/\s{0,5}\/\s{0,5}/, '/'))
  const at = parts.findIndex((part) => !/^[1-9]00$/.test(part) && sizeIn(part) !== null)
  return at < 0 || at === parts.length - 1 ? null : sizeIn(parts[at] ?? '')
}
const sizeIn = (part: string): Declared | null => fontSize(part.split('/')[0] ?? '')

function background(value: string): Declared | null {
  if (/url\(|gradient\(|var\(|image/.test(value)) return { backdrop: 'picture', isBackdropOfText: /\btext\b/.test(value) }
  if (value === 'none' || value === 'initial' || value === 'unset')
    return { backdrop: { red: 0, green: 0, blue: 0, alpha: 0 }, isBackdropOfText: false }
  const parts = partsOf(value.replaceAll('/', ' '))
  const colours = parts.flatMap((part) => parseColour(part) ?? [])
  // Of an invalid declaration nothing applies.
  if (colours.length > 1 || !parts.every((part) => parseColour(part) !== null || backgroundWords.test(part) || parseLength(part) !== null))
    return null
  return colours[0] === undefined ? null : { backdrop: colours[0], isBackdropOfText: parts.includes('text') }
}

const backgroundWords =
  /^(?:none|(?:no-)?repeat(?:-[xy])?|space|round|scroll|fixed|local|top|right|bottom|left|center|auto|cover|contain|(?:border|padding|content)-box|text)$/

const backgroundColour = (value: string): Declared | null => {
  const colour = value === 'initial' || value === 'unset' ? { ...black, alpha: 0 } : parseColour(value)
  if (colour !== null) return { backdrop: colour }
  return /^var\(.*\)$/.test(value) ? { backdrop: 'picture' } : null
}

function colour(value: string): Declared | null {
  if (/^(?:inherit|unset|revert|currentcolor)$/.test(value)) return { colour: 'inherit' }
  const parsed = value === 'initial' ? black : parseColour(value)
  return parsed === null ? null : { colour: parsed }
}

function fill(value: string): Declared | null {
  if (value === 'currentcolor' || value === 'initial') return { fill: 'current' }
  if (/^(?:inherit|unset|revert)$/.test(value)) return { fill: 'inherit' }
  const parsed = parseColour(value)
  return parsed === null ? null : { fill: parsed }
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
  /^(?:visible|hidden|clip|scroll|auto|overlay|initial|inherit|unset|revert)(?:\s(?:visible|hidden|clip|scroll|auto))?$/.test(value)
    ? { cuts: /hidden|clip|scroll|auto|overlay/.test(value) }
    : null

const whole = /^(?:initial|unset|revert)$/
const alphaOf = (value: string): Declared | null => {
  const amount = whole.test(value) ? 1 : parseNumber(value)
  return amount === null ? null : { opacity: Math.min(1, Math.max(0, amount)) }
}

/** @param judge null for what is no value */
type Judged = 'isTransformedAway' | 'isScaledAway' | 'isTranslatedAway' | 'isClipped' | 'isPathClipped' | 'isMasked'
const judged =
  (property: Judged, judge: (value: string) => boolean | null): ValueReader =>
  (value) => {
    const answer = judge(value)
    return answer === null ? null : { [property]: answer }
  }

const filter = (value: string): Declared | null => {
  const filtered = throughFilter(value)
  return filtered === null ? null : { filtered }
}

/** Of four sides, the smallest: one far outside suffices. */
function margin(value: string): Declared | null {
  const parts = partsOf(value)
  if (parts.length === 0 || parts.length > 4 || !parts.every((part) => unmeasured.test(part) || parseLength(part) !== null)) return null
  return { margin: Math.min(...parts.map((part) => px(part) ?? 0)) }
}

/** `top right bottom left`, as margins have them (CSS Position 3 §3.2). */
function inset(value: string): Declared | null {
  const parts = partsOf(value)
  if (parts.length === 0 || parts.length > 4 || !parts.every((part) => unmeasured.test(part) || parseLength(part) !== null)) return null
  const [top = 0, right = top, bottom = top, left = right] = parts.map((part) => px(part) ?? Number.POSITIVE_INFINITY)
  return { top, right, bottom, left }
}

const positions = /^(?:static|relative|absolute|fixed|sticky|-webkit-sticky|inherit|initial|unset|revert)$/
const whiteSpaces = /^(?:normal|nowrap|pre|pre-wrap|pre-line|break-spaces|inherit|initial|unset|revert|wrap|collapse|preserve)(?:\s|$)/

/** A zoom of nothing is none (CSS Viewport 1 §5). */
function zoom(value: string): Declared | null {
  const factor = value === 'normal' || whole.test(value) ? 1 : parseNumber(value)
  return factor === null || factor < 0 ? null : { isZoomedAway: factor > 0 && factor <= 0.1 }
}

export const valueReaders: ReadonlyMap<string, ValueReader> = new Map<string, ValueReader>([
  ['display', display],
  ['visibility', visibility],
  ['opacity', alphaOf],
  ['-moz-opacity', alphaOf],
  ['filter', filter],
  ['font-size', fontSize],
  ['font', font],
  ['color', colour],
  ['-webkit-text-fill-color', fill],
  ['background', background],
  ['background-color', backgroundColour],
  ['background-image', (value) => (/url\(|gradient\(|var\(|image/.test(value) ? { backdrop: 'picture' } : null)],
  ['background-clip', (value) => ({ isBackdropOfText: value === 'text' })],
  ['-webkit-background-clip', (value) => ({ isBackdropOfText: value === 'text' })],
  ['width', sized('width')],
  ['max-width', sized('maxWidth')],
  ['height', sized('height')],
  ['max-height', sized('maxHeight')],
  ['inline-size', sized('width')],
  ['max-inline-size', sized('maxWidth')],
  ['block-size', sized('height')],
  ['max-block-size', sized('maxHeight')],
  ['line-height', lineHeight],
  ['overflow', overflow],
  ['overflow-x', overflow],
  ['overflow-y', overflow],
  ['position', (value) => (positions.test(value) ? { floats: /^(?:absolute|fixed|relative)$/.test(value) } : null)],
  ['left', sized('left')],
  ['right', sized('right')],
  ['top', sized('top')],
  ['bottom', sized('bottom')],
  ['inset', inset],
  ['inset-inline', inset],
  ['inset-block', inset],
  ['inset-inline-start', sized('left')],
  ['inset-inline-end', sized('right')],
  ['inset-block-start', sized('top')],
  ['inset-block-end', sized('bottom')],
  ['text-indent', indent],
  ['letter-spacing', sized('spacing')],
  ['margin', margin],
  ['margin-left', sized('margin')],
  ['margin-top', sized('margin')],
  ['margin-inline-start', sized('margin')],
  ['margin-block-start', sized('margin')],
  ['transform', judged('isTransformedAway', transformsAway)],
  ['-webkit-transform', judged('isTransformedAway', transformsAway)],
  ['scale', judged('isScaledAway', scalesAway)],
  ['translate', judged('isTranslatedAway', translatesAway)],
  ['zoom', zoom],
  ['clip', judged('isClipped', clipsAway)],
  ['clip-path', judged('isPathClipped', pathClipsAway)],
  ['-webkit-clip-path', judged('isPathClipped', pathClipsAway)],
  ['mask', judged('isMasked', masksAway)],
  ['mask-image', judged('isMasked', masksAway)],
  ['-webkit-mask', judged('isMasked', masksAway)],
  ['-webkit-mask-image', judged('isMasked', masksAway)],
  ['mso-hide', (value) => ({ isOutlookHidden: value === 'all' })],
  ['content-visibility', (value) => (/^(?:visible|auto|hidden)$/.test(value) ? { isContentHidden: value === 'hidden' } : null)],
  [
    'white-space',
    (value) =>
      whiteSpaces.test(value)
        ? { isPreformatted: value.startsWith('pre') || value === 'break-spaces', isOneLine: value === 'nowrap' || value === 'pre' }
        : null,
  ],
])
