/** What elements become in Markdown. */
import type { Attributes } from './document.ts'
import type { Mark, MarkdownWriter } from './markdown.ts'

/** Told when an element begins; gives what is to be done when it ends. */
type Start = (writer: MarkdownWriter) => (writer: MarkdownWriter) => void

const nothing = (): void => {}
const endParagraph = (writer: MarkdownWriter): void => writer.paragraph()
const endLink = (writer: MarkdownWriter): void => writer.endLink()
const endFence = (writer: MarkdownWriter): void => writer.endFence()
const leave = (writer: MarkdownWriter): void => writer.leave()

const mark =
  (kind: Mark): Start =>
  (writer) => {
    writer.startMark(kind)
    return (writer) => writer.endMark(kind)
  }
const heading =
  (level: number): Start =>
  (writer) => {
    writer.startHeading(level)
    return (writer) => writer.endHeading()
  }
const list: Start = (writer) => {
  writer.startList()
  return (writer) => writer.endList()
}

const starts: ReadonlyMap<string, Start> = new Map<string, Start>([
  ['b', mark('strong')],
  ['strong', mark('strong')],
  ['i', mark('emphasis')],
  ['em', mark('emphasis')],
  ['code', mark('code')],
  ['h1', heading(1)],
  ['h2', heading(2)],
  ['h3', heading(3)],
  ['h4', heading(4)],
  ['h5', heading(5)],
  ['h6', heading(6)],
  ['ul', list],
  ['ol', list],
  ['menu', list],
  [
    'blockquote',
    (writer) => {
      writer.enterQuotation()
      return leave
    },
  ],
  [
    'br',
    (writer) => {
      writer.lineBreak()
      return nothing
    },
  ],
  [
    'hr',
    (writer) => {
      writer.rule()
      return nothing
    },
  ],
])

const linkTarget = /^(?:https?|mailto|tel):/i
const maxTarget = 2_000

/** Where in its list an item stands; `list` null outside of any. */
export type List = { next: number | null }

/**
 * Begins an element in Markdown. Null when nothing is to be done at its end.
 * @param list the list whose item this may be
 */
export function startElement(
  writer: MarkdownWriter,
  element: { name: string; attributes: Attributes; isBlock: boolean },
  parent: { name: string; list: List | null } | undefined,
): ((writer: MarkdownWriter) => void) | null {
  const { name, attributes, isBlock } = element
  if (name === 'a') return startLink(writer, attributes.get('href')?.trim() ?? '')
  if (name === 'li') return startItem(writer, parent?.list ?? null)
  if (name === 'code' && parent?.name === 'pre') {
    writer.startFence()
    return endFence
  }
  const start = starts.get(name)
  if (start !== undefined) return start(writer)
  if (isBlock) writer.paragraph()
  return isBlock ? endParagraph : null
}

/** A link that says where it leads; other schemes (javascript:, data:, cid:) leave their words only. */
function startLink(writer: MarkdownWriter, target: string): typeof endLink | null {
  if (target.length > maxTarget || !linkTarget.test(target)) return null
  writer.startLink(target.replace(/[\s<>()]/g, encodeURIComponent))
  return endLink
}

function startItem(writer: MarkdownWriter, list: List | null): typeof leave {
  const number = list?.next ?? null
  writer.enterItem(number === null ? '-   ' : `${number}.  `)
  if (list !== null && number !== null) list.next = number + 1
  return leave
}

/** The numbering of a list that begins here (HTML §4.4.5); null for an element that is none. */
export function listOf(name: string, attributes: Attributes): List | null {
  if (name === 'ul' || name === 'menu') return { next: null }
  if (name !== 'ol') return null
  const start = Number.parseInt(attributes.get('start') ?? '1', 10)
  return { next: Number.isFinite(start) && Math.abs(start) < 1e6 ? start : 1 }
}
