import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fieldValue, headerFields, removeFields, splitMessage } from '../../server/model/headers.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')
/** Bytes of which many are what header sections are made of. */
const wildBytes = fc
  .array(
    fc.oneof(
      fc.constantFrom('\r\n', '\r', '\n', '\r\n\r\n', ':', ' ', '\t', 'Subject', 'DKIM-Signature:', '\r\n '),
      fc.string({ maxLength: 4 }),
    ),
  )
  .chain((parts) =>
    fc.oneof(
      fc.constant(Buffer.from(parts.join(''))),
      fc.uint8Array().map((raw) => Buffer.from(raw)),
    ),
  )

const fieldName = fc.stringMatching(/^[!-9;-~]{1,20}$/)
const fieldBody = fc.array(fc.stringMatching(/^[ -~]{0,30}$/), { minLength: 1, maxLength: 3 }).map((lines) => lines.join('\r\n '))
const field = fc.tuple(fieldName, fieldBody)
const message = fc.tuple(fc.array(field, { minLength: 1 }), fc.uint8Array()).map(([fields, body]) => ({
  fields,
  body: Buffer.from(body),
  raw: Buffer.concat([bytes(fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')), bytes('\r\n'), body]),
}))

describe('the header section', () => {
  it('gives back every octet of any message, whatever it is made of', () => {
    fc.assert(
      fc.property(wildBytes, (raw) => {
        const { header, body } = splitMessage(raw)
        expect(Buffer.concat(headerFields(header).map((each) => each.raw))).toEqual(header)
        expect(raw.subarray(0, header.length)).toEqual(header)
        expect(raw.subarray(raw.length - body.length)).toEqual(body)
        expect(raw.length - header.length - body.length).toBeOneOf([0, 2])
        expect(removeFields(raw, () => false)).toEqual(raw)
        for (const each of headerFields(header)) fieldValue(each)
      }),
    )
  })

  it('has the fields of a proper message, in order, with their values unfolded', () => {
    fc.assert(
      fc.property(message, ({ fields, body, raw }) => {
        const split = splitMessage(raw)
        expect(split.body).toEqual(body)
        const read = headerFields(split.header)
        expect(read.map(({ name }) => name)).toEqual(fields.map(([name]) => name.toLowerCase()))
        expect(read.map(fieldValue)).toEqual(fields.map(([, value]) => value.replaceAll('\r\n', '').trim()))
      }),
    )
  })

  it('without some fields keeps every other octet', () => {
    fc.assert(
      fc.property(message, fc.string({ minLength: 1, maxLength: 1 }), ({ fields, body, raw }, letter) => {
        const drop = (name: string) => name.toLowerCase().startsWith(letter)
        const kept = fields.filter(([name]) => !drop(name)).map(([name, value]) => `${name}: ${value}\r\n`)
        expect(removeFields(raw, ({ name }) => name.startsWith(letter))).toEqual(Buffer.concat([bytes(`${kept.join('')}\r\n`), body]))
      }),
    )
  })

  it.each([
    ['a message without a body', 'A: b\r\n', ['a'], ''],
    ['a message without a header', '\r\nbody', [], 'body'],
    ['a message without an end of line', 'A: b', ['a'], ''],
    ['a line without a colon', 'A: b\r\nnonsense\r\n\r\nx', ['a', ''], 'x'],
    ['a continuation first', ' folded\r\nA: b\r\n\r\n', ['', 'a'], ''],
    ['a colon first', ': b\r\n\r\n', [''], ''],
    ['white space before the colon', 'Subject : x\r\n\r\n', ['subject'], ''],
    ['nothing', '', [], ''],
  ])('of %s', (_, raw, names, body) => {
    const split = splitMessage(bytes(raw))
    expect(headerFields(split.header).map(({ name }) => name)).toEqual(names)
    expect(split.body.toString()).toBe(body)
  })

  it('reads octets as UTF-8, or else as Latin-1', () => {
    const value = (raw: Buffer) => headerFields(raw).map(fieldValue)
    expect(value(Buffer.from('Subject: grün\r\n'))).toEqual(['grün'])
    expect(value(bytes('Subject: gr\xfcn\r\n'))).toEqual(['grün'])
  })

  it('of a megabyte in one line is read without stalling', () => {
    const raw = Buffer.from(`${'A: b\r\n '.repeat(150_000)}\r\n\r\nx`)
    expect(headerFields(splitMessage(raw).header)).toHaveLength(1)
  })
})
