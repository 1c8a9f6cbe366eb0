/** A budget of steps for what could otherwise take more than linear time. Steps rather than time, so that a message reads the same everywhere. */
export type Work = {
  /** false when the budget is spent: do without */
  spend(steps: number): boolean
  readonly spent: number
  readonly isExhausted: boolean
}

export function createWork(limit: number): Work {
  let spent = 0
  return {
    spend(steps) {
      if (spent + steps > limit) {
        spent = limit
        return false
      }
      spent += steps
      return true
    },
    get spent() {
      return spent
    },
    get isExhausted() {
      return spent >= limit
    },
  }
}
