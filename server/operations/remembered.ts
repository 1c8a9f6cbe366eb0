/**
 * Answers that were given before. Agents ask again and again for what mostly has not changed: then what they get need not be put together, hashed and
 * written anew. That nothing has changed is not assumed: the rows are read each time, and compared.
 */

import type { z } from 'zod'

/** In UTF-16 code units, of all texts together; what is made of one takes a few times as much. */
const mostText = 4 * 1024 * 1024

/** A function of a text and a few small things that gives the same object for the same, as long as there is room. What it gives cannot be changed. */
export function remembered<A extends readonly (string | number | boolean)[], V extends object>(
  make: (text: string, ...rest: A) => V,
): (text: string, ...rest: A) => V {
  const known = new Map<string, { key: string; view: V }>()
  let size = 0
  return (text, ...rest) => {
    const key = `${JSON.stringify(rest)} ${text}`
    // There is no room for it beside any other.
    if (key.length > mostText / 4) return frozen(make(text, ...rest))
    const found = known.get(key)
    // The newest last; under the text that is old already, so that the new one is soon garbage.
    if (found !== undefined) known.delete(found.key)
    else size += key.length
    const kept = found ?? { key, view: frozen(make(text, ...rest)) }
    known.set(kept.key, kept)
    for (const oldest of known.keys()) {
      if (size <= mostText) break
      known.delete(oldest)
      size -= oldest.length
    }
    return kept.view
  }
}

function frozen<V>(value: V): V {
  if (typeof value !== 'object' || value === null) return value
  for (const part of Object.values(value)) frozen(part)
  return Object.freeze(value)
}

/** The schema of answers that mostly are remembered ones: each of those is looked at once. */
export function lookedAtOnce<S extends z.ZodType<object>>(schema: S): S {
  const same = schema.clone()
  same.parse = oncePerView((view) => (Object.isFrozen(view) ? frozen(schema.parse(view)) : schema.parse(view)))
  return same
}

/** A function of an answer, done once for one that cannot change. */
export function oncePerView<V extends object, T extends {} | null>(make: (view: V) => T): (view: V) => T {
  const known = new WeakMap<V, T>()
  return (view) => {
    const found = known.get(view)
    if (found !== undefined) return found
    const made = make(view)
    if (Object.isFrozen(view)) known.set(view, made)
    return made
  }
}
