/** Who has said nothing for how long, of the sessions that are not in the middle of a message. */
export type Silent = {
  /** It spoke, or we did. @param at epoch ms */
  heard(sessionId: string, at: number): void
  /** It left, or a message of it is on its way. */
  remove(sessionId: string): void
  /** The one to ask to leave, who is asked once; null when nobody has been silent long enough. */
  takeLongest(now: number): string | null
}

/** A slow line may need this long for a round trip or two. */
const patienceMs = 5_000

export function createSilent(): Silent {
  // In the order of when they were heard last.
  const heardAt = new Map<string, number>()
  return {
    heard(sessionId, at) {
      heardAt.delete(sessionId)
      heardAt.set(sessionId, at)
    },
    remove: (sessionId) => void heardAt.delete(sessionId),
    takeLongest(now) {
      const { value: first } = heardAt.entries().next()
      if (first === undefined || now - first[1] < patienceMs) return null
      heardAt.delete(first[0])
      return first[0]
    },
  }
}
