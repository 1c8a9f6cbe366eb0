import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { longestQuery, readQuery, writeQuery } from '../../server/mailbox/search-query.ts'
import { matchQuery, vectorQuery } from '../../server/store/search.ts'

const utc = (text: string): number => Date.parse(text)

describe('a query', () => {
  it.each([
    ['invoice March', 'invoice march'],
    ['"Order Form"', '"order form"'],
    ['“Order Form”', '"order form"'],
    ['an "unclosed phrase', 'an "unclosed phrase"'],
    ['-draft', '-draft'],
    ['report NOT draft', 'report -draft'],
    ['invoice AND receipt', 'invoice receipt'],
    ['invoice OR receipt OR bill', 'invoice OR receipt OR bill'],
    ['OR invoice', 'invoice'],
    ['invoice OR', 'invoice'],
    ['from:Ann@Remote.test', 'from:"ann remote test"'],
    ['from: ann', 'from:ann'],
    ['FROM:"Ann Lee" to:bo -subject:Urgent', 'from:"ann lee" to:bo -subject:urgent'],
    ['don’t e-mail', '"don t" "e mail"'],
    ['Crème brûlée ΟΔΟΣ Straße', 'creme brulee οδοσ strasse'],
    ['東京タワー', '"東 京 タ ワ ー"'],
    ['has:attachment', 'has:attachment'],
    ['-has:attachments', '-has:attachment'],
    ['is:unread', 'is:unread'],
    ['after:2026-01-31 before:2026/03', 'after:2026-01-31T00:00:00.000Z before:2026-03-01T00:00:00.000Z'],
    ['after:2026-01-31T08:00:00+01:00', 'after:2026-01-31T07:00:00.000Z'],
    ['label:work', '"label work"'],
    ['NEAR(a b) body:x* ^y {a}:b', '"near a" b "body x" y "a b"'],
    ['!!! — …', ''],
  ])('%s is read as %s', (text, read) => {
    expect(writeQuery(readQuery(text))).toBe(read)
  })

  it.each(['after:yesterday', 'before:2026-02-31', 'is:purple', '-is:unread', 'has:legs', 'from:!!'])(
    'does nothing with %s, and says so',
    (text) => {
      expect(readQuery(`invoice ${text}`)).toEqual({ ...readQuery('invoice'), ignored: [text] })
    },
  )

  it('has its times in UTC', () => {
    expect(readQuery('after:2026 before:2026-01-02')).toMatchObject({ receivedFrom: utc('2026-01-01'), receivedBefore: utc('2026-01-02') })
  })

  const pieces = fc.constantFrom(
    'from:',
    'is:',
    'has:attachment',
    'before:2026-01-02',
    '"',
    '-',
    ' OR ',
    ' NOT ',
    "'",
    '\\',
    '(',
    ')',
    '*',
    ':',
    '<->',
    '§',
    'a',
    'ﷺ',
    '½',
    'İ',
  )
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 700 }),
    fc.array(fc.oneof(pieces, fc.string({ unit: 'binary', maxLength: 6 }))).map((all) => all.join(' ')),
  )

  it('is read whatever it is, and what was understood is read the same again', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const query = readQuery(text)
        const written = writeQuery(query)
        if (written.length <= longestQuery) expect(readQuery(written)).toEqual({ ...query, ignored: [] })
      }),
      { numRuns: 300 },
    )
  })

  it('passes letters, digits and marks on to the databases, and nothing else', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const { wanted, unwanted } = readQuery(text)
        const words = [...wanted.flat(), ...unwanted].flatMap((one) => one.words)
        expect(words.every((word) => /^[\p{L}\p{N}\p{M}]+$/u.test(word) && word.length <= 128)).toBe(true)
        const asked = { scope: [['§x']], wanted, unwanted }
        expect(matchQuery(asked).replaceAll(/[\p{L}\p{N}\p{M}]/gu, '')).toMatch(/^[§" :()]*$/)
        expect(vectorQuery(asked).replaceAll(/[\p{L}\p{N}\p{M}]/gu, '')).toMatch(/^[§' :()|&!<>-]*$/)
      }),
      { numRuns: 300 },
    )
  })
})
