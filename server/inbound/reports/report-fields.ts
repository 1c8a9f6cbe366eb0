/** Fields as reports write them (RFC 3464 §2.1, RFC 5965 §3.1): groups of header-like lines with an empty line between. Linear, and bounded. */

export type Fields = ReadonlyMap<string, readonly string[]>
export const noFields: Fields = new Map()

/** A report about a hundred recipients takes 30 KB. */
const maxBytes = 256 * 1024
const maxLines = 10_000
const maxPerName = 100
const maxValue = 4_000

/** @param limit how many groups are read at most. Names are lower case, values unfolded. Empty groups are passed over. */
export function fieldGroups(content: Uint8Array, limit: number): Fields[] {
  const groups: Fields[] = []
  let group = new Map<string, string[]>()
  let open: string[] | undefined
  const close = (): void => {
    if (group.size > 0) groups.push(group)
    group = new Map()
    open = undefined
  }
  for (const line of textOf(content).split('\n', maxLines)) {
    if (groups.length === limit) return groups
    if (line.trim() === '') close()
    else if (/^[ \t]/.test(line)) unfold(open, line)
    else open = begin(group, line)
  }
  close()
  return groups.slice(0, limit)
}

export const firstOf = (fields: Fields, name: string): string | null => fields.get(name)?.[0] ?? null

/** A part as text with LF line ends: UTF-8, or else Latin-1. */
export function textOf(content: Uint8Array): string {
  const bytes = Buffer.from(content.buffer, content.byteOffset, Math.min(content.byteLength, maxBytes))
  const text = bytes.toString('utf8')
  return (text.includes('\ufffd') ? bytes.toString('latin1') : text).replaceAll('\r\n', '\n')
}

function begin(group: Map<string, string[]>, line: string): string[] | undefined {
  const colon = line.indexOf(':')
  if (colon < 1) return undefined
  const name = line.slice(0, colon).trim().toLowerCase()
  const values = group.get(name) ?? []
  if (values.length >= maxPerName) return undefined
  values.push(line.slice(colon + 1, colon + 1 + maxValue).trim())
  group.set(name, values)
  return values
}

/** What is folded belongs to the value that was begun last. */
function unfold(open: string[] | undefined, line: string): void {
  const last = open?.at(-1)
  if (open === undefined || last === undefined || last.length >= maxValue) return
  open[open.length - 1] = `${last} ${line.trim()}`.slice(0, maxValue)
}
