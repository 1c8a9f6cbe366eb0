/**
 * HTML of a stranger as what a person would have read: Markdown of the visible text, and apart from it what was there and could not be seen.
 *
 * Nothing is fetched; pictures become their alternative text. Inline styles, the style sheets in the letter and the old attributes decide what is
 * visible (visibility.ts); what we do not understand hides nothing. Linear in the length of the document, whatever is in it: there is no tree,
 * and what has to be looked for among rules and open elements is bounded by steps (work.ts).
 */
import { type Declarations, parseDeclarations } from './declarations.ts'
import type { Declared } from './style-values.ts'
import { type Attributes, type OpenElement, walkDocument } from './document.ts'
import { blocks } from './elements.ts'
import { type HiddenText, createHiddenText, visibleLength } from './hidden-text.ts'
import { type MarkdownWriter, createMarkdownWriter } from './markdown.ts'
import { mediaApplies } from './media-query.ts'
import { type Notes, createNotes } from './notes.ts'
import { type List, listOf, startElement } from './structure.ts'
import { type StyleSheet, createStyleSheet } from './style-sheet.ts'
import { type Look, changesLook, isTracker, lookOf, plainLook, presentational } from './visibility.ts'
import { type Work, createWork } from './work.ts'

export type HtmlReading = Notes & {
  markdown: string
  /** visible characters, spaces and fillers not counted */
  characters: number
  hidden: HiddenText
  /** the style sheets were too much work: some of what they hide is shown */
  isSimplified: boolean
  /** what looking for rules and elements took; never more than `maxWork` */
  steps: number
}

export const maxWork = 1_000_000
const maxAlt = 200
const maxClasses = 30
/** Distinct style attributes that are remembered; letters repeat theirs. */
const maxRemembered = 2_000

type Element = OpenElement & {
  classes: readonly string[]
  look: Look
  /** the look around it, which comes back at its end */
  outer: Look
  list: List | null
  isBlock: boolean
  atEnd: ((writer: MarkdownWriter) => void) | null
  /** the sheet was told of it */
  isCounted: boolean
}

const noClasses: readonly string[] = []
const noDeclared: Declared = {}

export function readHtml(html: string): HtmlReading {
  const work = createWork(maxWork)
  const sheet = createStyleSheet(work)
  const first = readOnce(html, sheet, work, false)
  // A sheet stood below the text that it styles: once more, now that it is known.
  return first.isSheetLate ? readOnce(html, sheet, work, true) : first
}

function readOnce(html: string, sheet: StyleSheet, work: Work, isSheetKnown: boolean): HtmlReading & { isSheetLate: boolean } {
  const writer = createMarkdownWriter()
  const hidden = createHiddenText()
  const noted = createNotes()
  const styleOf = createStyleMemory()
  let characters = 0
  let current = plainLook
  /** the text of the script or style sheet that is open; null outside of one */
  let code: string[] | null = null
  /** the sheet that is open is one for a screen */
  let isForUs = true
  let isSheetLate = false

  function declaredFor(name: string, attributes: Attributes, classes: readonly string[], parents: readonly Element[]): Declared | null {
    const inline = styleOf(attributes.get('style'))
    const ruled = sheet.isEmpty ? null : sheet.declaredFor({ name, attributes, classes }, parents)
    const weak = presentational(name, attributes)
    if (inline === null && ruled === null) return weak
    // The order of CSS Cascade 4 §6.1: what is important last, the attribute above the sheet.
    return Object.assign({}, weak, ...(ruled?.normal ?? []), inline?.normal, ...(ruled?.important ?? []), inline?.important) as Declared
  }

  function open(name: string, attributes: Attributes, parents: readonly Element[]): Element {
    if (name === 'style' || name === 'script') code = []
    if (name === 'style') isForUs = mediaApplies(attributes.get('media') ?? '')
    const classes = attributes.get('class')?.split(/\s+/, maxClasses) ?? noClasses
    const declared = declaredFor(name, attributes, classes, parents)
    const outer = current
    const look = declared !== null || changesLook(name, attributes) ? lookOf(outer, name, attributes, declared ?? noDeclared) : outer
    const isBlock = blocks.has(name) || declared?.display === 'block'
    const element: Element = {
      name,
      attributes,
      classes,
      look,
      outer,
      list: listOf(name, attributes),
      isBlock,
      atEnd: null,
      isCounted: !sheet.isEmpty,
    }
    if (element.isCounted) sheet.opened(element)
    if (look.hiddenBy === null) element.atEnd = startElement(writer, element, parents.at(-1))
    else if (isBlock) hidden.separate()
    noted.element(name, attributes)
    if (name === 'img') picture(attributes, look, declared ?? noDeclared)
    if (attributes.has('title')) hidden.addUnseen(attributes.get('title') ?? '')
    current = look
    return element
  }

  function close(element: Element): void {
    if (code !== null && (element.name === 'style' || element.name === 'script')) {
      if (element.name === 'style' && isForUs && !isSheetKnown) addSheet(code.join(''))
      code = null
    }
    if (element.name === 'a') noted.endLink()
    if (element.look.hiddenBy !== null && element.isBlock) hidden.separate()
    element.atEnd?.(writer)
    if (element.isCounted) sheet.closed(element)
    current = element.outer
  }

  function addSheet(css: string): void {
    sheet.add(css)
    isSheetLate ||= !sheet.isEmpty && characters + hidden.characters > 0
  }

  function text(words: string): void {
    if (code !== null) return void code.push(words)
    if (current.hiddenBy === 'element') return hidden.addAside(words)
    if (current.hiddenBy !== null) return hidden.add(words, current.hiddenBy, characters === 0)
    characters += visibleLength(words)
    noted.words(words)
    writer.text(words, current.isPreformatted)
  }

  /** Its alternative text: what an agent sees in its place, and nobody for whom the picture is loaded. */
  function picture(attributes: Attributes, look: Look, declared: Declared): void {
    const alt = attributes.get('alt') ?? ''
    if (alt.trim() === '') return
    hidden.addUnseen(alt)
    if (look.hiddenBy === null && !isTracker(attributes, declared)) writer.text(alt.slice(0, maxAlt), false)
  }

  walkDocument(html, { open, close, text, comment: hidden.addComment }, work)
  return {
    ...noted.result(),
    markdown: writer.result(),
    characters,
    hidden: hidden.result(),
    isSimplified: work.isExhausted,
    steps: work.spent,
    isSheetLate,
  }
}

/** Parses each style attribute once. */
function createStyleMemory(): (style: string | undefined) => Declarations | null {
  const remembered = new Map<string, Declarations | null>()
  return (style) => {
    if (style === undefined) return null
    const known = remembered.get(style)
    if (known !== undefined) return known
    const declarations = parseDeclarations(style)
    if (remembered.size < maxRemembered) remembered.set(style, declarations)
    return declarations
  }
}
