/**
 * What users of an account called spam, and what that says about the next email. Each account learns for itself, and in each world apart: what is tried
 * out with test keys says nothing of real mail.
 *
 * The words of an email are weighed as Robinson proposed and combined as Fisher did (docs/decisions/012-statistical-filter.md): words that
 * were seen rarely say little, and few words that say much do not drown in many that say nothing.
 */
import type { MailboxId } from '../model/ids.ts'
import type { UserLabel } from '../model/email.ts'
import type { Reason } from '../model/reason.ts'
import type { Tenancy } from '../model/world.ts'
import type { Db, Tx } from '../store/db.ts'
import { type WordCount, addWordCounts, countsOfWords, taughtTenancies } from '../store/spam-tokens.ts'
import { type Letter, wordsOf } from './spam-words.ts'

/** Before it has seen so many of each it says nothing. */
const fewestLessons = 5
/** How strongly a word is taken for neutral before it has been seen (Robinson's s and x). */
const strength = 0.45
const neutral = 0.5
/** Words nearer to neutral are left out; of the others the most telling. */
const leastTelling = 0.1
const mostWords = 150

/** One more email that a user called so; `instead` of what the same user called it before. */
export async function learn(
  tx: Tx,
  lesson: { tenancy: Tenancy; letter: Letter; label: UserLabel; instead: UserLabel | null },
): Promise<void> {
  const { tenancy, letter, label, instead } = lesson
  if (label === instead) return
  const add = { spam: 0, ham: 0 }
  add[column[label]] += 1
  if (instead !== null) add[column[instead]] -= 1
  await addWordCounts(tx, tenancy, [total, ...wordsOf(tenancy.accountId, letter)], add)
}

const column = { spam: 'spam', not_spam: 'ham' } as const satisfies Record<UserLabel, string>
/** The word that every email has. */
const total = ''

/** Those of the mailboxes whose account has an opinion in their world, with both: one question for a message that few accounts could answer. */
export const tenanciesWithOpinion = (db: Db, mailboxIds: readonly MailboxId[]): Promise<Map<MailboxId, Tenancy>> =>
  taughtTenancies(db, mailboxIds, { spam: fewestLessons, ham: fewestLessons })

/** How likely users of the account would call it spam, 0 to 1; null while too little has been learned. */
export async function spamProbability(db: Db, tenancy: Tenancy, letter: Letter): Promise<number | null> {
  const [all] = await countsOfWords(db, tenancy, [total])
  if (all === undefined || all.spam < fewestLessons || all.ham < fewestLessons) return null
  const counts = await countsOfWords(db, tenancy, wordsOf(tenancy.accountId, letter))
  return combine(counts.map((count) => weight(count, all)))
}

/** @returns near 1 for a word of spam, near 0 for one of other mail */
export function weight(word: WordCount, all: WordCount): number {
  const spam = Math.min(1, word.spam / all.spam)
  const ham = Math.min(1, word.ham / all.ham)
  const seen = word.spam + word.ham
  if (seen <= 0 || spam + ham === 0) return neutral
  return (strength * neutral + seen * (spam / (spam + ham))) / (strength + seen)
}

/** @param weights each above 0 and below 1 */
export function combine(weights: readonly number[]): number {
  const telling = weights
    .filter((one) => Math.abs(one - neutral) >= leastTelling)
    .toSorted((one, other) => Math.abs(other - neutral) - Math.abs(one - neutral))
    .slice(0, mostWords)
  if (telling.length === 0) return neutral
  const spam = 1 - chiSquareTail(-2 * telling.reduce((sum, one) => sum + Math.log(1 - one), 0), telling.length)
  const ham = 1 - chiSquareTail(-2 * telling.reduce((sum, one) => sum + Math.log(one), 0), telling.length)
  return (1 + spam - ham) / 2
}

/** How likely chance alone gives `x` or more, with twice `half` degrees of freedom. */
function chiSquareTail(x: number, half: number): number {
  // In logarithms: the first term alone is smaller than a number can be.
  const m = x / 2
  let term = -m
  let sum = Math.exp(term)
  for (let i = 1; i < half; i++) {
    term += Math.log(m / i)
    sum += Math.exp(term)
  }
  return Math.min(1, sum)
}

/** What it adds to the verdict; null when it has no opinion. The first row that applies. */
export function statisticalReason(probability: number | null): Reason | null {
  const row = probability === null ? undefined : opinions.find(({ from, to }) => probability >= from && probability <= to)
  return row === undefined ? null : { code: row.code, points: row.points, words: row.words, detail: null }
}

export const opinions = [
  { from: 0.99, to: 1, code: 'learned-spam', points: 5, words: 'Very like what users of this account called spam' },
  { from: 0.9, to: 0.99, code: 'learned-spam-likely', points: 3, words: 'Rather like what users of this account called spam' },
  { from: 0, to: 0.02, code: 'learned-not-spam', points: -3, words: 'Very like what users of this account said is no spam' },
] as const
