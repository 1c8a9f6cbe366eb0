/** What is remembered of a network when its connections are gone: for a day that it behaved, and what it did wrong. */
import { createBounded } from './bounded.ts'
import { type Offence, fullCup, offences } from './offences.ts'

const dayMs = 86_400_000
/** postscreen's time for a passed test. */
const knownMs = dayMs
/** Long enough to spoil a robot's hour, short enough for whoever has the address next. */
const keptOutMs = 600_000
const mostNetworks = 50_000

/** A cup with no more in it may be forgotten for another, when there are too many. Points. */
const aDrop = 5

/** How full the cup was, and when (epoch ms). */
type Cup = { level: number; at: number; keptOutUntil: number }

/** A network is named by its narrowest prefix. Times: epoch ms. */
export type Memory = {
  isKnown(prefix: string, now: number): boolean
  /** It had a message accepted. */
  behaved(prefix: string, now: number): void
  /** @returns true when this was once too often, and it is kept out from now on */
  offended(prefix: string, offence: Offence, now: number): boolean
  isKeptOut(prefix: string, now: number): boolean
  size(): number
}

export function createMemory(most: number = mostNetworks): Memory {
  const known = createBounded<{ until: number }>({ most, isLive: ({ until }, now) => until > now })
  const cups = createBounded<Cup>({
    most,
    isLive: (cup, now) => levelOf(cup, now) > 0 || cup.keptOutUntil > now,
    weightOf: (cup, now) => (levelOf(cup, now) > aDrop ? null : levelOf(cup, now)),
  })
  return {
    isKnown: (prefix, now) => (known.get(prefix)?.until ?? 0) > now,
    behaved(prefix, now) {
      const entry = known.place(prefix, now, () => ({ until: 0 }))
      if (entry !== null) entry.until = now + knownMs
    },
    offended(prefix, offence, now) {
      if (offence === 'early-talk') known.forget(prefix)
      const cup = cups.place(prefix, now, () => ({ level: 0, at: now, keptOutUntil: 0 }))
      if (cup === null) return false
      cup.level = Math.min(levelOf(cup, now) + offences[offence].points, fullCup)
      cup.at = now
      if (cup.level < fullCup) return false
      cup.keptOutUntil = now + keptOutMs
      return true
    },
    isKeptOut: (prefix, now) => (cups.get(prefix)?.keptOutUntil ?? 0) > now,
    size: () => known.size() + cups.size(),
  }
}

/** A full cup is empty after a day. */
const levelOf = ({ level, at }: Cup, now: number): number => Math.max(0, level - (Math.max(0, now - at) / dayMs) * fullCup)
