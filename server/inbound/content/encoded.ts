/** Text in base64, hexadecimal or percent signs within text, which a program reads as easily as a letter. */
import { readable } from './invisible.ts'
import type { ReadWords } from './words.ts'

const maxDecoded = 16 * 1024
const maxStretches = 20
const shortest = 32

/** What the long stretches of a text decode to, where that is text again. */
export function decodedFrom({ text, longRuns }: Pick<ReadWords, 'text' | 'longRuns'>): string[] {
  return joined(longRuns)
    .slice(0, maxStretches)
    .flatMap(({ from, to }) => decoded(text.slice(from, Math.min(to, from + maxDecoded * 2))) ?? [])
}

/** Lines of one encoded block, which stand directly below each other. */
function joined(runs: ReadWords['longRuns']): { from: number; to: number }[] {
  const blocks: { from: number; to: number }[] = []
  for (const { from, to } of runs) {
    const last = blocks.at(-1)
    if (last !== undefined && from - last.to <= 2) last.to = to
    else blocks.push({ from, to })
  }
  return blocks
}

function decoded(stretch: string): string | null {
  if (stretch.includes('://')) return null
  if (stretch.split('%', shortest).length >= 12) return percentDecoded(stretch)
  const dense = stretch.replace(/[\r\n]+/g, '')
  const base64 = /[A-Za-z0-9+/_-]{32,}={0,2}/.exec(dense)?.[0]
  if (base64 === undefined) return null
  const bytes = /^[\da-f]+$/i.test(base64) && base64.length % 2 === 0 ? Buffer.from(base64, 'hex') : Buffer.from(base64, 'base64')
  const text = readable(bytes.subarray(0, maxDecoded))
  return text !== null && text.includes(' ') ? text : null
}

function percentDecoded(stretch: string): string | null {
  try {
    return decodeURIComponent(stretch)
  } catch {
    return null
  }
}
