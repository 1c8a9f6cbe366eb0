/** What the content of a message shows without asking anybody: found in the worker, judged in verdict.ts. */
import type { Reason } from '../../model/reason.ts'

export type ContentFindings = {
  /** each a signal of spam, phishing or prompt injection; their points add up */
  reasons: readonly Reason[]
  /** what a person would not have seen: how much, and its beginning for the reviewer (cleaned, bounded). null: nothing was hidden */
  hidden: { characters: number; text: string } | null
}

export const nothingFound: ContentFindings = { reasons: [], hidden: null }

/** As much as marks a message: of its HTML only the words were looked at, the hidden ones among those that are shown. */
export const readInHaste: Reason = {
  code: 'read-in-haste',
  points: 5,
  words: 'It took too long to read, so its words are shown as they stand, also those that were hidden.',
  detail: null,
}
