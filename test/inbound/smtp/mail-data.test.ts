import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createDataReader, createLineCheck } from '../../../server/inbound/smtp/mail-data.ts'
import { cuts } from './desk.ts'

type Taken = { text: string; stray: boolean; rest: string | null }

/** @returns the message, whether it held what no message may, and what stood behind its end; null when there was none */
function take(chunks: readonly Buffer[]): Taken {
  const read = createDataReader()
  const taken: Taken = { text: '', stray: false, rest: null }
  const sink = {
    add: (chunk: Buffer, from: number, to: number) => void (taken.text += chunk.toString('latin1', from, to)),
    stray: () => void (taken.stray = true),
  }
  for (const chunk of chunks) {
    if (taken.rest !== null) {
      taken.rest += chunk.toString('latin1')
      continue
    }
    const end = read(chunk, 0, sink)
    if (end >= 0) taken.rest = chunk.toString('latin1', end)
  }
  return taken.stray ? { ...taken, text: 'refused' } : taken
}

/** The same, said with regular expressions over the whole. */
function reference(wire: string): Taken {
  const whole = `\r\n${wire}`
  const end = whole.indexOf('\r\n.\r\n')
  const body = end < 0 ? whole : whole.slice(0, end + 2)
  const stray = /\0|\r(?!\n)|(?<!\r)\n/.test(end < 0 ? body.replace(/\r$/, '') : body)
  return {
    text: stray ? 'refused' : body.replaceAll('\r\n.', '\r\n').slice(2),
    stray,
    rest: end < 0 ? null : whole.slice(end + 5),
  }
}

const falseEnds = ['\n.\n', '\r.\r', '\r.\n', '\n.\r', '\n.\r\n', '\r\n.\n', '\r.\r\n', '\r\n.\r', '\r\n\0.\r\n', '\r\n.\0\r\n']

describe('the text behind DATA', () => {
  it.each<[string, string, string, string]>([
    ['nothing', '.\r\n', '', ''],
    ['a line', 'a\r\n.\r\n', 'a\r\n', ''],
    ['a dot alone, stuffed', '..\r\n.\r\n', '.\r\n', ''],
    ['two dots, stuffed', '...\r\n.\r\n', '..\r\n', ''],
    ['a line that its sender did not stuff (§4.5.2 takes the dot all the same)', '.a\r\n.\r\n', 'a\r\n', ''],
    ['a dot inside and at the end of a line', 'a.b.\r\n.\r\n', 'a.b.\r\n', ''],
    ['empty lines', '\r\n\r\n.\r\n', '\r\n\r\n', ''],
    ['what stands behind the end', 'a\r\n.\r\nQUIT\r\n.\r\n', 'a\r\n', 'QUIT\r\n.\r\n'],
    ['a CR CR LF in front of the end is an end, of a message to be refused', 'a\r\r\n.\r\nb', 'refused', 'b'],
  ])('%s', (_what, wire, text, rest) => {
    expect(take([Buffer.from(wire)])).toEqual({ text, stray: text === 'refused', rest })
    for (const chunks of cuts(Buffer.from(wire))) expect(take(chunks)).toEqual({ text, stray: text === 'refused', rest })
  })

  it.each(falseEnds)('%j is no end, wherever it is cut, and no message may hold it', (end) => {
    const wire = Buffer.from(`a${end}MAIL FROM:<x@y.test>\r\n.\r\nQUIT\r\n`, 'latin1')
    for (const chunks of cuts(wire)) expect(take(chunks)).toEqual({ text: 'refused', stray: true, rest: 'QUIT\r\n' })
  })

  it('is the same however it is cut, and what the words of RFC 5321 §4.5.2 say', () => {
    const piece = fc.constantFrom('\r\n', '\r\n', '\r\n.', '\r\n.\r\n', '.', '..', 'a', '\t', 'é', '\r', '\n', '\0')
    const wire = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''))
    fc.assert(
      fc.property(wire, fc.array(fc.nat(60), { maxLength: 4 }), (text, places) => {
        const bytes = Buffer.from(text, 'latin1')
        const edges = [0, ...places.map((at) => Math.min(at, bytes.length)).toSorted((one, other) => one - other), bytes.length]
        const chunks = edges.slice(1).map((edge, at) => bytes.subarray(edges[at], edge))
        const expected = reference(text)
        // Without an end it is not known yet what a last CR or dot belongs to.
        if (expected.rest === null) expect(take(chunks).rest).toBeNull()
        else expect(take(chunks)).toEqual(expected)
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('the octets behind BDAT', () => {
  const check = (chunks: readonly Buffer[]): boolean => {
    const lines = createLineCheck()
    return chunks.every((chunk) => lines.sound(chunk, 0, chunk.length)) && lines.mayEnd()
  }

  it.each<[string, boolean]>([
    ['', true],
    ['a', true],
    ['a\r\n.\r\n', true],
    ['\r\n\r\n', true],
    ['a\n', false],
    ['\n', false],
    ['a\rb\r\n', false],
    ['\r\r\n', false],
    ['a\0b\r\n', false],
    ['a\r\n\r', false],
  ])('%j: %s', (text, sound) => {
    const bytes = Buffer.from(text)
    expect(check([bytes])).toBe(sound)
    for (const chunks of cuts(bytes)) expect(check(chunks)).toBe(sound)
  })
})
