import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { relaxedBody } from '../../server/model/relaxed-body.ts'

const relaxed = (body: string): string => Buffer.concat([...relaxedBody(Buffer.from(body, 'latin1'))]).toString('latin1')

describe('the relaxed form of a body (RFC 6376 §3.4.4)', () => {
  it.each<[what: string, body: string, form: string]>([
    ['the example of §3.4.5', ' C \r\nD \t E\r\n\r\n\r\n', ' C\r\nD E\r\n'],
    ['nothing', '', ''],
    ['empty lines only', '\r\n\r\n', ''],
    ['white lines only', ' \r\n\t\r\n ', ''],
    ['no line end', 'a', 'a\r\n'],
    ['white space and no line end', 'a \t', 'a\r\n'],
    ['a tab', 'a\tb', 'a b\r\n'],
    ['white space at the start of a line', '  a', ' a\r\n'],
    ['empty lines within', 'a\r\n\r\n\r\nb', 'a\r\n\r\n\r\nb\r\n'],
    ['a CR that ends no line', 'a \rb \r\n\r', 'a \rb\r\n\r\r\n'],
    ['an LF that ends no line', 'a \nb\n', 'a \nb\n\r\n'],
    ['octets that are white space in some alphabet', 'a\u00a0\u00a0b\u0085\r\n', 'a\u00a0\u00a0b\u0085\r\n'],
  ])('of %s', (_what, body, form) => {
    expect(relaxed(body)).toBe(form)
  })

  it('is what the words of the RFC make of it, line by line', () => {
    const piece = fc.constantFrom(' ', '\t', '\r\n', '\r\n', 'a', 'bc', '\r', '\n', '\u00a0', 'x'.repeat(9_000), ' \r\n'.repeat(3_000))
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const body = pieces.join('')
        expect(relaxed(body)).toBe(byTheBook(body))
      }),
      { numRuns: 500 },
    )
  })

  it('is found of ten million octets made to be slow', () => {
    for (const body of [' '.repeat(10_000_000), `${' '.repeat(5_000_000)}a`, '\t \r\n'.repeat(2_500_000), 'a '.repeat(5_000_000)]) {
      let octets = 0
      for (const piece of relaxedBody(Buffer.from(body))) octets += piece.length
      expect(octets).toBeLessThanOrEqual(body.length + 2)
    }
  })
})

function byTheBook(body: string): string {
  const lines = body.split('\r\n').map((line) => line.replaceAll(/[ \t]+/g, ' ').replace(/ $/, ''))
  while (lines.length > 0 && lines.at(-1) === '') lines.pop()
  return lines.map((line) => `${line}\r\n`).join('')
}
