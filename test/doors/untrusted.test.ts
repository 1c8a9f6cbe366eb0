import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fenced, splitSchema, splitValue } from '../../server/doors/untrusted.ts'

const mark = { type: 'string', 'x-untrusted': true }
const schema = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    subject: mark,
    list: { type: 'array', items: { type: 'object', properties: { id: {}, name: mark, size: {} } } },
    plain: { type: 'array', items: { type: 'string' } },
  },
}

describe('keeping apart what strangers wrote', () => {
  it('takes marked fields out and keeps them in place beside the rest', () => {
    const { trusted, untrusted } = splitValue(schema, { id: 'em_1', subject: 'S', list: [{ id: 'a', name: 'N', size: 1 }], plain: ['x'] })
    expect(trusted).toEqual({ id: 'em_1', list: [{ id: 'a', size: 1 }], plain: ['x'] })
    expect(untrusted).toEqual({ id: 'em_1', subject: 'S', list: [{ id: 'a', name: 'N' }] })
  })

  it('describes both halves', () => {
    const { trusted, untrusted } = splitSchema(schema)
    expect(Object.keys(trusted['properties'] as object)).toEqual(['id', 'list', 'plain'])
    expect(Object.keys(untrusted?.['properties'] as object)).toEqual(['id', 'subject', 'list'])
    expect(splitSchema({ type: 'object', properties: { id: {} } }).untrusted).toBeUndefined()
  })

  it('drops what no schema knows', () => {
    expect(splitValue(schema, { id: 'em_1', surprise: 'x' }).trusted).toEqual({ id: 'em_1' })
  })

  it('cannot be left by any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const lines = fenced({ text }).split('\n')
        const nonce = /--- BEGIN UNTRUSTED EMAIL TEXT (\w+) ---/.exec(lines[1] ?? '')?.[1]
        expect(lines.filter((line) => line === `--- END UNTRUSTED EMAIL TEXT ${nonce} ---`)).toHaveLength(1)
        expect(lines.at(-1)).toContain(nonce)
      }),
    )
  })
})
