/**
 * What a caller looks for, read from one line of text: words, "phrases", -word, OR, from:, to:, subject:, has:attachment, before:, after:, is:unread.
 *
 * Promises: every text is read, none is refused; what cannot be understood is told in `ignored`; nothing of the text reaches a database but words of letters and
 * digits (search-words.ts) and times; its work grows with its length only, which is bounded.
 */
import { type Phrase, type SearchField, searchFields } from '../store/search.ts'
import { wordsOf } from './search-words.ts'

export const longestQuery = 500
const mostTerms = 32

export type SearchQuery = {
  /** of each, one at least has to be there */
  wanted: readonly (readonly Phrase[])[]
  /** none of them may be there */
  unwanted: readonly Phrase[]
  hasAttachments: boolean | null
  /** epoch ms, inclusive */
  receivedFrom: number | null
  /** epoch ms, exclusive */
  receivedBefore: number | null
  is: 'unread' | 'read' | 'spam' | null
  /** parts that say nothing here, as they were written */
  ignored: readonly string[]
}

type Lists = { wanted: Phrase[][]; unwanted: Phrase[]; ignored: string[] }
type Reading = Omit<SearchQuery, keyof Lists> & Lists
type Term = { text: string; minus: boolean; field: string | null; value: string; isQuoted: boolean }

const term =
  /(?<minus>[-\u2212\u2013])?(?:(?<field>from|to|subject|has|is|before|after)\s{0,3}:\s{0,3})?(?:"(?<phrase>[^"]*)"?|(?<word>[^\s"]+))/giu

export function readQuery(text: string): SearchQuery {
  const reading: Reading = {
    wanted: [],
    unwanted: [],
    hasAttachments: null,
    receivedFrom: null,
    receivedBefore: null,
    is: null,
    ignored: [],
  }
  let joins = false
  let negates = false
  for (const one of termsOf(text)) {
    const operator = operatorOf(one)
    if (operator === 'OR') joins = true
    else if (operator === 'NOT') negates = true
    if (operator !== null) continue
    take(reading, negates ? { ...one, minus: true } : one, joins)
    joins = false
    negates = false
  }
  return reading
}

function termsOf(text: string): Term[] {
  const plain = text.slice(0, longestQuery).replaceAll(/[\u201c\u201d\u201e\u00ab\u00bb]/g, '"')
  const terms = [...plain.matchAll(term)].map(({ 0: whole, groups = {} }): Term => {
    const { minus, field, phrase, word } = groups
    return {
      text: whole,
      minus: minus !== undefined,
      field: field?.toLowerCase() ?? null,
      value: phrase ?? word ?? '',
      isQuoted: phrase !== undefined,
    }
  })
  return terms.slice(0, mostTerms)
}

const operators = ['AND', 'OR', 'NOT'] as const
const operatorOf = ({ field, value, isQuoted, minus }: Term): (typeof operators)[number] | null =>
  field !== null || isQuoted || minus ? null : (operators.find((one) => one === value) ?? null)

/** @param joins it may stand for what came before it */
function take(reading: Reading, one: Term, joins: boolean): void {
  const { field } = one
  if (field === null || isSearchField(field))
    takePhrase(reading, { field, words: [...wordsOf(one.value)].map(({ word }) => word) }, one, joins)
  else if (!filters[field]?.(reading, one)) reading.ignored.push(one.text)
}

const isSearchField = (field: string): field is SearchField => (searchFields as readonly string[]).includes(field)

function takePhrase(reading: Reading, phrase: Phrase, { minus, text, field }: Term, joins: boolean): void {
  const before = reading.wanted.at(-1)
  if (phrase.words.length === 0) {
    if (field !== null) reading.ignored.push(text)
  } else if (minus) reading.unwanted.push(phrase)
  else if (joins && before !== undefined) before.push(phrase)
  else reading.wanted.push([phrase])
}

type Filter = (reading: Reading, one: Term) => boolean

/** @returns false when it says nothing */
const filters: Partial<Record<string, Filter>> = {
  has(reading, { value, minus }) {
    if (!/^(?:attachments?|files?)$/i.test(value)) return false
    reading.hasAttachments = !minus
    return true
  },
  is(reading, { value, minus }) {
    const state = value.toLowerCase()
    if (minus || !(state === 'unread' || state === 'read' || state === 'spam')) return false
    reading.is = state
    return true
  },
  after(reading, { value, minus }) {
    const at = minus ? null : timeOf(value)
    if (at !== null) reading.receivedFrom = at
    return at !== null
  },
  before(reading, { value, minus }) {
    const at = minus ? null : timeOf(value)
    if (at !== null) reading.receivedBefore = at
    return at !== null
  },
}

const date = /^(\d{4})(?:[-/](\d{1,2})(?:[-/](\d{1,2}))?)?$/
const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/i

/** A year, a month or a day is its first moment in UTC. @returns epoch ms; null for what is no time */
function timeOf(text: string): number | null {
  if (instant.test(text)) return finite(Date.parse(text))
  const [, year, month = '1', day = '1'] = date.exec(text) ?? []
  if (year === undefined) return null
  const at = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)))
  // The 31st of February is no day.
  return at.getUTCMonth() === Number(month) - 1 && at.getUTCDate() === Number(day) && Number(year) >= 1970 ? at.getTime() : null
}

const finite = (at: number): number | null => (Number.isFinite(at) && at >= 0 ? at : null)

/** The query as it was understood, in its own language. */
export const writeQuery = ({ wanted, unwanted, hasAttachments, receivedFrom, receivedBefore, is }: SearchQuery): string =>
  [
    ...wanted.map((anyOf) => anyOf.map(writePhrase).join(' OR ')),
    ...unwanted.map((phrase) => `-${writePhrase(phrase)}`),
    ...(hasAttachments === null ? [] : [`${hasAttachments ? '' : '-'}has:attachment`]),
    ...(receivedFrom === null ? [] : [`after:${new Date(receivedFrom).toISOString()}`]),
    ...(receivedBefore === null ? [] : [`before:${new Date(receivedBefore).toISOString()}`]),
    ...(is === null ? [] : [`is:${is}`]),
  ].join(' ')

const writePhrase = ({ field, words }: Phrase): string =>
  `${field === null ? '' : `${field}:`}${words.length === 1 ? String(words[0]) : `"${words.join(' ')}"`}`
