/** Gathers the signs in one message and weighs them: what is hidden counts more, what is quoted less. */
import type { Reason } from '../../model/reason.ts'
import { cleanLine } from '../message/text.ts'
import { type SignalCode, type Worth, signals } from './signals.ts'

/** How a sign stands in the message. */
export type Standing = 'shown' | 'quoted' | 'mentioned' | 'hidden'

export type Evidence = {
  /** @param kind signs of one kind count once. */
  add(code: SignalCode, sign?: { detail?: string; standing?: Standing; kind?: string | number }): void
  has(code: SignalCode): boolean
  /** The heaviest first. */
  reasons(): Reason[]
}

const maxDetail = 120

type Found = { shown: Set<string | number>; worth: number; detail: string; detailWorth: number }

export function createEvidence(): Evidence {
  const found = new Map<SignalCode, Found>()
  return {
    add(code, { detail = '', standing = 'shown', kind = '' } = {}) {
      const worth: Worth = signals[code].worth
      let entry = found.get(code)
      if (entry === undefined) found.set(code, (entry = { shown: new Set(), worth: 0, detail: '', detailWorth: -1 }))
      if (standing === 'shown') entry.shown.add(kind)
      const weight = worthOf(worth, standing)
      entry.worth = Math.max(entry.worth, weight, Math.min(worth.most, worth.each * entry.shown.size))
      if (weight <= entry.detailWorth) return
      entry.detail = detail
      entry.detailWorth = weight
    },
    has: (code) => found.has(code),
    reasons: () =>
      [...found].map(([code, entry]) => reasonOf(code, entry)).toSorted((a, b) => b.points - a.points || (a.code < b.code ? -1 : 1)),
  }
}

const worthOf = (worth: Worth, standing: Standing): number => (standing === 'shown' ? worth.each : worth[standing])

function reasonOf(code: SignalCode, { worth, detail }: Found): Reason {
  const line = cleanLine(detail, maxDetail)
  return { code, points: worth, words: signals[code].words, detail: line === '' ? null : line }
}
