/**
 * How many octets of messages are in memory at a time, for all attempts together.
 *
 * An attempt holds its message from when it reads it until it ends, and a slow host makes that half an hour: a hundred deliveries of 25 MB are 2.5 GB. So
 * it takes as many octets as the message has before it reads it, and where there are not so many it waits its turn.
 *
 * Small messages have a share of their own, and in either share who came first goes first. So a small one never waits for a large one, nor the other way
 * about, however many of them come; one line in which the small pass the large would need a rule for how often, and at its limit both would wait. A message
 * that is larger than its share goes alone in it.
 */

/** In octets. `smallUpTo`: the largest message that counts as small. */
export type Shares = { smallUpTo: number; small: number; large: number }

const MiB = 1024 * 1024
/** 128 MiB in all; of the largest small ones 64 go at a time, of 25 MB four. */
const usualShares: Shares = { smallUpTo: 256 * 1024, small: 16 * MiB, large: 112 * MiB }

/** `waited`: what was looked up before may be old. Given back a second time, nothing happens. */
export type Taken = { waited: boolean; giveBack(): void }

export type Budget = {
  /** Resolves when so many octets are free; null when `signal` was aborted before that. */
  take(octets: number, signal: AbortSignal): Promise<Taken | null>
  /** octets that are taken now */
  taken(): number
  /** the most that ever were at a time */
  mostTaken(): number
}

export function createBudget({ smallUpTo, small, large }: Shares = usualShares): Budget {
  let now = 0
  let most = 0
  const count = (octets: number): void => {
    now += octets
    most = Math.max(most, now)
  }
  const lines = { small: createLine(small, count), large: createLine(large, count) }
  return {
    take: (octets, signal) => lines[octets <= smallUpTo ? 'small' : 'large'](octets, signal),
    taken: () => now,
    mostTaken: () => most,
  }
}

type Waiting = { octets: number; go(): void }

/** @param count told of what is taken and, with a minus, given back */
function createLine(share: number, count: (octets: number) => void): Budget['take'] {
  const waiting = new Set<Waiting>()
  let inUse = 0
  const fits = (octets: number): boolean => inUse === 0 || inUse + octets <= share

  function take(octets: number, waited: boolean): Taken {
    let isHeld = true
    const move = (by: number): void => {
      inUse += by
      count(by)
    }
    move(octets)
    return {
      waited,
      giveBack() {
        if (!isHeld) return
        isHeld = false
        move(-octets)
        letGo()
      },
    }
  }
  function letGo(): void {
    for (const first of waiting) {
      if (!fits(first.octets)) return
      waiting.delete(first)
      first.go()
    }
  }
  return (octets, signal) => {
    if (signal.aborted) return Promise.resolve(null)
    if (waiting.size === 0 && fits(octets)) return Promise.resolve(take(octets, false))
    return new Promise((resolve) => {
      const one: Waiting = {
        octets,
        go() {
          signal.removeEventListener('abort', leave)
          resolve(take(octets, true))
        },
      }
      const leave = (): void => {
        waiting.delete(one)
        resolve(null)
        letGo() // it may have stood in the way of a smaller one
      }
      waiting.add(one)
      signal.addEventListener('abort', leave, { once: true })
    })
  }
}
