/** How much memory all messages under way may take together. */
import { networkOf } from '../conduct/prefixes.ts'

/** Room for messages that are being received or handled. */
export type MemoryRoom = {
  /** @param held what the same message holds already */
  reserve(bytes: number, held: number): boolean
  release(bytes: number): void
  /** Whether a message of that size would find room now. */
  hasRoom(bytes: number): boolean
}
/** The room shared by all connections. */
export type MemoryBudget = MemoryRoom & {
  /** How much of it is in use, from 0 to 1. */
  share(): number
  /** The same room for who comes from there. */
  of(ip: string): MemoryRoom
}

/** A letter without attachments is smaller. Larger ones may fill three quarters of the memory: whoever sends a few huge ones slowly must
 *  not keep everybody's letters out. */
const smallMessageBytes = 256 * 1024
const shareOfLarge = 0.75
/** Who sends a few huge ones and never ends them must not keep everybody else's out either. */
const shareOfOne = 0.5
/** The least that is set aside for a message. */
export const leastBytes = 4 * 1024

export function createMemoryBudget(limit: number): MemoryBudget {
  let used = 0
  const fits = (bytes: number, held: number): boolean => used + bytes <= limit * (held + bytes > smallMessageBytes ? shareOfLarge : 1)
  const all: MemoryRoom = {
    reserve(bytes, held) {
      if (!fits(bytes, held)) return false
      used += bytes
      return true
    },
    release(bytes) {
      used -= bytes
    },
    hasRoom: (bytes) => fits(Math.max(bytes, leastBytes), 0),
  }
  const ofEach = new Map<string, number>()
  return {
    ...all,
    share: () => used / limit,
    of(ip) {
      const network = networkOf(ip)
      // A private address may be everybody's.
      return network === null || network.isPrivate ? all : roomOfOne(all, ofEach, { name: network.prefixes[0], most: limit * shareOfOne })
    },
  }
}

/** @param ofEach what each network holds; one that holds nothing is not in it */
function roomOfOne(all: MemoryRoom, ofEach: Map<string, number>, { name, most }: { name: string; most: number }): MemoryRoom {
  const held = (): number => ofEach.get(name) ?? 0
  const mayHave = (bytes: number, ofMessage: number): boolean => ofMessage + bytes <= smallMessageBytes || held() + bytes <= most
  return {
    reserve(bytes, ofMessage) {
      if (!mayHave(bytes, ofMessage) || !all.reserve(bytes, ofMessage)) return false
      ofEach.set(name, held() + bytes)
      return true
    },
    release(bytes) {
      all.release(bytes)
      const left = held() - bytes
      if (left > 0) ofEach.set(name, left)
      else ofEach.delete(name)
    },
    hasRoom: (bytes) => mayHave(bytes, 0) && all.hasRoom(bytes),
  }
}
