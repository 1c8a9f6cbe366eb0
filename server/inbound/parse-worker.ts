/** What the parse worker can be asked to do; each name is a task of `parser.ts`. Bound by a heap and a time limit from outside. */
import { type ReadableText, readHtml, readHtmlSimply } from './content.ts'

export { readHeaderOnly, readMessage } from './read-message.ts'

type HtmlTask = { html: string; forwarded: boolean }
export const htmlText = (task: HtmlTask): ReadableText => readHtml(task.html, task.forwarded)
export const simpleHtmlText = (task: HtmlTask): ReadableText => readHtmlSimply(task.html, task.forwarded)
