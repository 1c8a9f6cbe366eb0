/** Gathers the signs in one message and weighs them: what is hidden counts more, what is quoted less. */
import type { Reason } from '../../model/reason.ts'
import { cleanLine } from '../text.ts'
import { type SignalCode, type Worth, signals } from './signals.ts'

/** How a sign stands in the message. */
export type Standing = 'shown' | 'quoted' | 'hidden'

export type Evidence = {
  /** @param kind signs of one kind count once. */
  add(code: SignalCode, sign?: { detail?: string; standing?: Standing; kind?: string | number }): void
  has(code: SignalCode): boolean
  /** The heaviest first. */
  reasons(): Reason[]
}

const maxDetail = 120

type Found = { shown: Set<string | number>; isHidden: boolean; detail: string; detailWorth: number }

export function createEvidence(): Evidence {
  const found = new Map<SignalCode, Found>()
  return {
    add(code, { detail = '', standing = 'shown', kind = '' } = {}) {
      const worth: Worth = signals[code].worth
      let entry = found.get(code)
      if (entry === undefined) found.set(code, (entry = { shown: new Set(), isHidden: false, detail: '', detailWorth: -1 }))
      if (standing === 'hidden') entry.isHidden = true
      else if (standing === 'shown') entry.shown.add(kind)
      const weight = worthOf(worth, standing)
      if (weight <= entry.detailWorth) return
      entry.detail = detail
      entry.detailWorth = weight
    },
    has: (code) => found.has(code),
    reasons: () =>
      [...found].map(([code, entry]) => reasonOf(code, entry)).toSorted((a, b) => b.points - a.points || (a.code < b.code ? -1 : 1)),
  }
}

const worthOf = ({ each, quoted, hidden }: Worth, standing: Standing): number =>
  standing === 'hidden' ? hidden : standing === 'quoted' ? quoted : each

function reasonOf(code: SignalCode, { shown, isHidden, detail }: Found): Reason {
  const { words, worth }: { words: string; worth: Worth } = signals[code]
  const inSight = shown.size === 0 ? worth.quoted : Math.min(worth.most, worth.each * shown.size)
  const line = cleanLine(detail, maxDetail)
  return { code, points: isHidden ? Math.max(worth.hidden, inSight) : inSight, words, detail: line === '' ? null : line }
}
