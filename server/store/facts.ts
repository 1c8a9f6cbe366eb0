import { type Json, canonicalJson } from '../model/canonical.ts'

export type Facts = { readonly [key: string]: Json }

/** RFC 8785 JSON of what a caller or a stranger may have supplied. Half a surrogate pair, which JSON can write and UTF-8 cannot carry,
 *  becomes U+FFFD: RFC 8785 §3.2.2.2 would stop there, and one odd subject must not stop the mail. */
export const factsJson = (facts: Facts): string => canonicalJson(wellFormed(facts))

const wellFormed = (facts: Facts): Facts =>
  JSON.parse(JSON.stringify(facts), (_name, value: Json) => (typeof value === 'string' ? value.toWellFormed() : value)) as Facts
