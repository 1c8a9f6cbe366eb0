/** What of an email can be found, as texts and as the words of the index. Pure. */
import { copiesIn, headerAddresses } from '../store/emails.ts'
import { type Indexed, type Searched, apart, scopeWords } from '../store/search.ts'
import { wordsOf } from './search-words.ts'

/** Of the text of one email, in characters; what comes after is not found. */
export const longestSearchedText = 65_536
/** A place in a tsvector is a number up to 16,383; all fields together stay below it. */
const mostWords = { subject: 500, sender: 200, recipients: 1500, files: 1000, body: 13_000 }
/** A tsvector has a megabyte. */
const mostCharacters = 131_072

/** `attachment`: the name of one. */
export type TextKind = 'subject' | 'from' | 'to' | 'text' | 'attachment'
export type SearchedText = { kind: TextKind; text: string }

/** @param files names of attachments, in order */
export function searchedTexts(email: Searched, files: readonly string[]): SearchedText[] {
  const named = (address: string, name: string | null | undefined): string => (name ? `${name} <${address}>` : address)
  // An agent is not told who watches it.
  const watching: readonly string[] = copiesIn(email).bcc
  const bcc = headerAddresses(email.bcc_json).filter(({ address }) => !watching.includes(address))
  const to = [...[email.to_json, email.cc_json].flatMap(headerAddresses), ...bcc]
  return [
    { kind: 'subject', text: email.subject },
    { kind: 'from', text: named(email.from_address, email.from_name) },
    ...to.map(({ address, name }) => ({ kind: 'to', text: named(address, name) }) as const),
    { kind: 'text', text: email.text },
    ...files.map((text) => ({ kind: 'attachment', text }) as const),
  ]
}

export function indexedOf(email: Searched, files: readonly string[], seq: number): Indexed {
  const texts = searchedTexts(email, files)
  const words = (kind: TextKind, most: number): string[] => wordsApart(texts.filter((one) => one.kind === kind).values(), most)
  return {
    seq,
    emailId: email.id,
    at: email.received_at,
    subject: words('subject', mostWords.subject),
    sender: words('from', mostWords.sender),
    recipients: words('to', mostWords.recipients),
    body: words('text', mostWords.body),
    files: words('attachment', mostWords.files),
    scope: [
      scopeWords.tenancy({ accountId: email.account_id, world: email.world }),
      scopeWords.row(email.mailbox_id),
      scopeWords.row(email.thread_id),
      ...(email.has_attachments === 1 ? [scopeWords.hasAttachments] : []),
    ],
  }
}

function wordsApart(texts: Iterable<SearchedText>, most: number): string[] {
  const words: string[] = []
  let left = mostCharacters
  for (const { text } of texts) {
    if (words.length > 0) words.push(apart)
    for (const { word } of wordsOf(text)) {
      left -= word.length
      if (left < 0 || words.length >= most) return words
      words.push(word)
    }
  }
  return words
}
