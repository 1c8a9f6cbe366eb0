/** How the content scan does on the corpus: what scripts/bench/scan.ts prints and docs/content-signals.md shows. */
import { readContent } from '../../server/inbound/content/read-content.ts'
import { readWhole } from '../../server/inbound/message/read-message.ts'
import { flaggedFrom, quarantinedFrom } from '../../server/inbound/verdict/doubts.ts'
import type { Reason } from '../../server/model/reason.ts'
import { type CorpusMessage, type Half, type Label, readCorpus } from './corpus.ts'

export type Scanned = CorpusMessage & { reasons: readonly Reason[]; score: number }

/** By content alone: in the appliance authentication, history and block lists add to the score. */
export async function scanCorpus(): Promise<Scanned[]> {
  const scanned: Scanned[] = []
  for (const message of await readCorpus()) {
    const { reasons } = readContent(await readWhole(message.raw), 'good').content
    scanned.push({
      ...message,
      reasons,
      score: Math.max(
        0,
        reasons.reduce((sum, { points }) => sum + points, 0),
      ),
    })
  }
  return scanned
}

const halves: readonly Half[] = ['tuning', 'held-out']
const share = (part: number, whole: number): string => (whole === 0 ? '–' : `${part} of ${whole} (${Math.round((part / whole) * 100)} %)`)

/** One row for each label: how many were marked, and how many of them put out of sight. */
export function figuresByLabel(scanned: readonly Scanned[]): string {
  const names: Record<Label, string> = {
    honest: 'honest, wrongly',
    injection: 'injection',
    phishing: 'phishing',
    spam: 'advertising',
  }
  const rows = (Object.keys(names) as Label[]).map((label) => [
    names[label],
    ...halves.flatMap((half) => {
      const all = scanned.filter((message) => message.label === label && message.half === half)
      return [flaggedFrom, quarantinedFrom].map((least) => share(all.filter(({ score }) => score >= least).length, all.length))
    }),
  ])
  return table(['', 'tuning: flagged', 'tuning: quarantined', '**held out: flagged**', 'held out: quarantined'], rows)
}

/** What is flagged of each technique, the unwanted first. */
export function figuresByTechnique(scanned: readonly Scanned[]): string {
  const kinds = Map.groupBy(scanned, ({ label, technique }) => `${label} | ${technique}`)
  const rows = [...kinds.entries()]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([kind, all]) => [
      ...kind.split(' | '),
      ...halves.map((half) => {
        const those = all.filter((message) => message.half === half)
        return those.length === 0 ? '–' : `${those.filter(({ score }) => score >= flaggedFrom).length} of ${those.length}`
      }),
    ])
  return table(['label', 'technique', 'tuning', 'held out'], rows)
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

/** What the scan gets wrong in the half that may be looked at. */
export const misses = (scanned: readonly Scanned[]): Scanned[] =>
  scanned.filter(({ half, label, score }) => half === 'tuning' && (label === 'honest') === score >= flaggedFrom)
