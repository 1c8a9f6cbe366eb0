/** What is to happen to the DKIM keys of a domain, by their age alone. Pure; dkim-rotation.ts does it. */
import type { DkimUse } from '../../dns/records.ts'
import type { DkimKeyRow } from '../store/dkim-keys.ts'

const day = 24 * 60 * 60_000

/** The next pair is there this long before it is needed, or for the first half of a shorter life: an operator needs time to publish it. */
const earlyMs = 14 * day
/** How long the record of a retired key is needed: no signature is valid for longer. */
const keepMs = 7 * day
/** When nobody asks for it any more, also to look into mail of last week. */
const goneMs = 30 * day

/** `rotateAfterMs` null: no new keys unless somebody asks for them. */
export type LifePolicy = { rotateAfterMs: number | null }

/** `make` null: no new pair is needed. `useFrom`: not before this time (epoch ms). `due`: to be used as soon as the DNS shows them. */
export type Plan = { make: { useFrom: number } | null; due: DkimKeyRow[]; retire: DkimKeyRow[]; bury: DkimKeyRow[] }

export function planFor(keys: readonly DkimKeyRow[], { rotateAfterMs }: LifePolicy, now: number): Plan {
  const inState = (state: DkimKeyRow['state']) => keys.filter((key) => key.state === state)
  const [next, active] = [inState('next'), inState('active')]
  const end = rotateAfterMs === null || active.length === 0 ? null : Math.min(...active.map((key) => key.state_since)) + rotateAfterMs
  const early = rotateAfterMs === null ? 0 : Math.min(earlyMs, rotateAfterMs / 2)
  return {
    make: next.length === 0 && end !== null && now >= end - early ? { useFrom: Math.max(end, now) } : null,
    due: next.filter((key) => key.use_from <= now),
    retire: active,
    bury: inState('retired').filter((key) => key.state_since + goneMs <= now),
  }
}

/** What an operator is told beside the record of a key; undefined for one that signs. */
export const useOf = (key: DkimKeyRow): DkimUse | undefined =>
  key.state === 'next'
    ? { kind: 'next', from: key.use_from }
    : key.state === 'retired'
      ? { kind: 'retired', keepUntil: key.state_since + keepMs, goneFrom: key.state_since + goneMs }
      : undefined
