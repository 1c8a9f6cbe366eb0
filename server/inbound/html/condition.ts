/** What media queries and `@supports` have in common: conditions with `not`, `and`, `or` and brackets (Media Queries 4 §3, CSS Conditional 3 §2). */

/** Null: nobody knows, and the opposite of that is not known either. */
export type Truth = boolean | null

const maxDepth = 8

/**
 * @param text lower case
 * @param judge what stands in a pair of brackets, or as a word outside of any
 */
export function evaluate(text: string, judge: (leaf: string) => Truth, depth = 0): Truth {
  if (depth > maxDepth) return null
  const parts = topLevel(text)
  if (parts === null) return null
  let truth: Truth | undefined
  let join = ''
  let isNot = false
  for (const part of parts) {
    if (part === 'and' || part === 'or') join = part
    else if (part === 'not') isNot = !isNot
    else {
      const one = negated(truthOf(part, judge, depth), isNot)
      truth = truth === undefined ? one : join === 'or' ? either(truth, one) : both(truth, one)
      isNot = false
    }
  }
  return truth ?? null
}

const truthOf = (part: string, judge: (leaf: string) => Truth, depth: number): Truth => {
  if (!part.startsWith('(')) return judge(part)
  const inner = part.slice(1, -1).trim()
  return inner.startsWith('(') || inner.startsWith('not ') || inner.startsWith('not(') ? evaluate(inner, judge, depth + 1) : judge(inner)
}

const negated = (truth: Truth, isNot: boolean): Truth => (truth === null || !isNot ? truth : !truth)
const both = (one: Truth, other: Truth): Truth => (one === false || other === false ? false : one === null || other === null ? null : true)
const either = (one: Truth, other: Truth): Truth => (one === true || other === true ? true : one === null || other === null ? null : false)

/** Words and groups, the outer brackets of a group with it; null when brackets do not match. `not(` is a word and a group. */
function topLevel(text: string): string[] | null {
  const parts: string[] = []
  let depth = 0
  let from = 0
  const end = (at: number): void => {
    const part = text.slice(from, at).trim()
    if (part !== '') parts.push(part)
    from = at
  }
  for (let at = 0; at < text.length; at++) {
    const mark = text[at] ?? ''
    if (mark === '(') {
      if (depth === 0 && /(?:^|\s)(?:not|and|or|)$/.test(text.slice(Math.max(from, at - 4), at))) end(at)
      depth++
    } else if (mark === ')') {
      if (--depth < 0) return null
      if (depth === 0) end(at + 1)
    } else if (depth === 0 && /\s/.test(mark)) end(at)
  }
  end(text.length)
  return depth === 0 ? parts : null
}
