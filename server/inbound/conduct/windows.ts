/**
 * How much each network does in a minute, and how many connections it has: counted for its three prefixes, refused when one has had its share.
 *
 * A wide prefix has three times the share of a narrow one, and what is refused or beyond the share of the narrow one is not counted against the
 * wide one: so no network can use up what its neighbours are given. A minute slides: of the minute before, what is left of it counts.
 */
import { createBounded } from './bounded.ts'
import { type Breadth, type Network, breadths } from './prefixes.ts'
import {
  type Amounts,
  type Kind,
  type Share,
  type Window,
  concernsOthers,
  giveBack,
  isLive,
  learnTotal,
  littleDone,
  minuteOf,
  newWindow,
  takeShare,
  used,
} from './window.ts'

type Shares = readonly [number, number, number]
export type Limits = Readonly<Record<Kind, Shares>>

/** Per prefix, from narrow to wide: connections at one time, and per minute connections, messages and bytes. */
export const standardLimits: Limits = {
  'at-once': [30, 90, 270],
  connections: [300, 900, 2_700],
  messages: [500, 1_500, 4_500],
  bytes: [1e9, 3e9, 9e9],
}

/** The most prefixes to be counted at one time: some 20 MB when all are in use. Beyond that whoever did least gives way, but nobody who did more than a
 *  handful of things or is here. */
const mostPrefixes = 50_000

type Level = { window: Window; breadth: Breadth }

/** A connection that was counted; given back with everything that is asked about it. */
export type Stay = readonly Level[]
/** What there was too much of. `isFirst`: for this prefix in this minute, so that it can be said once. */
export type Tripped = { kind: Kind; breadth: Breadth; isFirst: boolean }

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
  const windows = createBounded<Window>({ most, isLive, weightOf: littleDone })
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
  const levelsOf = (network: Network, find: (prefix: string) => Window | null | undefined): Stay =>
    // A private address may be everybody's, or one machine's: it gets the widest share.
    breadths.slice(network.isPrivate ? -1 : 0).flatMap((breadth) => {
      const window = find(network.prefixes[breadth])
      return window ? [{ window, breadth }] : []
    })
  /** Here from now on, so that it does not give way to its own wider prefix. */
  function enter(prefix: string, now: number): Window | null {
    const window = windows.place(prefix, now, () => newWindow(prefix, now))
    if (window !== null) window.atOnce += 1
    return window
  }
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
      // Before anything takes a place: somebody with a whole net of addresses must not fill all of them with refusals.
      const refusal = tripped(levelsOf(network, windows.get), ['at-once', 'connections'], now)
      if (refusal !== null) return { kind: 'tripped', tripped: refusal }
      const stay = levelsOf(network, (prefix) => enter(prefix, now))
      for (const level of stay) add(level, 'connections', 1)
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
        if (window !== undefined && concernsOthers(window)) shares.push(takeShare(window))
      }
      return shares.toSorted((one, other) => (one.prefix < other.prefix ? -1 : 1))
    },
    putBack(shares) {
      for (const share of shares) {
        const window = windows.get(share.prefix)
        if (window !== undefined && giveBack(window, share)) unshared.add(share.prefix)
      }
    },
    learn(totals) {
      for (const total of totals) {
        const window = windows.get(total.prefix)
        if (window !== undefined) learnTotal(window, total)
      }
    },
    size: windows.size,
  }
}
