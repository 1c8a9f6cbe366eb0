/** `stranger`: nothing is known that would speak for it. `engaged`: it has begun to hand over a message, or its network brought one today. */
export type Standing = 'stranger' | 'engaged'

/** Who has said nothing for how long, of the sessions that are not in the middle of a message. */
export type Silent = {
  /** It spoke, or we did. @param at epoch ms */
  heard(sessionId: string, at: number, standing: Standing): void
  /** It left, or a message of it is on its way. */
  remove(sessionId: string): void
  /** The one to ask to leave; strangers first. Undefined when nobody has been silent long enough. */
  longest(now: number): string | undefined
}

/** A sender that has a message says so within a round trip; one that is handing it over may be on a slow line. */
const patienceMs: Readonly<Record<Standing, number>> = { stranger: 1_000, engaged: 5_000 }

export function createSilent(): Silent {
  // Each in the order of when they were heard last.
  const heardAt: Readonly<Record<Standing, Map<string, number>>> = { stranger: new Map(), engaged: new Map() }

  function remove(sessionId: string): void {
    heardAt.stranger.delete(sessionId)
    heardAt.engaged.delete(sessionId)
  }
  function longestOf(standing: Standing, now: number): string | undefined {
    const { value: first } = heardAt[standing].entries().next()
    return first !== undefined && now - first[1] >= patienceMs[standing] ? first[0] : undefined
  }

  return {
    heard(sessionId, at, standing) {
      remove(sessionId)
      heardAt[standing].set(sessionId, at)
    },
    remove,
    longest: (now) => longestOf('stranger', now) ?? longestOf('engaged', now),
  }
}
