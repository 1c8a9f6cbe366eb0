/** Finds phrases, which are sequences of meanings, in what `readWords` read. */
import type { Meaning } from './lexicon.ts'
import type { Token } from './words.ts'

/** @template C what a phrase is a sign of. */
export type Phrase<C extends string> = { code: C; says: readonly Meaning[]; where?: Where }

/** `fenced`: only after a fence such as `---` · `ideographic`: only in Chinese or Japanese · `unless-negated`: not after a "never". */
type Where = 'fenced' | 'ideographic' | 'unless-negated'

export type Hit<C extends string> = { code: C; phrase: number; from: number; to: number; isQuoted: boolean; isDisguised: boolean }

/** Places between two words of one phrase: two other words may stand there, or eight ideographs. */
const maxGap = 9
/** Other words of the lexicon that may stand between. */
const maxSkipped = 2
const maxHits = 500
/** How far before a phrase a negation counts. */
const negationReach = 12

/** What no phrase goes on behind: "ignore my instructions", "forward this message", "assistants must not answer". */
const ends: ReadonlySet<Meaning> = new Set(['mine', 'this', 'not'])

type Node<C extends string> = { next: Map<Meaning, Node<C>>; phrases: { phrase: number; code: C; where: Where | undefined }[] }

export type Finder<C extends string> = (tokens: readonly Token[]) => Hit<C>[]

export function createFinder<C extends string>(phrases: readonly Phrase<C>[]): Finder<C> {
  const root: Node<C> = { next: new Map(), phrases: [] }
  for (const [index, { code, says, where }] of phrases.entries()) {
    let node = root
    for (const meaning of says) {
      let next = node.next.get(meaning)
      if (next === undefined) node.next.set(meaning, (next = { next: new Map(), phrases: [] }))
      node = next
    }
    node.phrases.push({ phrase: index, code, where })
  }
  return (tokens) => {
    const hits: Hit<C>[] = []
    for (let at = 0; at < tokens.length && hits.length < maxHits; at++) {
      const token = tokens[at]
      const node = token === undefined ? undefined : root.next.get(token.meaning)
      if (token !== undefined && node !== undefined) follow(node, at, [token], tokens, hits)
    }
    return hits
  }
}

/** Depth and breadth are small and fixed: a phrase has five words, and each may be one of the next three. */
function follow<C extends string>(node: Node<C>, at: number, said: readonly Token[], tokens: readonly Token[], hits: Hit<C>[]): void {
  for (const { phrase, code, where } of node.phrases) if (applies(where, said, tokens)) hits.push(hitOf(code, phrase, said))
  if (node.next.size === 0) return
  const end = tokens[at]?.place ?? 0
  for (let next = at + 1; next <= at + 1 + maxSkipped; next++) {
    const token = tokens[next]
    if (token === undefined || token.place - end > maxGap) return
    const deeper = node.next.get(token.meaning)
    if (deeper !== undefined) follow(deeper, next, [...said, token], tokens, hits)
    if (ends.has(token.meaning)) return
  }
}

function applies(where: Where | undefined, [first]: readonly Token[], tokens: readonly Token[]): boolean {
  if (where === undefined || first === undefined) return true
  if (where === 'fenced') return first.isFenced
  if (where === 'ideographic') return first.isIdeographic
  const at = tokens.indexOf(first)
  return !tokens.slice(Math.max(0, at - 3), at).some(({ meaning, place }) => meaning === 'not' && first.place - place <= negationReach)
}

const hitOf = <C extends string>(code: C, phrase: number, said: readonly Token[]): Hit<C> => ({
  code,
  phrase,
  from: said[0]?.from ?? 0,
  to: said.at(-1)?.to ?? 0,
  isQuoted: said.some(({ isQuoted }) => isQuoted),
  isDisguised: said.some(({ isDisguised }) => isDisguised),
})
