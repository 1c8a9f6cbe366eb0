/**
 * How much each network does in a minute, and how many connections it has: counted for its three prefixes, refused when one has had its share.
 *
 * A wide prefix has three times the share of a narrow one, and what is refused or beyond the share of the narrow one is not counted against the
 * wide one: so no network can use up what its neighbours are given. A minute slides: of the minute before, what is left of it counts.
 */
import { createBounded } from './bounded.ts'
import { type Breadth, type Network, breadths } from './prefixes.ts'

/** What a minute has room for. */
export type Amounts = { connections: number; messages: number; bytes: number }
export type Kind = keyof Amounts | 'at-once'

type Shares = readonly [number, number, number]
export type Limits = Readonly<Record<Kind, Shares>>

/** Per prefix, from narrow to wide: connections at one time, and per minute connections, messages and bytes. */
export const standardLimits: Limits = {
  'at-once': [30, 90, 270],
  connections: [300, 900, 2_700],
  messages: [500, 1_500, 4_500],
  bytes: [1e9, 3e9, 9e9],
}

export const minuteMs = 60_000
/** The most prefixes to be counted at one time: some 20 MB when all are in use. */
const mostPrefixes = 50_000
/** A minute with fewer connections and messages than this concerns no other node. */
const handful = 5

/** One prefix. `start` (epoch ms) is that of the minute `current` counts; `unshared` what other nodes have not been told of it. */
type Window = {
  prefix: string
  start: number
  atOnce: number
  current: Amounts
  previous: Amounts
  unshared: Amounts
  trippedIn: number
}
type Level = { window: Window; breadth: Breadth }

/** A connection that was counted; given back with everything that is asked about it. */
export type Stay = readonly Level[]
/** What there was too much of. `isFirst`: for this prefix in this minute, so that it can be said once. */
export type Tripped = { kind: Kind; breadth: Breadth; isFirst: boolean }
/** What other nodes are told, and what they tell: the counts of one prefix in the minute from `start` (epoch ms). */
export type Share = Amounts & { prefix: string; start: number }

export type Windows = {
  /** Counts a connection, unless a prefix has its share already. Times: epoch ms. */
  arrive(network: Network, now: number): { kind: 'counted'; stay: Stay } | { kind: 'tripped'; tripped: Tripped }
  /** Counts a message and the bytes it is announced to have, unless a prefix has its share already. */
  mail(stay: Stay, bytes: number, now: number): Tripped | null
  /** Counts bytes that came unannounced. */
  more(stay: Stay, bytes: number, now: number): void
  leave(stay: Stay): void
  /** What was counted since the last call and matters elsewhere, at most so many prefixes, in the order of their names. */
  takeUnshared(most: number): Share[]
  /** Gives back what could not be told. */
  putBack(shares: readonly Share[]): void
  /** What all nodes together have counted. */
  learn(totals: readonly Share[]): void
  size(): number
}

/** @param options.isShared whether `takeUnshared` will be called */
export function createWindows(options: { limits?: Limits; most?: number; isShared?: boolean } = {}): Windows {
  const { limits = standardLimits, most = mostPrefixes, isShared = false } = options
  const windows = createBounded<Window>({ most, isLive })
  const unshared = new Set<string>()

  const add = ({ window }: Level, kind: keyof Amounts, amount: number): void => {
    window.current[kind] += amount
    window.unshared[kind] += amount
    if (isShared) unshared.add(window.prefix)
  }
  const tripped = (stay: Stay, kinds: readonly Kind[], now: number): Tripped | null => {
    for (const { window, breadth } of stay) {
      const kind = kinds.find((one) => used(window, one, now) >= limits[one][breadth])
      if (kind === undefined) continue
      const isFirst = window.trippedIn !== minuteOf(now)
      window.trippedIn = minuteOf(now)
      return { kind, breadth, isFirst }
    }
    return null
  }
  const levelsOf = (network: Network, now: number): Stay =>
    // A private address may be everybody's, or one machine's: it gets the widest share.
    breadths.slice(network.isPrivate ? -1 : 0).flatMap((breadth) => {
      const prefix = network.prefixes[breadth]
      const window = windows.place(prefix, now, () => newWindow(prefix, now))
      return window === null ? [] : [{ window, breadth }]
    })
  /** From narrow to wide; what is over the share of one is not counted against the next. */
  const addBytes = (stay: Stay, bytes: number, now: number): void => {
    let counted = bytes
    for (const level of stay) {
      const room = limits.bytes[level.breadth] - used(level.window, 'bytes', now)
      add(level, 'bytes', counted)
      counted = Math.min(counted, Math.max(room, 0))
    }
  }

  return {
    arrive(network, now) {
      const stay = levelsOf(network, now)
      const refusal = tripped(stay, ['at-once', 'connections'], now)
      if (refusal !== null) return { kind: 'tripped', tripped: refusal }
      for (const level of stay) {
        level.window.atOnce += 1
        add(level, 'connections', 1)
      }
      return { kind: 'counted', stay }
    },
    mail(stay, bytes, now) {
      const refusal = tripped(stay, ['messages', 'bytes'], now)
      if (refusal !== null) return refusal
      for (const level of stay) add(level, 'messages', 1)
      addBytes(stay, bytes, now)
      return null
    },
    more(stay, bytes, now) {
      addBytes(stay, bytes, now)
    },
    leave(stay) {
      for (const { window } of stay) window.atOnce -= 1
    },
    takeUnshared(most) {
      const shares: Share[] = []
      for (const prefix of unshared) {
        if (shares.length >= most) break
        unshared.delete(prefix)
        const window = windows.get(prefix)
        if (window === undefined || !isMore(window)) continue
        shares.push({ prefix, start: window.start, ...window.unshared })
        window.unshared = nothing()
      }
      return shares.toSorted((one, other) => (one.prefix < other.prefix ? -1 : 1))
    },
    putBack(shares) {
      for (const share of shares) {
        const window = windows.get(share.prefix)
        if (window === undefined || window.start !== share.start) continue
        window.unshared = sum(window.unshared, share)
        unshared.add(share.prefix)
      }
    },
    learn(totals) {
      for (const total of totals) {
        const window = windows.get(total.prefix)
        if (window?.start === total.start) window.current = sum(total, window.unshared)
        else if (window?.start === total.start + minuteMs) window.previous = larger(total, window.previous)
      }
    },
    size: windows.size,
  }
}

const nothing = (): Amounts => ({ connections: 0, messages: 0, bytes: 0 })
const sum = (one: Amounts, other: Amounts): Amounts => ({
  connections: one.connections + other.connections,
  messages: one.messages + other.messages,
  bytes: one.bytes + other.bytes,
})
const larger = (one: Amounts, other: Amounts): Amounts => ({
  connections: Math.max(one.connections, other.connections),
  messages: Math.max(one.messages, other.messages),
  bytes: Math.max(one.bytes, other.bytes),
})
const isMore = ({ current }: Window): boolean => current.connections > handful || current.messages > handful

const minuteOf = (now: number): number => now - (now % minuteMs)

const newWindow = (prefix: string, now: number): Window => ({
  prefix,
  start: minuteOf(now),
  atOnce: 0,
  current: nothing(),
  previous: nothing(),
  unshared: nothing(),
  trippedIn: -1,
})

const isLive = (window: Window, now: number): boolean => window.atOnce > 0 || Math.abs(now - window.start) < 2 * minuteMs

/** What counts now of what was done. */
function used(window: Window, kind: Kind, now: number): number {
  if (kind === 'at-once') return window.atOnce
  moveOn(window, now)
  return window.current[kind] + window.previous[kind] * (1 - (now - window.start) / minuteMs)
}

/** A host clock that was set back starts a new minute; otherwise a count could stand for as long as it was wrong. */
function moveOn(window: Window, now: number): void {
  const start = minuteOf(now)
  if (start === window.start) return
  window.previous = start === window.start + minuteMs ? window.current : nothing()
  window.current = nothing()
  // Of the minute that ended others are told no more: what is lost to them is a second of it.
  window.unshared = nothing()
  window.start = start
}
