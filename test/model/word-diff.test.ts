import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type DiffPart, wordDiff } from '../../server/model/word-diff.ts'

const joined = (parts: readonly DiffPart[], without: DiffPart['kind']): string =>
  parts
    .filter(({ kind }) => kind !== without)
    .map(({ text }) => text)
    .join('')

it('says which words went and came', () => {
  expect(wordDiff('It costs 5 euros.', 'It costs 6 euros, net.')).toEqual([
    { kind: 'same', text: 'It costs ' },
    { kind: 'removed', text: '5' },
    { kind: 'added', text: '6' },
    { kind: 'same', text: ' euros' },
    { kind: 'added', text: ', net' },
    { kind: 'same', text: '.' },
  ])
  expect(wordDiff('', '')?.every(({ text }) => text === '')).toBe(true)
})

it('loses no character of either text, spaces and what cannot be seen included', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.array(fc.constantFrom('a ', 'b', ' ', '\n', '\r\n', '\u200b', '\u00ad', '–', '𝒳'), { maxLength: 60 }).map((all) => all.join('')),
  )
  fc.assert(
    fc.property(text, text, (before, after) => {
      const parts = wordDiff(before, after)
      if (parts === null) throw new Error('too much for so little')
      expect([joined(parts, 'added'), joined(parts, 'removed')]).toEqual([before, after])
    }),
  )
})

it('goes by lines where every word differs, and gives up where there is too much', () => {
  const words = (word: string) => Array.from({ length: 500 }, (_, at) => `${word}${at}`).join(' ')
  expect(wordDiff(`${words('a')}\nthe end\n`, `${words('b')}\nthe end\n`)?.map(({ kind }) => kind)).toEqual(['removed', 'added', 'same'])
  const lines = (word: string) => words(word).replaceAll(' ', '\n')
  expect(wordDiff(lines('a'), lines('b'))).toBeNull()
  expect(wordDiff('a'.repeat(60_000), 'b'.repeat(60_000))).toBeNull()
})
