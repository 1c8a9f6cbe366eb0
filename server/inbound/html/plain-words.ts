/** The words of an HTML document without its tags, hidden ones too: what is left when nothing better is possible. Linear in its length. */

const lineElements = /^\/?(?:p|div|br|tr|li|h[1-6]|table|ul|ol|blockquote|section|article|header|footer|pre|hr)\b/i
const rawElements = /^(script|style|title|template)\b/i
const entities: { readonly [name: string]: string } = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ', zwnj: '', shy: '' }

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
