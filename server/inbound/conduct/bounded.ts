/**
 * Values by key, never more than `most`. What is live is not forgotten to make room, so nobody loses a count by coming with many addresses; when all
 * are live, a newcomer gets the place of the one with the least to say among some of them, if one may yield, and else none.
 */
export type Bounded<V> = {
  get(key: string): V | undefined
  /** What is there, or `make()` when there is room. @param now epoch ms @returns null when there is no place */
  place(key: string, now: number, make: () => V): V | null
  forget(key: string): void
  size(): number
}

/** Looked at with each newcomer: more than one, so that what is dead goes faster than what is new comes. */
const glances = 4
/** Looked at when all places are taken. */
const comparisons = 16

export type BoundedOptions<V> = {
  most: number
  /** whether a value still says anything at `now` (epoch ms) */
  isLive(value: V, now: number): boolean
  /** How much it has to say, when it may be forgotten for a newcomer; null when it may not. */
  weightOf?(value: V, now: number): number | null
}

export function createBounded<V>(about: BoundedOptions<V>): Bounded<V> {
  const values = new Map<string, V>()
  // One hand goes round for ever. A new iterator each time would step over everything deleted at the front, each time.
  let hand = values.entries()

  function removeDead(now: number): void {
    for (let n = 0; n < glances; n++) {
      const { value: entry } = hand.next()
      if (entry === undefined) {
        hand = values.entries()
        return
      }
      if (!about.isLive(entry[1], now)) values.delete(entry[0])
    }
  }

  function removeLeast(now: number): void {
    let least: string | null = null
    let leastWeight = Number.POSITIVE_INFINITY
    for (let n = 0; n < comparisons; n++) {
      const { value: entry } = hand.next()
      if (entry === undefined) {
        hand = values.entries()
        continue
      }
      const weight = about.weightOf?.(entry[1], now) ?? Number.POSITIVE_INFINITY
      if (weight >= leastWeight) continue
      least = entry[0]
      leastWeight = weight
    }
    if (least !== null) values.delete(least)
  }

  return {
    get: (key) => values.get(key),
    place(key, now, make) {
      const there = values.get(key)
      if (there !== undefined) return there
      removeDead(now)
      if (values.size >= about.most) removeLeast(now)
      if (values.size >= about.most) return null
      const made = make()
      values.set(key, made)
      return made
    },
    forget: (key) => void values.delete(key),
    size: () => values.size,
  }
}
