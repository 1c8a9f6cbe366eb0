/**
 * Text that strangers and agents wrote, made fit for a terminal: nothing in it moves the cursor, colours, reorders or hides. A reviewer
 * decides on what they see, so what cannot be seen is shown as its code point.
 */

// Controls (also ESC and the C1 range), formats (bidirectional and zero-width), private use, lone surrogates, unassigned; other line ends; what
// is invisible by default (fillers, variation selectors, tags); every space but the plain one; the blank Braille pattern.
const unseen = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/gu

const codePoint = (character: string): string => `⟨U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`

/** One line, whatever it held. @param limit characters; what is beyond is counted, not shown */
export function visibleLine(text: string, limit = 1000): string {
  const shown = text.slice(0, limit).replace(unseen, codePoint)
  return text.length > limit ? `${shown}… (${text.length - limit} characters more)` : shown
}

/** The whole text, each line behind `margin`, so that no line can pass for one of ours. Tabs stay. */
export function visibleText(text: string, margin = '  | '): string {
  const lines = text.replaceAll('\r\n', '\n').split('\n')
  return lines
    .map((line) => margin + line.replace(unseen, (character) => (character === '\t' ? character : codePoint(character))))
    .join('\n')
}

/** JSON in printable US-ASCII: the same value to a program, harmless to a terminal. */
export const visibleJson = (value: unknown): string =>
  // One UTF-16 unit at a time: JSON writes a character outside the BMP as two escapes.
  JSON.stringify(value, null, 2).replace(/[^\n -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
