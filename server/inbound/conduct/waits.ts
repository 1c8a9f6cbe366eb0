/** The sessions that are made to wait. A waiting session costs a socket, so there is room for so many; beyond that, a delay is no defence. */
export type Waits = {
  /** @param who the one that waits, once at a time @returns false when there is no room. Times: epoch ms */
  begin(who: object, until: number, now: number): boolean
  end(who: object): void
  waiting(now: number): number
}

export function createWaits(most: number): Waits {
  const untils = new Map<object, number>()
  const removeOver = (now: number): void => {
    for (const [who, until] of untils) if (until <= now) untils.delete(who)
  }
  return {
    begin(who, until, now) {
      if (untils.size >= most) removeOver(now)
      if (untils.size >= most && !untils.has(who)) return false
      untils.set(who, until)
      return true
    },
    end: (who) => void untils.delete(who),
    waiting(now) {
      removeOver(now)
      return untils.size
    },
  }
}
