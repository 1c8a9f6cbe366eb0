/**
 * Which conversation an email belongs to. Pure: the caller looks up which emails of the same mailbox carry the ids that are named.
 *
 * In-Reply-To is written by the program in which somebody pressed "reply", so it decides alone. References is also carried along by
 * people who start a new subject from an old letter, so it decides only together with the base subject (RFC 5256 §2.1).
 */
import type { ThreadId } from '../model/ids.ts'
import { baseSubject } from './subject.ts'

/** What an arriving email says about its ancestors; ids with angle brackets, References oldest first (RFC 5322 §3.6.4). */
export type ThreadClues = { inReplyTo: readonly string[]; references: readonly string[]; subject: string }
/** An email we have, in the same mailbox. */
export type ThreadCandidate = { threadId: ThreadId; messageId: string; subject: string }

/** More ancestors than this are not looked for; the nearest are tried first. */
const maxAncestors = 50

/** The ids worth looking up, nearest ancestor first. */
export const ancestorIds = (clues: ThreadClues): string[] =>
  [...new Set([...clues.inReplyTo.toReversed(), ...clues.references.toReversed()])].slice(0, maxAncestors)

/** The thread to join, or null: then it begins its own. Of several emails with one Message-ID the last candidate counts. */
export function findThreadOf(clues: ThreadClues, candidates: readonly ThreadCandidate[]): ThreadId | null {
  const byId = new Map(candidates.map((candidate) => [candidate.messageId, candidate]))
  const parent = nearest(clues.inReplyTo, byId, () => true)
  if (parent !== null) return parent.threadId
  const subject = baseSubject(clues.subject)
  return nearest(clues.references, byId, (candidate) => baseSubject(candidate.subject) === subject)?.threadId ?? null
}

function nearest(
  ids: readonly string[],
  byId: ReadonlyMap<string, ThreadCandidate>,
  accept: (candidate: ThreadCandidate) => boolean,
): ThreadCandidate | null {
  for (const id of ids.toReversed().slice(0, maxAncestors)) {
    const candidate = byId.get(id)
    if (candidate !== undefined && accept(candidate)) return candidate
  }
  return null
}
