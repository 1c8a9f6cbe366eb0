/**
 * HTML of a stranger as Markdown: what a person would have read, and where its links lead.
 *
 * Nothing is fetched; pictures become their alternative text. Scripts, styles and elements hidden by attribute or inline style are
 * left out (rules of a style sheet are not applied). Runs in the parse worker, which has a time limit: DOM building is quadratic at worst.
 */
import TurndownService from 'turndown'

/** `hidden`: words were there that a person would not have seen. */
export type HtmlReading = { markdown: string; hidden: boolean }

/** Beyond this the converter's recursion is near its end; newsletters stay below 100. */
const maxDepth = 200
const invisibleElements = new Set([
  'SCRIPT',
  'STYLE',
  'HEAD',
  'TITLE',
  'META',
  'LINK',
  'TEMPLATE',
  'NOSCRIPT',
  'IFRAME',
  'OBJECT',
  'EMBED',
  'APPLET',
  'SVG',
  'MATH',
  'CANVAS',
  'AUDIO',
  'VIDEO',
])
const hidingStyle =
  /(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|mso-hide\s*:\s*all|opacity\s*:\s*0(?:\.0+)?\s*(?:;|!|$)|font-size\s*:\s*0(?:\.0+)?(?:px|pt|em|rem|%)?\s*(?:;|!|$)|max-height\s*:\s*0(?:px)?\s*(?:;|!|$)|text-indent\s*:\s*-\d{3,})/i
const linkTarget = /^(?:https?|mailto|tel):/i
const maxLinkLength = 2_000

/** Null when the document is nested too deep to convert. */
export function htmlToMarkdown(html: string): HtmlReading | null {
  if (nestingOf(html) > maxDepth) return null
  let hidden = false
  const converter = new TurndownService({ headingStyle: 'atx', codeBlockStyle: 'fenced', emDelimiter: '*', bulletListMarker: '-' })
  converter.addRule('picture', { filter: 'img', replacement: (_content, node) => attribute(node, 'alt').slice(0, 500) })
  converter.addRule('link', {
    filter: 'a',
    replacement: (content, node) => linkText(content, attribute(node, 'href').trim()),
  })
  converter.addRule('never shown', {
    filter: (node: ElementNode) => invisibleElements.has(node.nodeName.toUpperCase()),
    replacement: () => '',
  })
  converter.addRule('hidden', {
    filter: (node: ElementNode) => isHidden(node),
    replacement: (content) => {
      hidden ||= content.trim() !== ''
      return ''
    },
  })
  try {
    return { markdown: converter.turndown(html), hidden }
  } catch (error) {
    // The estimate of the depth was too low and the converter ran out of stack.
    if (error instanceof RangeError) return null
    throw error
  }
}

/** What we use of a DOM element; the converter's types name the browser's. */
type ElementNode = { nodeName: string; getAttribute(name: string): string | null }
const attribute = (node: unknown, name: string): string => (node as ElementNode).getAttribute(name) ?? ''

const isHidden = (node: ElementNode): boolean =>
  node.getAttribute('hidden') !== null || hidingStyle.test(attribute(node, 'style').slice(0, 4_000))

/** A link that says where it leads; other schemes (javascript:, data:, cid:) leave their words only. */
function linkText(content: string, href: string): string {
  const words = content.trim()
  if (words === '') return ''
  if (!linkTarget.test(href) || href.length > maxLinkLength) return content
  const target = href.replace(/[\s<>()]/g, encodeURIComponent)
  return words === href || `mailto:${words}` === href ? words : `[${words}](${target})`
}

const mayStayOpen = new Set(
  'area base br col embed hr img input link meta param source track wbr p li td th tr dt dd option tbody thead tfoot colgroup'.split(' '),
)

/** How deep elements are nested, from the tags alone. */
function nestingOf(html: string): number {
  let depth = 0
  let deepest = 0
  for (const [, slash, name = ''] of html.matchAll(/<(\/?)([a-z][a-z0-9]{0,20})/gi)) {
    if (mayStayOpen.has(name.toLowerCase())) continue
    depth = slash === '/' ? Math.max(0, depth - 1) : depth + 1
    deepest = Math.max(deepest, depth)
  }
  return deepest
}

const lineElements = /^\/?(?:p|div|br|tr|li|h[1-6]|table|ul|ol|blockquote|section|article|header|footer|pre|hr)\b/i
const rawElements = /^(script|style|title|template)\b/i
const entities: { readonly [name: string]: string } = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ', zwnj: '', shy: '' }

/** The words of an HTML document without its tags: what is left when nothing better is possible. Linear in its length. */
export function htmlToText(html: string): string {
  const lower = html.toLowerCase()
  const parts: string[] = []
  let at = 0
  while (at < html.length) {
    const open = html.indexOf('<', at)
    const close = open < 0 ? -1 : html.indexOf('>', open)
    if (close < 0) {
      parts.push(html.slice(at))
      break
    }
    parts.push(html.slice(at, open))
    const tag = html.slice(open + 1, Math.min(close, open + 40))
    const raw = rawElements.exec(tag)?.[1]
    const end = raw === undefined ? close : lower.indexOf(`</${raw.toLowerCase()}`, close)
    if (end < 0) break
    if (lineElements.test(tag)) parts.push('\n')
    at = raw === undefined ? close + 1 : end
  }
  return parts
    .join('')
    .replace(/&(#\d{1,7}|#x[\da-f]{1,6}|[a-z]{2,8});/gi, (whole, name: string) => decodeEntity(name) ?? whole)
    .replace(/[ \t\u00a0]+/g, ' ')
    .replace(/ ?\n[ \n]*\n ?/g, '\n\n')
    .trim()
}

function decodeEntity(name: string): string | null {
  if (!name.startsWith('#')) return entities[name.toLowerCase()] ?? null
  const point = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1))
  return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : null
}
