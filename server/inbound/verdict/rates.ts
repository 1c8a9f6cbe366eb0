/**
 * How many messages each sender has sent to each mailbox lately. In memory: a restart forgets it, which costs an hour of counting.
 *
 * Promise: it never grows beyond a bound. Who has many names takes the place of the senders heard of least lately, not of memory.
 */
export type Rates = {
  /** Counts one message. @returns how many of this hour and, in part, of the one before there are now */
  count(sender: string, mailbox: string): number
}

const hourMs = 3_600_000
const mostPairs = 100_000

/** @param clock tells the time, epoch ms */
export function createRates(clock: { now(): number }, limit = mostPairs): Rates {
  // A Map keeps its entries in the order in which they were set: the first is the one heard of least lately.
  const pairs = new Map<string, { hour: number; now: number; before: number }>()
  return {
    count(sender, mailbox) {
      const time = clock.now()
      const hour = Math.floor(time / hourMs)
      const key = `${mailbox} ${sender}`
      const last = pairs.get(key)
      pairs.delete(key)
      const before = last === undefined || last.hour < hour - 1 ? 0 : last.hour === hour ? last.before : last.now
      const now = last?.hour === hour ? last.now + 1 : 1
      pairs.set(key, { hour, now, before })
      const [oldest] = pairs.size > limit ? pairs.keys() : []
      if (oldest !== undefined) pairs.delete(oldest)
      // The part of the hour before that still lies within the last sixty minutes, as if it had been spread evenly.
      return now + Math.floor(before * (1 - (time % hourMs) / hourMs))
    },
  }
}
