/** Lets a limited number of works run at a time; more wait in the order in which they came, and when too many wait the next is turned away. */
export type Turns = {
  /** Resolves when it is the caller's turn, to be given back with `leave`. Then nobody else's patience counts any more: `false` is no turn,
   *  because too many wait or because `ended` was aborted first. */
  enter(ended: AbortSignal): Promise<boolean>
  leave(): void
}

export function createTurns({ atOnce, waiting }: { atOnce: number; waiting: number }): Turns {
  const line = new Set<(turn: boolean) => void>()
  let running = 0
  return {
    enter(ended) {
      if (running < atOnce) {
        running++
        return Promise.resolve(true)
      }
      return line.size >= waiting ? Promise.resolve(false) : stand(line, ended)
    },
    leave() {
      const [next] = line
      if (next === undefined) running--
      else next(true)
    },
  }
}

/** A turn that is given passes from who leaves to who enters, so `running` stays. */
function stand(line: Set<(turn: boolean) => void>, ended: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const called = (turn: boolean): void => {
    line.delete(called)
    ended.removeEventListener('abort', tired)
    resolve(turn)
  }
  const tired = (): void => called(false)
  line.add(called)
  ended.addEventListener('abort', tired)
  return promise
}
