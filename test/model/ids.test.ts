import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type IdKind, idPrefixes, isId, newId } from '../../server/model/ids.ts'

const kinds = Object.keys(idPrefixes) as IdKind[]

describe('ids', () => {
  it('say their kind, and are no id of another', () => {
    for (const kind of kinds) for (const other of kinds) expect(isId(other, newId(kind, 1_790_000_000_000))).toBe(kind === other)
    expect(new Set(Object.values(idPrefixes)).size).toBe(kinds.length)
  })

  it('sort in the order they were made, within one millisecond too, and when the clock goes back', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 2 }), (steps) => {
        let now = 1_790_000_000_000
        const ids = steps.map((step) => newId('email', (now += step)))
        expect(ids.toSorted()).toEqual(ids)
        expect(new Set(ids).size).toBe(ids.length)
      }),
    )
  })

  it.each([
    '',
    'em_',
    'em_x',
    `em_${'0'.repeat(25)}`,
    `em_${'0'.repeat(27)}`,
    `em_${'U'.repeat(26)}`,
    `em_${'a'.repeat(26)}`,
    `em_${'0'.repeat(26)}\n`,
    `EM_${'0'.repeat(26)}`,
  ])('%j is none', (text) => {
    expect(isId('email', text)).toBe(false)
  })
})
