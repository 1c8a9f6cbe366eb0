/** What an element looks like, from its parent and from what was declared: just enough to say whether a person can read its text, and if not, why. */
import { type Colour, black, faintest, isLost, linkBlue, over, parseLegacyColour, white } from './colour.ts'
import { type Declared, type Length, parseLength } from './style-values.ts'
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
  colour: Colour
  /** null: a picture, so nobody knows */
  backdrop: Colour | null
  isPreformatted: boolean
}

export const plainLook: Look = {
  hiddenBy: null,
  sealedBy: null,
  isVisible: true,
  size: 16,
  colour: black,
  backdrop: white,
  isPreformatted: false,
}

/** Px. Smaller text is a line of dust. */
const unreadable = 2
/** Px beyond the edge from where nothing comes back into view. */
const farOutside = 500
const farBeyond = 5_000
/** Px between letters from where they stand on top of each other. */
const heaped = -6
/** Px that a box leaves of its text. */
const sliver = 2

export function lookOf(parent: Look, name: string, attributes: Attributes, declared: Declared): Look {
  const size = declared.size === undefined ? parent.size : inPx(declared.size, parent.size)
  const backdrop = backdropOf(parent, attributes, declared)
  const colour = colourOf(parent, name, attributes, declared)
  const isVisible = declared.isVisible ?? parent.isVisible
  const sealedBy = parent.sealedBy ?? sealOf(name, attributes, declared)
  const isPreformatted = declared.isPreformatted ?? (name === 'pre' || parent.isPreformatted)
  const hiddenBy = sealedBy ?? reasonOf(isVisible, size, colour, backdrop)
  return { hiddenBy, sealedBy, isVisible, size, colour, backdrop, isPreformatted }
}

function reasonOf(isVisible: boolean, size: number, colour: Colour, backdrop: Colour | null): HiddenBy | null {
  if (!isVisible) return 'visibility'
  if (size <= unreadable) return 'size'
  return backdrop !== null && isLost(colour, backdrop) ? 'colour' : null
}

function sealOf(name: string, attributes: Attributes, declared: Declared): HiddenBy | null {
  if (neverShown.has(name)) return 'element'
  // A style sheet outranks the attribute (HTML §15.3.1).
  if (isClosed(name, attributes) && declared.display === undefined) return 'attribute'
  if (declared.display === 'none' || declared.isContentHidden === true || declared.isOutlookHidden === true) return 'display'
  if ((declared.opacity ?? 1) < faintest || declared.isFiltered === true) return 'opacity'
  if (declared.spacing !== undefined && declared.spacing <= heaped) return 'size'
  if (isOutside(declared)) return 'position'
  return isCutAway(declared) ? 'clipping' : null
}

/** A program on the page would have to open it, and in a letter none runs. */
const isClosed = (name: string, attributes: Attributes): boolean =>
  attributes.has('hidden') || attributes.has('popover') || (name === 'dialog' && !attributes.has('open'))

const isFar = (offset: number | undefined): boolean =>
  offset !== undefined && Number.isFinite(offset) && (offset <= -farOutside || offset >= farBeyond)

function isOutside(declared: Declared): boolean {
  if (declared.isScaledAway === true || isFar(declared.indent)) return true
  if (declared.margin !== undefined && declared.margin <= -farOutside) return true
  return declared.floats === true && [declared.left, declared.right, declared.top, declared.bottom].some(isFar)
}

function isCutAway(declared: Declared): boolean {
  if (declared.isPathClipped === true || (declared.isClipped === true && declared.floats === true)) return true
  if (declared.cuts !== true) return false
  const { width, maxWidth, height, maxHeight } = declared
  return [width, maxWidth, height, maxHeight].some((length) => length !== undefined && length <= sliver)
}

const inPx = ({ amount, unit }: Length, parent: number): number => {
  if (unit === 'px') return amount
  if (unit === 'rem') return amount * plainLook.size
  return unit === 'em' ? amount * parent : (amount / 100) * parent
}

function colourOf(parent: Look, name: string, attributes: Attributes, declared: Declared): Colour {
  if (declared.fill !== undefined) return declared.fill
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
  if (declared.backdrop === 'picture') return null
  const own = declared.backdrop
  if (own === undefined) return parent.backdrop
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
  const sides = [
    parseLength(attributes.get('width') ?? '')?.amount ?? declared.width,
    parseLength(attributes.get('height') ?? '')?.amount ?? declared.height,
  ]
  return sides.some((side) => side !== undefined && side <= sliver)
}
