/**
 * How many octets of messages are in memory at a time, for all attempts together.
 *
 * An attempt holds its message from when it reads it until it ends, and a slow host makes that half an hour: a hundred deliveries of 25 MB are 2.5 GB. So
 * it takes as many octets as the message has before it reads it, and where there are not so many it waits its turn.
 *
 * Small messages have a share of their own, so neither kind stands in the line of the other; one line in which the small pass the large would need a rule
 * for how often, and at its limit both would wait. In either share who came first goes first, but one domain has half of it at most, and one mailbox three
 * quarters: a host that reads slowly keeps nobody else waiting. A message that is larger than its share goes alone in it.
 */

/** In octets. `smallUpTo`: the largest message that counts as small. */
export type Shares = { smallUpTo: number; small: number; large: number }

const MiB = 1024 * 1024
/** 128 MiB in all; of the largest small ones 64 go at a time, of 25 MB four. */
const usualShares: Shares = { smallUpTo: 256 * 1024, small: 16 * MiB, large: 112 * MiB }

/** `waited`: what was looked up before may be old. Given back a second time, nothing happens. */
export type Taken = { waited: boolean; giveBack(): void }

/** Whose message it is, and where it goes. */
export type Taker = { mailbox_id: string; domain: string }

export type Budget = {
  /** Resolves when so many octets are free; null when `signal` was aborted before that. */
  take(octets: number, taker: Taker, signal: AbortSignal): Promise<Taken | null>
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
    take: (octets, taker, signal) => lines[octets <= smallUpTo ? 'small' : 'large'](octets, taker, signal),
    taken: () => now,
    mostTaken: () => most,
  }
}

type Waiting = { octets: number; taker: Taker; go(): void }

/** Of a share, for one domain and for one mailbox. */
const mostOf = { domain: 1 / 2, mailbox_id: 3 / 4 }

/** @param count told of what is taken and, with a minus, given back */
function createLine(share: number, count: (octets: number) => void): Budget['take'] {
  const waiting = new Set<Waiting>()
  const byName = new Map<string, number>()
  let inUse = 0
  const fits = (octets: number): boolean => inUse === 0 || inUse + octets <= share
  const isWithin = (octets: number, name: string, most: number): boolean => {
    const has = byName.get(name) ?? 0
    return has === 0 || has + octets <= most * share
  }
  const mayGo = ({ octets, taker }: Pick<Waiting, 'octets' | 'taker'>): boolean =>
    isWithin(octets, taker.domain, mostOf.domain) && isWithin(octets, taker.mailbox_id, mostOf.mailbox_id)

  function take(octets: number, taker: Taker, waited: boolean): Taken {
    let isHeld = true
    const move = (by: number): void => {
      inUse += by
      for (const name of [taker.domain, taker.mailbox_id]) {
        const has = (byName.get(name) ?? 0) + by
        if (has === 0) byName.delete(name)
        else byName.set(name, has)
      }
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
  /** Whoever is at the bound of its domain or mailbox is stepped over. */
  function letGo(): void {
    for (const first of waiting) {
      if (!mayGo(first)) continue
      if (!fits(first.octets)) return
      waiting.delete(first)
      first.go()
    }
  }
  return (octets, taker, signal) => {
    if (signal.aborted) return Promise.resolve(null)
    const isNext = ![...waiting].some(mayGo)
    if (isNext && fits(octets) && mayGo({ octets, taker })) return Promise.resolve(take(octets, taker, false))
    return new Promise((resolve) => {
      const one: Waiting = {
        octets,
        taker,
        go() {
          signal.removeEventListener('abort', leave)
          resolve(take(octets, taker, true))
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
