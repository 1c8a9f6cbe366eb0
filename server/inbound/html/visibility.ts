/** What an element looks like, from its parent and from what was declared: just enough to say whether a person can read its text, and if not, why. */
import { type Colour, black, faintest, isLost, linkBlue, over, parseLegacyColour, white } from './colour.ts'
import { type Length, parseLength, roughPx } from './length.ts'
import { isFarAway } from './shapes.ts'
import type { Declared } from './style-values.ts'
import { neverShown } from './elements.ts'
import type { Attributes } from './document.ts'

/** By which means text is kept from being seen. */
export const hidingMeans = ['display', 'visibility', 'opacity', 'size', 'colour', 'position', 'clipping', 'attribute', 'element'] as const
export type HiddenBy = (typeof hidingMeans)[number]

export type Look = {
  /** null: a person sees it */
  hiddenBy: HiddenBy | null
  /** what no descendant can undo */
  sealedBy: HiddenBy | null
  isVisible: boolean
  size: number
  /** what is left of it behind everything around it, 0–1 */
  opacity: number
  colour: Colour
  /** what its letters are filled with in place of their colour */
  fill: Colour | null
  /** null: a picture, so nobody knows */
  backdrop: Colour | null
  isPreformatted: boolean
}

export const plainLook: Look = {
  hiddenBy: null,
  sealedBy: null,
  isVisible: true,
  size: 16,
  opacity: 1,
  colour: black,
  fill: null,
  backdrop: white,
  isPreformatted: false,
}

/** Px. Smaller text is a line of dust. */
const unreadable = 2
/** Px by which a margin takes it out of sight. */
const farOutside = 500
/** Px between letters from where they stand on top of each other. */
const heaped = -6
/** Px that a box leaves of its text. */
const sliver = 2

export function lookOf(parent: Look, name: string, attributes: Attributes, declared: Declared): Look {
  const size = declared.size === undefined ? parent.size : inPx(declared.size, parent.size)
  const backdrop = backdropOf(parent, attributes, declared)
  const colour = colourOf(parent, name, attributes, declared)
  const fill = fillOf(parent, colour, declared)
  const opacity = parent.opacity * (declared.opacity ?? 1) * (declared.filtered ?? 1)
  const isVisible = declared.isVisible ?? parent.isVisible
  const sealedBy = parent.sealedBy ?? sealOf(name, attributes, declared) ?? (opacity < faintest ? 'opacity' : null)
  const isPreformatted = declared.isPreformatted ?? (name === 'pre' || parent.isPreformatted)
  const look = { sealedBy, isVisible, size, opacity, colour, fill, backdrop, isPreformatted }
  return { ...look, hiddenBy: sealedBy ?? reasonOf(look) }
}

function reasonOf({ isVisible, size, opacity, colour, fill, backdrop }: Omit<Look, 'hiddenBy'>): HiddenBy | null {
  if (!isVisible) return 'visibility'
  if (size <= unreadable) return 'size'
  const seen = fill ?? colour
  return isLost({ ...seen, alpha: seen.alpha * opacity }, backdrop) ? 'colour' : null
}

function sealOf(name: string, attributes: Attributes, declared: Declared): HiddenBy | null {
  if (neverShown.has(name)) return 'element'
  // A style sheet outranks the attribute (HTML §15.3.1).
  if (isClosed(name, attributes) && declared.display === undefined) return 'attribute'
  if (declared.display === 'none' || declared.isContentHidden === true || declared.isOutlookHidden === true) return 'display'
  if (declared.isMasked === true) return 'clipping'
  if (declared.spacing !== undefined && declared.spacing <= heaped) return 'size'
  if (isOutside(declared)) return 'position'
  return isCutAway(declared) ? 'clipping' : null
}

/** A program on the page would have to open it, and in a letter none runs. */
const isClosed = (name: string, attributes: Attributes): boolean =>
  attributes.has('hidden') || attributes.has('popover') || (name === 'dialog' && !attributes.has('open'))

const isFar = (offset: number | undefined): boolean => offset !== undefined && isFarAway(offset)

function isOutside(declared: Declared): boolean {
  if (declared.isTransformedAway === true || declared.isScaledAway === true || declared.isTranslatedAway === true) return true
  if (declared.isZoomedAway === true || isFar(declared.indent)) return true
  if (declared.margin !== undefined && declared.margin <= -farOutside) return true
  return declared.floats === true && [declared.left, declared.right, declared.top, declared.bottom].some(isFar)
}

function isCutAway(declared: Declared): boolean {
  if (declared.isPathClipped === true || (declared.isClipped === true && declared.floats === true)) return true
  if (declared.cuts !== true) return false
  if (declared.isIndentedAway === true && declared.isOneLine === true) return true
  const { width, maxWidth, height, maxHeight, lineHeight } = declared
  // Where a line has no height, a box that says none has none either.
  const tallness = height ?? lineHeight
  return [width, maxWidth, tallness, maxHeight].some((length) => length !== undefined && length <= sliver)
}

const inPx = ({ px, em, percent }: Length, parent: number): number => px + (em + percent / 100) * parent

function fillOf(parent: Look, colour: Colour, { fill, backdrop, isBackdropOfText }: Declared): Colour | null {
  const own = fill === 'current' ? null : fill === undefined || fill === 'inherit' ? parent.fill : fill
  if (isBackdropOfText !== true || backdrop === undefined || (own ?? colour).alpha >= faintest) return own
  // Letters cut out of a picture or a gradient: what they look like nobody knows, but they are there.
  return backdrop === 'picture' ? unknownFill : backdrop
}

/** Of no colour that is near to black or white. */
const unknownFill: Colour = { red: 128, green: 128, blue: 128, alpha: 1 }

function colourOf(parent: Look, name: string, attributes: Attributes, declared: Declared): Colour {
  if (declared.colour !== undefined) return declared.colour === 'inherit' ? parent.colour : declared.colour
  const legacy = name === 'font' ? attributes.get('color') : name === 'body' ? attributes.get('text') : undefined
  const colour = legacy === undefined ? null : parseLegacyColour(legacy)
  if (colour !== null) return colour
  return name === 'a' && attributes.has('href') ? linkBlue : parent.colour
}

/** Whether an element looks other than its parent even without a style. */
export const changesLook = (name: string, attributes: Attributes): boolean =>
  neverShown.has(name) || isClosed(name, attributes) || name === 'a' || name === 'pre' || name === 'font' || name === 'body'

const withBackground = new Set(['body', 'table', 'tr', 'td', 'th', 'tbody', 'thead', 'tfoot'])

function backdropOf(parent: Look, attributes: Attributes, declared: Declared): Colour | null {
  const own = declared.backdrop
  if (own === undefined || declared.isBackdropOfText === true) return own === 'picture' ? null : parent.backdrop
  if (own === 'picture') return null
  if (own.alpha >= 1) return own
  return parent.backdrop === null ? null : over(own, parent.backdrop)
}

/** Attributes that say what a style could say (HTML §15.3.3 and on), as the weakest of declarations. */
export function presentational(name: string, attributes: Attributes): Declared | null {
  if (!withBackground.has(name)) return null
  if (attributes.has('background')) return { backdrop: 'picture' }
  const colour = parseLegacyColour(attributes.get('bgcolor') ?? '')
  return colour === null ? null : { backdrop: colour }
}

/** Whether a picture takes no room: it reports a reader, and its alternative text is not shown. */
export function isTracker(attributes: Attributes, declared: Declared): boolean {
  const sides = [pxIn(attributes.get('width')) ?? declared.width, pxIn(attributes.get('height')) ?? declared.height]
  return sides.some((side) => side !== undefined && side <= sliver)
}

const pxIn = (attribute: string | undefined): number | undefined => {
  const length = parseLength(attribute?.trim().toLowerCase() ?? '')
  return length === null ? undefined : roughPx({ ...length, percent: length.percent * 100 })
}
