/** How much memory all messages under way may take together. */

/** Room for messages that are being received or handled, shared by all connections. */
export type MemoryBudget = {
  /** @param held what the same message holds already */
  reserve(bytes: number, held: number): boolean
  release(bytes: number): void
  /** Whether a message of that size would find room now. */
  hasRoom(bytes: number): boolean
  /** How much of it is in use, from 0 to 1. */
  share(): number
}

/** A letter without attachments is smaller. Larger ones may fill three quarters of the memory: whoever sends a few huge ones slowly must
 *  not keep everybody's letters out. */
const smallMessageBytes = 256 * 1024
const shareOfLarge = 0.75
/** The least that is set aside for a message. */
export const leastBytes = 4 * 1024

export function createMemoryBudget(limit: number): MemoryBudget {
  let used = 0
  const fits = (bytes: number, held: number): boolean => used + bytes <= limit * (held + bytes > smallMessageBytes ? shareOfLarge : 1)
  return {
    reserve(bytes, held) {
      if (!fits(bytes, held)) return false
      used += bytes
      return true
    },
    release(bytes) {
      used -= bytes
    },
    hasRoom: (bytes) => fits(Math.max(bytes, leastBytes), 0),
    share: () => used / limit,
  }
}
