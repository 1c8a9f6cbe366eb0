/** What one prefix did in this minute and the one before. */

/** What a minute has room for. */
export type Amounts = { connections: number; messages: number; bytes: number }
export type Kind = keyof Amounts | 'at-once'

/** `start` (epoch ms) is that of the minute `current` counts; `unshared` what other nodes have not been told of it; `trippedIn` the minute in which it
 *  last had too much. */
export type Window = {
  prefix: string
  start: number
  atOnce: number
  current: Amounts
  previous: Amounts
  unshared: Amounts
  trippedIn: number
}
/** What other nodes are told, and what they tell: the counts of one prefix in the minute from `start` (epoch ms). */
export type Share = Amounts & { prefix: string; start: number }

export const minuteMs = 60_000
/** A minute with no more connections and messages than this concerns no other node. */
const handful = 5
const handfulOfBytes = 5e6

const nothing = (): Amounts => ({ connections: 0, messages: 0, bytes: 0 })

/** The minute of that time: its beginning, epoch ms. */
export const minuteOf = (now: number): number => now - (now % minuteMs)

export const newWindow = (prefix: string, now: number): Window => ({
  prefix,
  start: minuteOf(now),
  atOnce: 0,
  current: nothing(),
  previous: nothing(),
  unshared: nothing(),
  trippedIn: -1,
})

/** Whether it still says anything. */
export const isLive = (window: Window, now: number): boolean => window.atOnce > 0 || Math.abs(now - window.start) < 2 * minuteMs

/** How much it did in the two minutes that are known, when it is not more than one that comes by now and then, and nobody of it is here now. Then it
 *  may be forgotten for another; otherwise null. */
export function littleDone(window: Window): number | null {
  const { atOnce, current, previous } = window
  const done = current.connections + current.messages + previous.connections + previous.messages
  return atOnce > 0 || done > handful || current.bytes + previous.bytes > handfulOfBytes ? null : done
}

export const concernsOthers = ({ current }: Window): boolean => current.connections > handful || current.messages > handful

/** What counts now of what was done. */
export function used(window: Window, kind: Kind, now: number): number {
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

/** @returns what others have not been told, which then they have */
export function takeShare(window: Window): Share {
  const share = { prefix: window.prefix, start: window.start, ...window.unshared }
  window.unshared = nothing()
  return share
}

/** @returns whether it still matters */
export function giveBack(window: Window, share: Share): boolean {
  if (window.start !== share.start) return false
  window.unshared = each(window.unshared, share, (one, other) => one + other)
  return true
}

/** All nodes together have counted so much. */
export function learnTotal(window: Window, total: Share): void {
  if (window.start === total.start) window.current = each(total, window.unshared, (one, other) => one + other)
  else if (window.start === total.start + minuteMs) window.previous = each(total, window.previous, Math.max)
}

const each = (one: Amounts, other: Amounts, of: (one: number, other: number) => number): Amounts => ({
  connections: of(one.connections, other.connections),
  messages: of(one.messages, other.messages),
  bytes: of(one.bytes, other.bytes),
})
