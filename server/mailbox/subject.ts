/** Subjects as people and programs write them: `Re: [list] AW: Lunch (fwd)` is about `Lunch`. After RFC 5256 §2.1, with the prefixes of other languages. */

/** Longer ones are cut: RFC 5322 §2.1.1 allows 998 characters in a line. */
const maxLength = 998

// Each pass removes something, and no honest subject needs more passes than this.
const maxPasses = 50

// English, German, Scandinavian, French, Dutch, Polish, Czech, Spanish, Portuguese, Italian, Finnish, Hungarian, Turkish, Russian, Chinese; `Re[2]:` and `Re^2:` too.
const replyOrForward =
  /^(?:re|res|fwd?|aw|antw|antwort|wg|sv|vs|vb|vl|tr|doorst|odp|rv|enc|rif|r|i|ynt|ilt|továbbítás|отв|на|回复|答复|转发|回覆|轉寄)(?:\[\d{1,4}\]|\^\d{1,4}|\*\d{1,4})?\s?[:：]\s*/iu
// Shown subjects lose only what can hardly be the writer's own word: `R:` and `I:` may be.
const plainReplyOrForward = /^(?:re|fwd?|aw|antw|wg|sv|vs|回复|转发)(?:\[\d{1,4}\])?\s?[:：]\s*/iu
const listTag = /^\[[^[\]]{1,80}\]\s*/
const trailingForward = /\s*\(fwd\)$/i
const wrappedForward = /^\[fwd: (.*)\]$/i
const forwardPrefix = /^(?:fwd?|wg|vb|vl|tr|doorst|rv|enc|i|ilt|转发|轉寄)\s?[:：]/iu

const oneLine = (subject: string): string => subject.slice(0, maxLength).replace(/\s+/gu, ' ').trim()

/** The subject without the `Re:` and `Fwd:` in front of it, as surfaces show it (the public contract's `subject`). */
export const displaySubject = (subject: string): string => stripWhile(oneLine(subject), (text) => text.replace(plainReplyOrForward, ''))

/** What two subjects of one conversation have in common, for comparing only: prefixes, list tags and `(fwd)` gone, lower case. */
export const baseSubject = (subject: string): string =>
  stripWhile(oneLine(subject), (text) => {
    const bare = text.replace(trailingForward, '').replace(replyOrForward, '').replace(wrappedForward, '$1')
    // A tag that is all there is stays: then it is the subject.
    const untagged = bare.replace(listTag, '')
    return untagged === '' ? bare : untagged
  }).toLowerCase()

/** True when the sender passes somebody else's letter on, as far as the subject tells. */
export const isForward = (subject: string): boolean => forwardPrefix.test(oneLine(subject))

function stripWhile(text: string, strip: (text: string) => string): string {
  let before = text
  for (let pass = 0; pass < maxPasses; pass++) {
    const after = strip(before).trim()
    if (after === before) break
    before = after
  }
  return before
}
