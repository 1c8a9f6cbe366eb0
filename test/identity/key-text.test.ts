import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashOfKey, makeKeyText, shownPrefix, worldOfKeyText } from '../../server/identity/key-text.ts'
import { worlds } from '../../server/model/world.ts'

const world = fc.constantFrom(...worlds)

describe('the text of a key', () => {
  it.each(worlds)('says that it is a %s key, and has 190 bits of secret', (which) => {
    const key = makeKeyText(which)
    expect(key).toMatch(new RegExp(`^mm_${which}_[0-9A-Za-z]{38}$`))
    expect(worldOfKeyText(key)).toBe(which)
  })

  it('is another one each time', () => {
    expect(new Set(Array.from({ length: 1000 }, () => makeKeyText('live'))).size).toBe(1000)
  })

  it('with any one character replaced, removed or doubled is no key', () => {
    const edits = fc.tuple(
      world,
      fc.nat(),
      fc.constantFrom('replace', 'remove', 'double'),
      fc.constantFrom('0', 'O', 'o', '1', 'l', 'I', '_', ' '),
    )
    fc.assert(
      fc.property(edits, ([which, at, edit, letter]) => {
        const key = makeKeyText(which)
        const place = at % key.length
        const middle = { replace: letter, remove: '', double: `${key[place]}${key[place]}` }[edit]
        const edited = key.slice(0, place) + middle + key.slice(place + 1)
        expect(worldOfKeyText(edited)).toBe(edited === key ? which : null)
      }),
    )
  })

  it('of one world is not made into one of the other', () => {
    expect(worldOfKeyText(makeKeyText('test').replace('mm_test_', 'mm_live_'))).toBeNull()
  })

  it('is read without trouble whatever is presented', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => worldOfKeyText(text) === null))
    expect(worldOfKeyText(`${makeKeyText('live')}\n`)).toBeNull()
    expect(worldOfKeyText('mm_live_'.repeat(100_000))).toBeNull()
  })

  it('shows five characters of its secret at most', () => {
    const key = makeKeyText('test')
    expect(shownPrefix(key)).toBe(key.slice(0, 13))
    expect(hashOfKey(key)).toMatch(/^[0-9a-f]{64}$/)
  })
})
