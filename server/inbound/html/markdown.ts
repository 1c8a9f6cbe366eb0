/**
 * Writes Markdown (CommonMark) while a document is walked through: paragraphs, lists, quotations, emphasis, links. Marks are opened only when text
 * follows and closed before the spaces behind it, so empty elements leave nothing. Linear: what was written is not read again.
 */
import { anySpace, escaped, firstVisible, lastVisible, unevenSpace } from './markdown-text.ts'

export type Mark = 'strong' | 'emphasis' | 'code'

export type MarkdownWriter = {
  /** Begins or ends a paragraph. */
  paragraph(): void
  lineBreak(): void
  rule(): void
  startHeading(level: number): void
  endHeading(): void
  startList(): void
  endList(): void
  /** What follows, until `leave`, is quoted, or is one item of a list. */
  enterQuotation(): void
  enterItem(marker: string): void
  leave(): void
  startMark(kind: Mark): void
  endMark(kind: Mark): void
  startLink(target: string): void
  endLink(): void
  /** What follows, until `endFence`, is code: not a character of it is changed. */
  startFence(): void
  endFence(): void
  text(text: string, isPreformatted: boolean): void
  result(): string
}

/** How far apart two pieces of text are: in one line, after a `<br>`, on a new line, after an empty line. */
const together = 0
const broken = 1
const nextLine = 2
const apart = 3

const markers: Record<Mark, string> = { strong: '**', emphasis: '*', code: '`' }
/** Deeper quotations and lists are shown at this depth: every line repeats their marks. */
const maxContainers = 10
const maxLinkWords = 2_100

/** `first` is what the first line has in the place of `rest`; null once it is written. */
type Container = { rest: string; first: string | null }
type OpenMark = { kind: Mark | 'link'; nested: number; isWritten: boolean; target: string; words: string; at: number }
type Fence = { at: number; longestRun: number }

export function createMarkdownWriter(): MarkdownWriter {
  const out: string[] = []
  const containers: Container[] = []
  const marks: OpenMark[] = []
  let gap = together
  /** how many containers enclose both sides of the gap */
  let common = 0
  let headingMark = ''
  let isHeading = false
  let isSpacePending = false
  let atLineStart = true
  let openLists = 0
  let fence: Fence | null = null

  function part(distance: number): void {
    isSpacePending = false
    // The text of an item or a heading has not begun: nothing to be apart from.
    if (headingMark !== '' || (containers.at(-1)?.first ?? null) !== null) return
    if (gap === together) common = containers.length
    gap = Math.max(gap, gap === broken && distance === broken ? apart : distance)
    if (distance >= nextLine) for (const mark of marks.toReversed()) close(mark)
  }

  const restOf = (depth: number): string =>
    containers
      .slice(0, Math.min(depth, maxContainers))
      .map(({ rest }) => rest)
      .join('')

  function startLine(): void {
    for (const container of containers.slice(0, maxContainers)) {
      out.push(container.first ?? container.rest)
      container.first = null
    }
    atLineStart = true
  }

  /** Writes what lies between the text before and the text that comes. */
  function bridge(): void {
    if (gap !== together || out.length === 0) {
      if (out.length > 0) {
        out.push(gap === broken ? '  \n' : '\n')
        if (gap === apart) out.push(restOf(common).trimEnd(), '\n')
      }
      startLine()
      out.push(headingMark)
    } else if (isSpacePending) {
      out.push(' ')
      for (const mark of marks) if (mark.isWritten) mark.words += ' '
    }
    gap = together
    isSpacePending = false
    headingMark = ''
  }

  function write(text: string): void {
    bridge()
    let isCode = false
    for (const mark of marks) {
      if (!mark.isWritten) {
        mark.isWritten = true
        mark.words = ''
        mark.at = out.length
        out.push(mark.kind === 'link' ? '[' : markers[mark.kind])
      }
      if (mark.words.length < maxLinkWords) mark.words += text
      isCode ||= mark.kind === 'code'
    }
    out.push(isCode ? text.replaceAll('`', '´') : escaped(text, atLineStart))
    atLineStart = false
  }

  function close(mark: OpenMark): void {
    if (!mark.isWritten) return
    mark.isWritten = false
    if (mark.kind !== 'link') out.push(markers[mark.kind])
    else if (mark.words !== mark.target && `mailto:${mark.words}` !== mark.target) out.push(`](${mark.target})`)
    // A link whose words are its target needs no brackets, and its words no escapes.
    else out.splice(mark.at, out.length - mark.at, mark.words)
  }

  function start(kind: OpenMark['kind'], target = ''): void {
    const open = marks.find((mark) => mark.kind === kind)
    if (open === undefined) marks.push({ kind, nested: 0, isWritten: false, target, words: '', at: 0 })
    else open.nested++
  }

  function end(kind: OpenMark['kind']): void {
    const at = marks.findLastIndex((mark) => mark.kind === kind)
    const mark = marks[at]
    if (mark === undefined) return
    if (mark.nested-- > 0) return
    // What was opened within it ends with it, and goes on behind it.
    for (const inner of marks.slice(at).toReversed()) close(inner)
    marks.splice(at, 1)
  }

  function flowing(text: string): void {
    const begin = firstVisible(text)
    if (begin === text.length) {
      isSpacePending ||= gap === together && begin > 0
      return
    }
    const end = lastVisible(text) + 1
    isSpacePending ||= gap === together && begin > 0
    const core = text.slice(begin, end)
    write(unevenSpace.test(core) ? core.replace(anySpace, ' ') : core)
    isSpacePending = end < text.length
  }

  function lines(text: string): void {
    for (let at = 0; ;) {
      const end = text.indexOf('\n', at)
      flowing(end < 0 ? text.slice(at) : text.slice(at, end))
      if (end < 0) return
      part(gap === together ? nextLine : apart)
      at = end + 1
    }
  }

  function verbatim(text: string, { at, longestRun }: Fence): Fence {
    if (at < 0 && text.trim() === '') return { at, longestRun }
    const opening = at < 0
    if (opening) bridge()
    const begin = opening ? out.push('```') - 1 : at
    if (opening) out.push('\n', restOf(containers.length))
    let run = 0
    let longest = longestRun
    for (let index = 0; index < text.length; index++) {
      run = text.charCodeAt(index) === backtick ? run + 1 : 0
      longest = Math.max(longest, run)
    }
    const rest = restOf(containers.length)
    out.push(rest === '' ? text : text.replaceAll('\n', `\n${rest}`))
    return { at: begin, longestRun: longest }
  }

  return {
    paragraph: () => part(apart),
    lineBreak() {
      if (isHeading) isSpacePending = true
      else part(broken)
    },
    rule() {
      part(apart)
      bridge()
      out.push('* * *')
      part(apart)
    },
    startHeading(level) {
      part(apart)
      isHeading = true
      headingMark = `${'#'.repeat(level)} `
    },
    endHeading() {
      isHeading = false
      headingMark = ''
      part(apart)
    },
    startList: () => part(openLists++ === 0 ? apart : nextLine),
    endList: () => part(--openLists <= 0 ? apart : nextLine),
    enterQuotation() {
      part(apart)
      containers.push({ rest: '> ', first: null })
    },
    enterItem(marker) {
      part(nextLine)
      containers.push({ rest: '    ', first: marker })
    },
    leave() {
      const left = containers.at(-1)
      if (left?.first === null) part(left.rest === '> ' ? apart : nextLine)
      containers.pop()
      common = Math.min(common, containers.length)
    },
    startMark: (kind) => start(kind),
    endMark: end,
    startLink: (target) => start('link', target),
    endLink: () => end('link'),
    startFence() {
      fence ??= { at: -1, longestRun: 2 }
    },
    endFence() {
      if (fence !== null && fence.at >= 0) {
        const marks = '`'.repeat(fence.longestRun + 1)
        out[fence.at] = marks
        out.push(out.at(-1)?.endsWith('\n') === true ? '' : '\n', restOf(containers.length), marks)
      }
      fence = null
      part(apart)
    },
    text(text, isPreformatted) {
      if (fence !== null) fence = verbatim(text, fence)
      else if (isPreformatted) lines(text)
      else flowing(text)
    },
    result() {
      for (const mark of marks.toReversed()) close(mark)
      return out.join('')
    },
  }
}

const backtick = 96
