/** The readable text of HTML alone, for who has nothing else. */
import { type ReadableText, readSimply, readText } from './content/readable-text.ts'

export type { ReadableText } from './content/readable-text.ts'

export function readHtml(html: string, forwarded: boolean): ReadableText {
  const { markdown, extracted, flags } = readText({ plain: '', html, forwarded })
  return { markdown, extracted, flags }
}

export const readHtmlSimply = (html: string, forwarded: boolean): ReadableText => readSimply({ plain: '', html, forwarded })
