/** The words by which the statistical filter knows an email. Pure; whoever learns and whoever judges must see the same. */
import { hash } from 'node:crypto'
import type { AccountId } from '../model/ids.ts'

/** What is looked at of an email; everything in it is a stranger's. */
export type Letter = { subject: string; fromAddress: string; fromName: string | null; markdown: string }

/** Of a long text the beginning says what it is. */
const maxText = 16_384
const maxWords = 500
const wordLength = { least: 3, most: 24 }
/** Scripts that are written without spaces give pairs of characters. */
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u
const linkHost = /https?:\/\/([^\s/?#)\]>:]{1,253})/gi

/** At most 500 different words, hashed with the account: the table is of no use for reading somebody's mail, or for comparing two accounts. */
export function wordsOf(accountId: AccountId, letter: Letter): string[] {
  const text = letter.markdown.slice(0, maxText)
  const words = new Set<string>()
  const add = (word: string): void => void (words.size < maxWords && words.add(word))
  add(`from:${letter.fromAddress.toLowerCase()}`)
  add(`from-domain:${letter.fromAddress.slice(letter.fromAddress.lastIndexOf('@') + 1).toLowerCase()}`)
  for (const word of split(letter.fromName ?? '')) add(`name:${word}`)
  for (const word of split(letter.subject)) add(`subject:${word}`)
  for (const [, host = ''] of text.matchAll(linkHost)) add(`link:${host.toLowerCase()}`)
  for (const word of split(text)) add(word)
  return [...words].map((word) => hash('sha256', `${accountId} ${word}`, 'base64url').slice(0, 16))
}

function* split(text: string): Generator<string> {
  for (const run of text
    .normalize('NFKC')
    .toLowerCase()
    .split(/[^\p{L}\p{N}$€£¥'-]+/u)) {
    if (unspaced.test(run)) yield* pairs(run)
    else if (run.length >= wordLength.least && run.length <= wordLength.most) yield run
  }
}

function* pairs(run: string): Generator<string> {
  const characters = Array.from(run)
  for (let at = 0; at + 1 < characters.length; at++) yield `${characters[at]}${characters[at + 1]}`
}
