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
  const detail = text.slice(hit.from, Math.min(hit.to, hit.from + 200))
  // Of a trade every word counts that it is advertised with.
  const kind = hit.code.startsWith('spam-') ? detail.toLowerCase() : hit.phrase
  evidence.add(hit.code, { detail, kind, standing: standing === 'shown' ? standingOf(hit, isArticle) : standing })
  if (hit.isDisguised && injectionCodes.has(hit.code)) evidence.add('disguised-words', { detail })
}

const standingOf = ({ code, isQuoted }: Hit<string>, isArticle: boolean): Standing =>
  code.startsWith('spam-') ? 'shown' : isArticle ? 'mentioned' : isQuoted ? 'quoted' : 'shown'

const isAboutAttacks = ({ words, tokens }: ReadWords): boolean =>
  words >= wordsOfArticle && findDiscussion(tokens).length >= mentionsOfArticle

/** `Assistant:` and `User:` at the beginnings of lines; `Assistant:` alone speaks to one. */
function judgeTurns({ text, tokens }: ReadWords, standing: Standing, evidence: Evidence): void {
  const turns = tokens.filter(({ isTurn, meaning }) => isTurn && speakers.has(meaning))
  const machine = turns.find(({ meaning }) => meaning === 'assistant' || meaning === 'ai')
  if (machine === undefined) return
  const how = standing === 'shown' && turns.every(({ isQuoted }) => isQuoted) ? 'quoted' : standing
  const isDialogue = turns.some(({ meaning }) => meaning === 'human' || meaning === 'system')
  evidence.add(isDialogue ? 'fake-turn' : 'assistant-addressed', {
    standing: how,
    kind: 'turn',
    detail: text.slice(machine.from, machine.from + 80),
  })
}
const speakers: ReadonlySet<string> = new Set(['assistant', 'ai', 'system', 'human'])

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
