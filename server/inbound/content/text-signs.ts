/** Reads one text of a message for signs, in the open and in what it encodes. */
import { judgeChatMarkup } from './chat-markup.ts'
import { decodedFrom } from './encoded.ts'
import type { Evidence, Standing } from './evidence.ts'
import { type Hit, createFinder } from './phrase-finder.ts'
import { advertisingPhrases } from './phrases/advertising.ts'
import { fraudPhrases } from './phrases/fraud.ts'
import { discussionPhrases, injectionPhrases } from './phrases/injection.ts'
import { readInvisible } from './invisible.ts'
import { type ReadWords, readWords } from './words.ts'

const find = createFinder([...injectionPhrases, ...fraudPhrases, ...advertisingPhrases])
const findDiscussion = createFinder(discussionPhrases)
const injectionCodes: ReadonlySet<string> = new Set(injectionPhrases.map(({ code }) => code))

/** An article about instructions to programs is at least this long and speaks of attacks this often. */
const wordsOfArticle = 80
const mentionsOfArticle = 3
const longRunOfInvisible = 40
const maxText = 256 * 1024

/** @returns what it says in invisible characters or in an encoding, '' for ordinary text */
export function judgeText(text: string, standing: Standing, evidence: Evidence): string {
  if (text.trim() === '') return ''
  const bounded = text.slice(0, maxText)
  const words = readWords(bounded)
  judgeWords(words, standing, evidence)
  judgeChatMarkup(bounded, standing, evidence)
  return [judgeInvisible(bounded, standing, evidence), judgeEncoded(words, evidence)].filter((part) => part !== '').join('\n')
}

function judgeWords(words: ReadWords, standing: Standing, evidence: Evidence): void {
  if (words.mixedScript > 0) evidence.add('mixed-script')
  if (words.mixedScript > 4) evidence.add('mixed-script', { kind: 'many' })
  const hits = find(words.tokens)
  judgeTurns(words, standing, evidence)
  if (hits.length === 0) return
  const isArticle = standing === 'shown' && isAboutAttacks(words)
  for (const hit of hits) judgeHit(hit, words, standing, isArticle, evidence)
}

function judgeHit(
  hit: Hit<Parameters<Evidence['add']>[0]>,
  { text }: ReadWords,
  standing: Standing,
  isArticle: boolean,
  evidence: Evidence,
): void {
  const isMentioned = standing === 'shown' && (hit.isQuoted || isArticle) && injectionCodes.has(hit.code)
  const detail = text.slice(hit.from, Math.min(hit.to, hit.from + 200))
  evidence.add(hit.code, { detail, kind: hit.phrase, standing: isMentioned ? 'quoted' : standing })
  if (hit.isDisguised && injectionCodes.has(hit.code)) evidence.add('disguised-words', { detail })
}

const isAboutAttacks = ({ words, tokens }: ReadWords): boolean =>
  words >= wordsOfArticle && findDiscussion(tokens).length >= mentionsOfArticle

/** `Assistant:` and `User:` at the beginnings of lines. */
function judgeTurns({ tokens }: ReadWords, standing: Standing, evidence: Evidence): void {
  const turns = tokens.filter(({ isTurn }) => isTurn)
  if (turns.length < 2) return
  const speakers = new Set(
    turns
      .map(({ meaning }) => meaning)
      .filter((meaning) => meaning === 'assistant' || meaning === 'system' || meaning === 'human' || meaning === 'ai'),
  )
  if (speakers.size < 2 || !(speakers.has('assistant') || speakers.has('ai') || speakers.has('system'))) return
  evidence.add('fake-turn', { standing: standing === 'shown' && turns.every(({ isQuoted }) => isQuoted) ? 'quoted' : standing })
}

function judgeInvisible(text: string, standing: Standing, evidence: Evidence): string {
  const { says, longestRun, overrides, splits } = readInvisible(text)
  if (says !== '') {
    evidence.add('invisible-message', { detail: says })
    judgeWords(readWords(says), 'hidden', evidence)
  }
  // In hidden text long runs fill the preview line.
  if (longestRun >= longRunOfInvisible && standing !== 'hidden') evidence.add('invisible-characters')
  if (overrides > 0) evidence.add('direction-override')
  if (splits >= 3) evidence.add('split-words')
  return says
}

/** Only what instructs a program, once decoded: anything may be encoded for an honest reason. */
function judgeEncoded(words: ReadWords, evidence: Evidence): string {
  const telling = decodedFrom(words).filter((text) => {
    const hits = find(readWords(text).tokens).filter(({ code }) => injectionCodes.has(code) && code !== 'tool-named')
    for (const { code, phrase } of hits) evidence.add(code, { kind: phrase, standing: 'hidden' })
    return hits.length > 0
  })
  for (const text of telling) evidence.add('encoded-instructions', { detail: text })
  return telling.join('\n')
}
