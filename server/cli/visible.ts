/**
 * Text that strangers and agents wrote, made fit for a terminal: nothing in it moves the cursor, colours, reorders or hides. A reviewer
 * decides on what they see, so what cannot be seen is shown as its code point.
 */
import { showUnseen } from '../model/unseen.ts'

/** One line, whatever it held. @param limit characters; what is beyond is counted, not shown */
export function visibleLine(text: string, limit = 1000): string {
  const shown = showUnseen(text.slice(0, limit)).text
  return text.length > limit ? `${shown}… (${text.length - limit} characters more)` : shown
}

/** The whole text, each line behind `margin`, so that no line can pass for one of ours. Tabs stay. */
export function visibleText(text: string, margin = '  | '): string {
  const lines = text.replaceAll('\r\n', '\n').split('\n')
  return lines.map((line) => margin + showUnseen(line, '\t').text).join('\n')
}

/** JSON in printable US-ASCII: the same value to a program, harmless to a terminal. */
export const visibleJson = (value: unknown): string =>
  // One UTF-16 unit at a time: JSON writes a character outside the BMP as two escapes.
  JSON.stringify(value, null, 2).replace(/[^\n -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
