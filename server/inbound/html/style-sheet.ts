/** The rules of the style sheets in a letter that can hide something, and which of them apply to an element. */
import { evaluate } from './condition.ts'
import { type Declarations, isUnderstood, parseDeclarations } from './declarations.ts'
import type { Declared } from './style-values.ts'
import { withoutComments } from './css-comments.ts'
import { mediaApplies } from './media-query.ts'
import { type Selector, type StyledElement, matches, parseSelector, splitAtCommas } from './selectors.ts'
import type { Work } from './work.ts'

type Rule = Selector & { order: number; declarations: Declarations }

/** Both far beyond what newsletters have. Of what is longer the end does not apply. */
const maxSheet = 512 * 1024
const maxRules = 5_000
const maxSelectorsOfRule = 500
/** Longer than any prelude that is meant to be read. */
const maxPrelude = 20_000

export type StyleSheet = {
  /** Adds the rules of one `<style>`. */
  add(css: string): void
  /** What the sheet declares for an element: first what is normal, then what is important. null: nothing */
  declaredFor(element: StyledElement, parents: readonly StyledElement[]): { normal: Declared[]; important: Declared[] } | null
  /** Told of every element that is opened and closed, so that rules for what lies within another are tried only there. */
  opened(element: StyledElement): void
  closed(element: StyledElement): void
  readonly isEmpty: boolean
}

export function createStyleSheet(work: Work): StyleSheet {
  const byKey = new Map<string, Rule[]>()
  /** how many of the open elements have what a selector may ask for */
  const around = new Map<string, number>()
  let read = 0
  let rules = 0

  function add(css: string): void {
    const text = css.slice(0, Math.max(0, maxSheet - read))
    read += text.length
    readRules(text, (prelude, body) => {
      const declarations = rules < maxRules ? parseDeclarations(body) : null
      if (declarations === null) return
      for (const one of splitAtCommas(prelude, maxSelectorsOfRule)) {
        const selector = parseSelector(one.trim())
        if (selector === null || rules >= maxRules) continue
        const same = byKey.get(selector.key)
        const rule = { ...selector, order: rules++, declarations }
        if (same === undefined) byKey.set(selector.key, [rule])
        else same.push(rule)
      }
    })
  }

  function declaredFor(element: StyledElement, parents: readonly StyledElement[]): ReturnType<StyleSheet['declaredFor']> {
    const found: Rule[] = []
    collect('*', element, parents, found)
    for (const key of keysOf(element)) collect(key, element, parents, found)
    if (found.length === 0) return null
    if (found.length > 1) found.sort((a, b) => a.specificity - b.specificity || a.order - b.order)
    return {
      normal: found.map(({ declarations }) => declarations.normal),
      important: found.map(({ declarations }) => declarations.important),
    }
  }

  function collect(key: string, element: StyledElement, parents: readonly StyledElement[], found: Rule[]): void {
    for (const rule of byKey.get(key) ?? []) {
      if (!work.spend(1)) return
      if ((rule.needs === '*' || (around.get(rule.needs) ?? 0) > 0) && matches(rule, element, parents, work)) found.push(rule)
    }
  }
  const count = (element: StyledElement, by: 1 | -1): void => {
    for (const key of keysOf(element)) around.set(key, (around.get(key) ?? 0) + by)
  }

  return {
    add,
    declaredFor,
    opened: (element) => count(element, 1),
    closed: (element) => count(element, -1),
    get isEmpty() {
      return rules === 0
    },
  }
}

const keysOf = (element: StyledElement): string[] => {
  const id = element.attributes.get('id')
  return [element.name, ...element.classes.map((name) => `.${name}`), ...(id === undefined ? [] : [`#${id}`])]
}

/** Calls `rule` for every style rule that applies to an ordinary screen. Linear: every character is passed over once or twice. */
function readRules(css: string, rule: (prelude: string, body: string) => void): void {
  const text = withoutComments(css)
  let at = 0
  while (at < text.length) {
    const open = text.indexOf('{', at)
    if (open < 0) return
    // `}` closes an @media block; what stands before `;` is an @import or the like.
    const before = text.slice(at, open)
    const from = Math.max(before.lastIndexOf('}'), before.lastIndexOf(';')) + 1
    const prelude = before.length - from > maxPrelude ? '' : withoutMarks(before.slice(from).trim())
    if (!prelude.startsWith('@')) {
      const close = text.indexOf('}', open)
      const end = close < 0 ? text.length : close
      if (prelude !== '') rule(prelude, text.slice(open + 1, end))
      at = end + 1
    } else {
      at = isOpenGroup(prelude) ? open + 1 : endOfBlock(text, open)
    }
  }
}

function isOpenGroup(prelude: string): boolean {
  const [, name = '', rest = ''] = /^@([\w-]{1,40})([\s\S]{0,600})$/.exec(prelude) ?? []
  switch (name.toLowerCase()) {
    case 'media':
      return mediaApplies(rest)
    case 'supports':
      return evaluate(rest.trim().toLowerCase(), isSupported) === true
    default:
      return name.toLowerCase() === 'layer'
  }
}

/** What we do not know a browser very likely does; it knows `selector()` as well (CSS Conditional 4 §2). */
function isSupported(condition: string): boolean {
  const colon = condition.indexOf(':')
  return colon < 0 || isUnderstood(condition.slice(0, colon), condition.slice(colon + 1)) !== false
}

/** Old letters put their sheet into a comment, which means nothing (CSS Syntax 3 §4.3.1). */
function withoutMarks(prelude: string): string {
  if (prelude.startsWith('<!--')) return withoutMarks(prelude.slice(4).trimStart())
  return prelude.startsWith('-->') ? withoutMarks(prelude.slice(3).trimStart()) : prelude
}

function endOfBlock(text: string, open: number): number {
  let depth = 0
  for (let at = open; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 123) depth++
    else if (code === 125 && --depth === 0) return at + 1
  }
  return text.length
}
