import { type Json, canonicalJson } from '../model/canonical.ts'

export type Facts = { readonly [key: string]: Json }

/** RFC 8785 JSON of what a caller or a stranger may have supplied. Half a surrogate pair, which JSON can write and UTF-8 cannot carry,
 *  becomes U+FFFD: RFC 8785 §3.2.2.2 would stop there, and one odd subject must not stop the mail. */
export const factsJson = (facts: Facts): string => canonicalJson(wellFormed(facts))

function wellFormed(facts: Facts): Facts {
  const text = JSON.stringify(facts)
  // Half a pair is the one thing that is written like this (ECMA-262 §25.5.2.3); most facts have none.
  if (!text.includes('\\ud')) return facts
  return JSON.parse(text, (_name, value: Json) => (typeof value === 'string' ? value.toWellFormed() : value)) as Facts
}
