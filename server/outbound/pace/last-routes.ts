/** Who took a domain's mail the last time, on this node. Bounded: beyond `most` the one that was asked about the longest ago is forgotten. */
import type { Destination } from './providers.ts'

const most = 20_000

export function createLastRoutes() {
  const known = new Map<string, Destination>()
  const remember = (domain: string, destination: Destination): void => {
    known.delete(domain)
    known.set(domain, destination)
    const [first] = known.keys()
    if (known.size > most && first !== undefined) known.delete(first)
  }
  return {
    remember,
    /** Null: not known. */
    of(domain: string): Destination | null {
      const found = known.get(domain)
      if (found === undefined) return null
      remember(domain, found)
      return found
    },
  }
}
