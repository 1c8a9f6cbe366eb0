/** Every state that a small world can come to, breadth first: so the way to a fault that is told is a shortest one. */

/** `fault`: what must not be; null: nothing. */
export type Turn<S> = { what: string; state: S; fault: string | null }
export type World<S> = { start: S; turns(state: S): Turn<S>[]; /** a state in which all has come to its end */ isOver(state: S): boolean }
/** `fault`: the first that was found, and how one comes there. `stuck`: a state from which there is no way to an end. */
export type Explored = { states: number; fault: { what: string; path: string[] } | null; stuck: string | null }

/** Throws when there are more than `most`: then the world is not small. */
export function explore<S>({ start, turns, isOver }: World<S>, most = 400_000): Explored {
  const key = (state: S): string => JSON.stringify(state)
  const from = new Map<string, { key: string; what: string } | null>([[key(start), null]])
  const back = new Map<string, string[]>()
  const over: string[] = []
  const pathTo = (end: string): string[] => {
    const path: string[] = []
    for (let step = from.get(end); step; step = from.get(step.key)) path.unshift(step.what)
    return path
  }
  let layer = [start]
  while (layer.length > 0) {
    const next: S[] = []
    for (const state of layer) {
      const here = key(state)
      if (isOver(state)) over.push(here)
      for (const turn of turns(state)) {
        if (turn.fault !== null) return { states: from.size, fault: { what: turn.fault, path: [...pathTo(here), turn.what] }, stuck: null }
        const there = key(turn.state)
        const ways = back.get(there)
        if (ways === undefined) back.set(there, [here])
        else ways.push(here)
        if (from.has(there)) continue
        if (from.size >= most) throw new Error(`more than ${most} states`)
        from.set(there, { key: here, what: turn.what })
        next.push(turn.state)
      }
    }
    layer = next
  }
  return { states: from.size, fault: null, stuck: stuckIn([...from.keys()], back, over) }
}

/** One of `states` that leads to none of `over`. */
function stuckIn(states: readonly string[], back: ReadonlyMap<string, string[]>, over: readonly string[]): string | null {
  const good = new Set(over)
  const todo = [...over]
  for (let one = todo.pop(); one !== undefined; one = todo.pop())
    for (const before of back.get(one) ?? [])
      if (!good.has(before)) {
        good.add(before)
        todo.push(before)
      }
  return states.find((state) => !good.has(state)) ?? null
}
