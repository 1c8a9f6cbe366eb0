import { describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { lookedAtOnce, oncePerView, remembered } from '../../server/operations/remembered.ts'

describe('what is made of the same text', () => {
  const make = () => vi.fn((text: string, shout: boolean) => ({ words: [shout ? text.toUpperCase() : text] }))

  it('is the same object, made once', () => {
    const making = make()
    const wordsOf = remembered(making)
    const first = wordsOf('a', false)
    expect(wordsOf('a', false)).toBe(first)
    expect(wordsOf('b', false)).not.toBe(first)
    expect(wordsOf('a', true)).toEqual({ words: ['A'] })
    expect(wordsOf('a', false)).toBe(first)
    expect(making).toHaveBeenCalledTimes(3)
  })

  it('cannot be changed by one who got it, for another', () => {
    const { words } = remembered(make())('a', false)
    expect(() => words.push('b')).toThrow(TypeError)
  })

  it('does not mix up a small thing with the text', () => {
    const wordsOf = remembered((text: string, limit: number) => ({ text, limit }))
    expect(wordsOf('2 a', 1)).toEqual({ text: '2 a', limit: 1 })
    expect(wordsOf('a', 12)).toEqual({ text: 'a', limit: 12 })
  })

  it('is forgotten when others need the room, the one that was not asked for longest first', () => {
    const making = make()
    const wordsOf = remembered(making)
    const text = (n: number): string => `${n}`.padEnd(512 * 1024, 'x')
    for (const n of [1, 2, 3, 4, 5, 6, 7, 1, 8]) wordsOf(text(n), false)
    expect(making).toHaveBeenCalledTimes(8)
    wordsOf(text(1), false)
    expect(making).toHaveBeenCalledTimes(8)
    wordsOf(text(2), false)
    expect(making).toHaveBeenCalledTimes(9)
  })

  it('is made each time when it would take the room of many others, and those stay', () => {
    const making = make()
    const wordsOf = remembered(making)
    const small = wordsOf('small', false)
    const huge = 'x'.repeat(2 * 1024 * 1024)
    expect(wordsOf(huge, false)).toEqual(wordsOf(huge, false))
    expect(making).toHaveBeenCalledTimes(3)
    expect(wordsOf('small', false)).toBe(small)
  })
})

describe('what is computed once for an answer', () => {
  it('is computed anew for one that can be changed', () => {
    const lengthOf = oncePerView((list: string[]) => list.length)
    const list = ['a']
    expect(lengthOf(list)).toBe(1)
    list.push('b')
    expect(lengthOf(list)).toBe(2)
  })

  it('is not computed again for one that cannot', () => {
    const compute = vi.fn((list: readonly string[]) => list.length)
    const lengthOf = oncePerView(compute)
    const list = Object.freeze(['a'])
    expect([lengthOf(list), lengthOf(list)]).toEqual([1, 1])
    expect(compute).toHaveBeenCalledTimes(1)
  })
})

describe('a schema that looks once', () => {
  const schema = lookedAtOnce(z.strictObject({ words: z.array(z.string()) }))

  it('gives the same answer for the same, which cannot be changed', () => {
    const view = Object.freeze({ words: ['a'] })
    const seen = schema.parse(view)
    expect(schema.parse(view)).toBe(seen)
    expect(() => seen.words.push('b')).toThrow(TypeError)
  })

  it('refuses what is not of it, each time', () => {
    const view = Object.freeze({ words: [1] })
    for (let time = 0; time < 2; time += 1) expect(() => schema.parse(view)).toThrow(z.ZodError)
    expect(() => schema.parse({ words: ['a'], more: 1 })).toThrow(z.ZodError)
  })
})
