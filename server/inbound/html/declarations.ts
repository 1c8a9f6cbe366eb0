/** Style declarations (CSS Syntax 3 §5.4.5), reduced to what decides whether text can be seen. */
import { withoutComments } from './css-comments.ts'
import { type Declared, valueReaders } from './style-values.ts'

/** `!important` declarations win over every other. */
export type Declarations = { normal: Declared; important: Declared }

/** Longer attributes and values say nothing that a letter needs. */
const maxDeclarations = 200
const maxValue = 300

/** Null when nothing in it matters here. */
export function parseDeclarations(written: string): Declarations | null {
  const text = withoutComments(written)
  const found: Declarations = { normal: {}, important: {} }
  let some = false
  let count = 0
  for (let at = 0; at < text.length && count < maxDeclarations; count++) {
    const end = endOfDeclaration(text, at)
    const colon = text.indexOf(':', at)
    if (colon > 0 && colon < end) some = declare(found, text.slice(at, colon), text.slice(colon + 1, end)) || some
    at = end + 1
  }
  return some ? found : null
}

/** Where the next `;` outside of quotes and brackets stands. */
function endOfDeclaration(text: string, from: number): number {
  const plain = text.indexOf(';', from)
  const end = plain < 0 ? text.length : plain
  for (let at = from; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code === 34 || code === 39 || code === 40) return endAfterGroup(text, at)
  }
  return end
}

function endAfterGroup(text: string, from: number): number {
  let closer = ''
  for (let at = from; at < text.length; at++) {
    const character = text[at] ?? ''
    if (closer !== '') closer = character === closer ? '' : closer
    else if (character === '(') closer = ')'
    else if (character === '"' || character === "'") closer = character
    else if (character === ';') return at
  }
  return text.length
}

function declare(found: Declarations, name: string, rawValue: string): boolean {
  const read = valueReaders.get(clean(name))
  if (read === undefined || rawValue.length > maxValue) return false
  let value = clean(rawValue)
  const important = /!\s{0,10}important$/.test(value)
  if (important) value = value.slice(0, value.lastIndexOf('!')).trimEnd()
  const declared = read(value)
  if (declared === null) return false
  Object.assign(important ? found.important : found.normal, declared)
  return true
}

/** Whether a browser takes that value for that property; null when we do not know the property. */
export function isUnderstood(name: string, value: string): boolean | null {
  const read = valueReaders.get(clean(name))
  return read === undefined ? null : read(clean(value)) !== null
}

const clean = (text: string): string => unescaped(text).trim().toLowerCase()

/** CSS Syntax 3 §4.3.7: `\6e one` is `none`. */
const unescaped = (text: string): string =>
  text.includes('\\')
    ? text.replace(/\\(?:([\da-f]{1,6})[ \t\n]?|([^\da-f\n]))/gi, (_whole, hex: string | undefined, plain: string | undefined) =>
        hex === undefined ? (plain ?? '') : pointOf(Number.parseInt(hex, 16)),
      )
    : text
const pointOf = (point: number): string => (point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : '')
