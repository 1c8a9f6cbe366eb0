/**
 * The outgoing checks: what an agent's email must not carry out unseen, whatever the mode of its mailbox.
 *
 * Promises: what could not be looked at is a finding itself, so the failure of a check holds and never allows. What a finding shows is masked. No text takes
 * more than linear time (scan.ts), and of what is found no more is kept than a person would read, but of each kind one, so that none hides another.
 */
import { type Finding, type FindingKind, findings as meanings } from '../../model/finding.ts'
import { scan } from './scan.ts'

/** `name`: what it is called for a reviewer. */
export type Part = { name: string; text: string; isHtml?: boolean }

const mostFindings = 50

/** Collects findings, each once. */
export function createFindings() {
  const found = new Map<string, Finding>()
  const shown = new Set<string>()
  const kinds = new Set<FindingKind>()
  const add = (finding: Finding, isRepeated = false): void => {
    const what = JSON.stringify([finding.kind, finding.excerpt])
    if ((isRepeated && shown.has(what)) || (found.size >= mostFindings && kinds.has(finding.kind))) return
    shown.add(what)
    kinds.add(finding.kind)
    found.set(JSON.stringify([what, finding.where]), finding)
  }
  return {
    add,
    /** Looks at one part, a slice with each step, of which it says how much was found. @param repeats it says what another part said: only what is new in it counts */
    *look({ name, text, isHtml = false }: Part, { repeats = false } = {}): Generator<number> {
      for (const hits of scan(text, { isHtml })) {
        for (const { kind, excerpt, line } of hits)
          add({ kind, where: text.includes('\n') ? `${name}, line ${line}` : name, excerpt }, repeats)
        yield hits.length
      }
    },
    /** What blocks comes first. */
    all: (): Finding[] => [...found.values()].toSorted((one, other) => weight(one) - weight(other)),
  }
}

const weight = ({ kind }: Finding): number => (meanings[kind].means === 'block' ? 0 : 1)

/** Each kind once. */
export const kindsOf = (found: readonly Finding[]): FindingKind[] => [...new Set(found.map(({ kind }) => kind))]

/** @param most To and Cc that may see each other's addresses */
export const tooManySeen = (seen: number, most: number): Finding | null =>
  seen <= most ? null : { kind: 'many_recipients', where: `To and Cc, ${seen} addresses`, excerpt: null }
