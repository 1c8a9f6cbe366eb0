/**
 * Who waits for a thread, and whose turn it is.
 *
 * Promise: no network can keep out another by sending more. Networks take turns, and when every place is taken somebody of the network that has the
 * most gives way to a newcomer of one that has less.
 */

/** The networks a job came from, from wide to narrow, all different in what they say. */
export type Origin = readonly string[]

export type WaitingLine<J extends { origin: Origin }> = {
  /** Counts it until `left`. */
  arrive(job: J): void
  /** It has ended, wherever it was. */
  left(job: J): void
  /** Whoever is to make place for a newcomer from there: is taken out of the line, but counted until `left`. Null when nobody has more. */
  displace(newcomer: Origin): J | null
  /** Whose turn it is. */
  next(): J | undefined
  take(job: J): void
  /** In front of all: their turn was before. */
  putBack(jobs: readonly J[]): void
  drain(): J[]
  readonly length: number
}

export function createWaitingLine<J extends { origin: Origin }>(): WaitingLine<J> {
  const before: J[] = []
  /** By the widest network, in the order of their turns. */
  const lines = new Map<string, J[]>()
  const held = new Map<string, number>()
  let length = 0

  const heldBy = (prefix: string): number => held.get(prefix) ?? 0
  const count = (origin: Origin, by: 1 | -1): void => {
    for (const prefix of origin) {
      const now = heldBy(prefix) + by
      if (now > 0) held.set(prefix, now)
      else held.delete(prefix)
    }
  }
  function take(job: J): void {
    length--
    if (before.includes(job)) return void before.splice(before.indexOf(job), 1)
    const name = job.origin[0] ?? ''
    const line = lines.get(name) ?? []
    line.splice(line.indexOf(job), 1)
    lines.delete(name)
    // Its network has had its turn.
    if (line.length > 0) lines.set(name, line)
  }

  return {
    arrive(job) {
      count(job.origin, 1)
      const name = job.origin[0] ?? ''
      const line = lines.get(name)
      if (line === undefined) lines.set(name, [job])
      else line.push(job)
      length++
    },
    left: ({ origin }) => count(origin, -1),
    displace(newcomer) {
      const job = whoGivesWay([...lines.values()].flat(), newcomer, heldBy)
      if (job !== null) take(job)
      return job
    },
    next: () => before[0] ?? lines.values().next().value?.[0],
    take,
    putBack(jobs) {
      before.unshift(...jobs)
      length += jobs.length
    },
    drain() {
      const all = [...before.splice(0), ...[...lines.values()].flat()]
      lines.clear()
      length = 0
      return all
    },
    get length() {
      return length
    },
  }
}

type Held = (prefix: string) => number

/** Compared are the widest networks first, and then, within the newcomer's own, the narrower ones. A difference of one is none: they would change
 *  places for ever. */
function whoGivesWay<J extends { origin: Origin }>(jobs: readonly J[], newcomer: Origin, heldBy: Held): J | null {
  let among = jobs
  for (const [level, own] of newcomer.entries()) {
    if (heldBy(largestOf(among, level, heldBy)) > heldBy(own) + 1) return lastOfLargest(among, level, heldBy)
    among = among.filter(({ origin }) => origin[level] === own)
  }
  return null
}

/** Of the largest network its largest part, and so on, and of that one the last who came. */
function lastOfLargest<J extends { origin: Origin }>(jobs: readonly J[], from: number, heldBy: Held): J | null {
  let among = jobs
  const deepest = Math.max(...jobs.map(({ origin }) => origin.length))
  for (let level = from; level < deepest; level++) {
    const largest = largestOf(among, level, heldBy)
    among = among.filter(({ origin }) => (origin[level] ?? '') === largest)
  }
  return among.at(-1) ?? null
}

/** Of several as large the one that came last. */
function largestOf(jobs: readonly { origin: Origin }[], level: number, heldBy: Held): string {
  let largest = ''
  for (const { origin } of jobs) {
    const prefix = origin[level] ?? ''
    if (heldBy(prefix) >= heldBy(largest)) largest = prefix
  }
  return largest
}
