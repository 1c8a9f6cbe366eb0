/** Calls without an accepted key, by the network they come from. A key cannot be guessed; each attempt still costs a look into the store. Whoever
 *  has shown a good key lately is not held up by a neighbour. */
import { createHash } from 'node:crypto'
import type { KeyActor } from '../model/actor.ts'
import { OperationError } from '../operations/errors.ts'
import type { Clock } from '../platform/clock.ts'
import { networkOf } from './lookups.ts'

const windowMs = 60_000
const mostPerWindow = 60
/** A proxy in front, with everybody behind it. */
const mostFromInside = 1_000
const mostNetworks = 10_000
const mostKnown = 10_000

export type Attempts = {
  /** As `identify`, which it asks unless there were too many that failed. Throws TOO_MANY_ATTEMPTS then. */
  identify(ip: string, key: string): Promise<KeyActor | null>
  /** Counts a call that is made without a key. Throws likewise. */
  nobody(ip: string): void
}

export function createAttempts(clock: Clock, identify: (key: string) => Promise<KeyActor | null>): Attempts {
  let window = -1
  const failed = new Map<string, number>()
  /** SHA-256 of keys that were good, with the window in which */
  const known = new Map<string, number>()
  const roll = (): void => {
    const current = Math.floor(clock.now() / windowMs)
    if (current === window) return
    window = current
    failed.clear()
    for (const [hash, at] of known) if (at < current - 1) known.delete(hash)
  }
  const isFull = (ip: string): boolean => {
    const from = networkOf(ip)
    const count = failed.get(from.name) ?? 0
    return count >= (from.isInside ? mostFromInside : mostPerWindow) || (count === 0 && failed.size >= mostNetworks)
  }
  const count = (ip: string): void => {
    const { name } = networkOf(ip)
    failed.set(name, (failed.get(name) ?? 0) + 1)
  }
  const refuse = (): never => {
    throw new OperationError('TOO_MANY_ATTEMPTS', undefined, [], (window + 1) * windowMs - clock.now())
  }
  return {
    async identify(ip, key) {
      roll()
      const hash = createHash('sha256').update(key).digest('base64')
      if (!known.has(hash) && isFull(ip)) refuse()
      const actor = await identify(key)
      roll()
      if (actor === null) {
        known.delete(hash)
        count(ip)
      } else if (known.size < mostKnown || known.has(hash)) known.set(hash, window)
      return actor
    },
    nobody(ip) {
      roll()
      if (isFull(ip)) refuse()
      count(ip)
    },
  }
}
