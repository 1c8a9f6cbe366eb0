/** What the parse worker can be asked to do; each name is a task of `parser.ts`. Bound by a heap and a time limit from outside. */
import { readHtml, readHtmlSimply } from './content.ts'
import { announced } from './announced.ts'
import { readHeader, readWhole } from './read-message.ts'

type HtmlTask = { html: string; forwarded: boolean }

export const readMessage = announced(readWhole)
export const readHeaderOnly = announced(readHeader)
export const htmlText = announced((task: HtmlTask) => readHtml(task.html, task.forwarded))
export const simpleHtmlText = announced((task: HtmlTask) => readHtmlSimply(task.html, task.forwarded))
