/**
 * Walks through the elements of an HTML document without building it: tokens come from htmlparser2's tokenizer, and only the open elements are
 * remembered. Its own parser is not used, because its stack is searched and shifted at every tag, which is quadratic for a stranger's nesting.
 *
 * Promise: the work is linear in the length of the text, apart from looking for the element that a tag ends, which `Work` bounds.
 */
import { type QuoteType, Tokenizer, type TokenizerCallbacks } from 'htmlparser2'
import { type ImpliedEnd, endsParagraph, impliedEnds, limitsOfEndTag, paragraphEnd, voidElements } from './elements.ts'
import type { Work } from './work.ts'

export type Attributes = ReadonlyMap<string, string>
export type OpenElement = { readonly name: string; readonly attributes: Attributes }

/** `E` is what the reader remembers of an open element. Void elements are opened and closed at once. */
export type Reader<E extends OpenElement> = {
  open(name: string, attributes: Attributes, parents: readonly E[]): E
  close(element: E): void
  text(text: string): void
  comment(text: string): void
}

/** More of one element than anybody writes. */
const maxAttributes = 64
const maxAttributeLength = 16 * 1024

const none: Attributes = new Map()
/** Their end tags do nothing: what follows `</body>` is still shown. */
const neverEnded = new Set(['html', 'body', 'head'])

export function walkDocument<E extends OpenElement>(html: string, reader: Reader<E>, work: Work): void {
  const stack: E[] = []
  const openCount = new Map<string, number>()
  let name = ''
  let attributes: Map<string, string> | null = null
  let attributeName = ''
  let attributeValue = ''

  const push = (element: E): void => {
    stack.push(element)
    openCount.set(element.name, (openCount.get(element.name) ?? 0) + 1)
  }
  const popTo = (length: number): void => {
    while (stack.length > length) {
      const element = stack.pop()
      if (element === undefined) return
      openCount.set(element.name, (openCount.get(element.name) ?? 1) - 1)
      reader.close(element)
    }
  }
  const isOpen = (name: string): boolean => (openCount.get(name) ?? 0) > 0

  /** Where the outermost element of `ends` stands that is open below `limits`; -1 when there is none, or nobody has time to look. */
  function find({ ends, limits }: ImpliedEnd): number {
    let found = -1
    for (let at = stack.length - 1; at >= 0 && work.spend(1); at--) {
      const name = stack[at]?.name ?? ''
      if (ends.has(name)) found = at
      else if (limits.has(name)) break
    }
    return found
  }
  function imply(end: ImpliedEnd): void {
    const at = find(end)
    if (at >= 0) popTo(at)
  }
  function findNearest(name: string, limits: ReadonlySet<string>): number {
    for (let at = stack.length - 1; at >= 0 && work.spend(1); at--) {
      const open = stack[at]?.name ?? ''
      if (open === name) return at
      if (limits.has(open)) break
    }
    return -1
  }

  function start(): void {
    if (endsParagraph.has(name) && isOpen('p')) imply(paragraphEnd)
    const end = impliedEnds.get(name)
    if (end !== undefined) imply(end)
    const element = reader.open(name, attributes ?? none, stack)
    if (voidElements.has(name)) reader.close(element)
    else push(element)
    attributes = null
  }
  function end(name: string): void {
    if (name === 'br') reader.close(reader.open('br', none, stack))
    if (neverEnded.has(name) || !isOpen(name)) return
    const at = findNearest(name, limitsOfEndTag(name))
    if (at >= 0) popTo(at)
  }

  const callbacks: TokenizerCallbacks = {
    onopentagname: (from, to) => void (name = html.slice(from, to).toLowerCase()),
    onattribname: (from, to) => {
      attributeName = to - from > 100 ? '' : html.slice(from, to).toLowerCase()
      attributeValue = ''
    },
    onattribdata: (from, to) => {
      if (attributeValue.length < maxAttributeLength) attributeValue += html.slice(from, Math.min(to, from + maxAttributeLength))
    },
    onattribentity: (point) => {
      if (attributeValue.length < maxAttributeLength) attributeValue += String.fromCodePoint(point)
    },
    onattribend: (_quote: QuoteType) => {
      attributes ??= new Map()
      // The first of two of one name counts (§13.2.5.33).
      if (attributes.size < maxAttributes && !attributes.has(attributeName)) attributes.set(attributeName, attributeValue)
    },
    onopentagend: start,
    onselfclosingtag: start,
    onclosetag: (from, to) => end(html.slice(from, to).toLowerCase()),
    ontext: (from, to) => reader.text(html.slice(from, to)),
    ontextentity: (point) => reader.text(String.fromCodePoint(point)),
    oncomment: (from, to, offset) => reader.comment(html.slice(from, to - offset)),
    // In HTML a CDATA section is a comment that ends at the first `>` (§13.2.5.42).
    oncdata: (from, to, offset) => {
      const close = html.indexOf('>', from)
      if (close >= 0 && close < to) reader.text(html.slice(close + 1, to - offset))
    },
    ondeclaration: () => {},
    onprocessinginstruction: () => {},
    onend: () => {},
  }
  const tokenizer = new Tokenizer({}, callbacks)
  tokenizer.write(html)
  tokenizer.end()
  popTo(0)
}
