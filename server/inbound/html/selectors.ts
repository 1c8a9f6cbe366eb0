/**
 * Selectors (Selectors 4) as far as letters use them: names, classes, ids, attributes, descendants and children; `:is()`, `:where()` and `:not()` of
 * these without descendants. One with anything else is left out, so what it would hide stays visible.
 */
import type { Attributes, OpenElement } from './document.ts'
import type { Work } from './work.ts'

type AttributeTest = { name: string; operator: string; value: string }
type Compound = {
  tag: string
  id: string
  classes: readonly string[]
  attributes: readonly AttributeTest[]
  alternatives: readonly Alternatives[]
}
/** Of one `:is()`, `:where()` or `:not()`: it must be one of these, or none. */
type Alternatives = { compounds: readonly Compound[]; isNot: boolean; specificity: number }
/**
 * `compounds` from right to left; `links[n]` says how `compounds[n + 1]` stands to `compounds[n]`. `key` is the rarest thing that the element must
 * have, and `needs` the rarest that an element around it must: `#id`, `.class`, a name, or `*`.
 */
export type Selector = {
  compounds: readonly Compound[]
  links: readonly ('child' | 'descendant')[]
  specificity: number
  key: string
  needs: string
}

/** More than anybody needs. */
const maxCompounds = 8
const maxAlternatives = 50
/** `:is(:not(:is(a)))` */
const maxNesting = 4
const maxLength = 400
/** Characters of an attribute that a selector is compared with. */
const maxTested = 200
const identifier = /[\w\u0080-\uffff-]/

/** Null when it is none, or one we do not know how to match. */
export function parseSelector(text: string): Selector | null {
  if (text.length > maxLength) return null
  const compounds: Compound[] = []
  const links: Selector['links'][number][] = []
  let at = 0
  while (at < text.length) {
    const space = skipSpace(text, at)
    const isChild = text[space] === '>'
    const begin = isChild ? skipSpace(text, space + 1) : space
    if (begin >= text.length) break
    if (compounds.length > 0) links.push(isChild ? 'child' : 'descendant')
    else if (isChild) return null
    const read = readCompound(text, begin)
    if (read === null || compounds.length === maxCompounds) return null
    compounds.push(read.compound)
    at = read.end
  }
  const [last, ...around] = compounds.toReversed()
  if (last === undefined) return null
  return {
    compounds: [last, ...around],
    links: links.toReversed(),
    specificity: specificityOf(compounds),
    key: keyOf(last),
    needs: rarest(around.map(keyOf)),
  }
}

const keyOf = ({ id, classes, tag }: Compound): string =>
  id === '' ? (classes[0] === undefined ? tag || '*' : `.${classes[0]}`) : `#${id}`
const rarest = (keys: readonly string[]): string =>
  keys.find((key) => key.startsWith('#')) ?? keys.find((key) => key.startsWith('.')) ?? keys.find((key) => key !== '*') ?? '*'

function skipSpace(text: string, from: number): number {
  let at = from
  while (at < text.length && /\s/.test(text[at] ?? '')) at++
  return at
}

function readCompound(text: string, from: number, depth = 0): { compound: Compound; end: number } | null {
  const compound = { tag: '', id: '', classes: [] as string[], attributes: [] as AttributeTest[], alternatives: [] as Alternatives[] }
  let at = from
  for (; at < text.length && !/[\s>]/.test(text[at] ?? '');) {
    const mark = text[at] ?? ''
    if (mark === '*' && at === from) {
      at++
    } else if (mark === '[') {
      const close = text.indexOf(']', at)
      const test = close < 0 ? null : readAttribute(text.slice(at + 1, close))
      if (test === null) return null
      compound.attributes.push(test)
      at = close + 1
    } else if (mark === ':') {
      const end = endOfGroup(text, at)
      const pseudo = readPseudo(text.slice(at + 1, end), depth)
      if (pseudo === null) return null
      if (pseudo === 'root') compound.tag = 'html'
      else compound.alternatives.push(pseudo)
      at = end
    } else {
      const end = endOfIdentifier(text, mark === '.' || mark === '#' ? at + 1 : at)
      const word = text.slice(at, end)
      if (word.length === 0 || word === '.' || word === '#') return null
      if (mark === '.') compound.classes.push(word.slice(1))
      else if (mark === '#') compound.id = word.slice(1)
      else if (at === from) compound.tag = word.toLowerCase()
      else return null
      at = end
    }
  }
  return { compound, end: at }
}

/** @param text behind the colon */
function readPseudo(text: string, depth: number): Alternatives | 'root' | null {
  if (text.toLowerCase() === 'root') return 'root'
  const [, name = '', list = ''] = /^(is|where|not|matches|-webkit-any|-moz-any)\(([\s\S]{0,400})\)$/i.exec(text) ?? []
  if (name === '' || depth >= maxNesting) return null
  const isNot = name.toLowerCase() === 'not'
  const compounds: Compound[] = []
  for (const one of splitAtCommas(list, maxAlternatives)) {
    const read = readCompound(one.trim(), 0, depth + 1)
    if (read !== null && read.end === one.trim().length && read.end > 0) compounds.push(read.compound)
    // Of `:is()` a part that is not understood only matches less (§17.3); of `:not()` it would match more.
    else if (isNot) return null
  }
  if (compounds.length === 0) return null
  return { compounds, isNot, specificity: name.toLowerCase() === 'where' ? 0 : Math.max(...compounds.map((one) => specificityOf([one]))) }
}

/** Where a pseudo-class ends that begins at `from`, its brackets with it. */
function endOfGroup(text: string, from: number): number {
  let at = endOfIdentifier(text, from + 1)
  if (text[at] !== '(') return at
  for (let depth = 0; at < text.length; at++) {
    if (text[at] === '(') depth++
    else if (text[at] === ')' && --depth === 0) return at + 1
  }
  return at
}

/** A list of selectors as its members. Linear. @param most the rest is left out */
export function splitAtCommas(text: string, most: number): string[] {
  if (!text.includes('(')) return text.split(',', most)
  const parts: string[] = []
  let depth = 0
  let from = 0
  for (let at = 0; at <= text.length && parts.length < most; at++) {
    const mark = text[at] ?? ','
    if (mark === '(') depth++
    else if (mark === ')') depth--
    else if (mark === ',' && (depth <= 0 || at === text.length)) {
      parts.push(text.slice(from, at))
      from = at + 1
    }
  }
  return parts
}

function endOfIdentifier(text: string, from: number): number {
  let at = from
  while (at < text.length && identifier.test(text[at] ?? '')) at++
  return at
}

function readAttribute(text: string): AttributeTest | null {
  const [, name, operator = '', value = ''] = /^\s{0,5}([\w-]{1,60})\s{0,5}(?:([~|^$*]?=)\s{0,5}([^\n]{0,200}))?$/.exec(text) ?? []
  return name === undefined ? null : { name: name.toLowerCase(), operator, value: value.trim().replace(/^["']|["']$/g, '') }
}

const specificityOf = (compounds: readonly Compound[]): number =>
  compounds.reduce(
    (sum, { tag, id, classes, attributes, alternatives }) =>
      sum +
      (id === '' ? 0 : 10_000) +
      (classes.length + attributes.length) * 100 +
      (tag === '' ? 0 : 1) +
      alternatives.reduce((more, { specificity }) => more + specificity, 0),
    0,
  )

/** What matching needs to know of an element; `classes` split once. */
export type StyledElement = OpenElement & { readonly classes: readonly string[] }

/** @param parents the open elements around it, the outermost first */
export const matches = (selector: Selector, element: StyledElement, parents: readonly StyledElement[], work: Work): boolean =>
  matchesFrom(selector, 0, element, parents, parents.length, work)

function matchesFrom(
  selector: Selector,
  index: number,
  element: StyledElement,
  parents: readonly StyledElement[],
  above: number,
  work: Work,
): boolean {
  const compound = selector.compounds[index]
  if (compound === undefined || !work.spend(costOf(compound)) || !fits(compound, element)) return false
  if (index === selector.compounds.length - 1) return true
  const farthest = selector.links[index] === 'child' ? above - 1 : 0
  for (let at = above - 1; at >= Math.max(0, farthest); at--) {
    const parent = parents[at]
    if (parent !== undefined && matchesFrom(selector, index + 1, parent, parents, at, work)) return true
    if (work.isExhausted) return false
  }
  return false
}

const costOf = ({ classes, attributes, alternatives }: Compound): number =>
  1 +
  classes.length +
  attributes.length +
  alternatives.reduce((sum, { compounds }) => sum + compounds.reduce((inner, one) => inner + costOf(one), 0), 0)

function fits({ tag, id, classes, attributes, alternatives }: Compound, element: StyledElement): boolean {
  if (tag !== '' && tag !== element.name) return false
  if (id !== '' && id !== element.attributes.get('id')) return false
  for (const name of classes) if (!element.classes.includes(name)) return false
  for (const test of attributes) if (!holds(test, element.attributes)) return false
  for (const { compounds, isNot } of alternatives) if (compounds.some((one) => fits(one, element)) === isNot) return false
  return true
}

function holds({ name, operator, value }: AttributeTest, attributes: Attributes): boolean {
  const actual = attributes.get(name)?.slice(0, maxTested)
  if (actual === undefined) return false
  switch (operator) {
    case '':
      return true
    case '=':
      return actual === value
    case '~=':
      return actual.split(/\s+/, 50).includes(value)
    case '^=':
      return value !== '' && actual.startsWith(value)
    case '$=':
      return value !== '' && actual.endsWith(value)
    case '*=':
      return value !== '' && actual.includes(value)
    default:
      return actual === value || actual.startsWith(`${value}-`)
  }
}
