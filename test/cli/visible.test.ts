import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { visibleJson, visibleLine, visibleText } from '../../server/cli/visible.ts'

const anyText = fc.string({ unit: 'binary' })
/** Controls, formats, other line ends, lone surrogates, what is invisible by default. */
const harmful = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u

describe('text of strangers', () => {
  it.each([
    ['an escape sequence', '\u001b]0;owned\u0007', '⟨U+001B⟩]0;owned⟨U+0007⟩'],
    ['an escape of one byte', '\u009b2J', '⟨U+009B⟩2J'],
    ['a line that overwrites itself', 'pay 10\rpay 99', 'pay 10⟨U+000D⟩pay 99'],
    ['a reversal', 'invoice\u202efdp.exe', 'invoice⟨U+202E⟩fdp.exe'],
    ['isolates', '\u2066a\u2069', '⟨U+2066⟩a⟨U+2069⟩'],
    ['nothing of width zero', 'a\u200bb\u200dc\ufeffd', 'a⟨U+200B⟩b⟨U+200D⟩c⟨U+FEFF⟩d'],
    ['tag characters', 'a\u{e0041}', 'a⟨U+E0041⟩'],
    ['variation selectors', 'a\ufe0f\u{e0100}', 'a⟨U+FE0F⟩⟨U+E0100⟩'],
    ['a Hangul filler and a blank Braille pattern', '\u3164\u2800', '⟨U+3164⟩⟨U+2800⟩'],
    ['a space that is none', 'a\u00a0b\u3000c d', 'a⟨U+00A0⟩b⟨U+3000⟩c d'],
    ['a line break where there is one line', 'a\nBcc: b\u2028c', 'a⟨U+000A⟩Bcc: b⟨U+2028⟩c'],
    ['half a character', '\ud800', '⟨U+D800⟩'],
    ['a NUL', '\0', '⟨U+0000⟩'],
    ['ordinary letters of any script', 'Grüße, 東京, مرحبا 🎉', 'Grüße, 東京, مرحبا 🎉'],
  ])('shows %s', (_, text, shown) => {
    expect(visibleLine(text)).toBe(shown)
  })

  it('never reaches the terminal as anything it obeys', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(visibleLine(text)).not.toMatch(harmful)
        for (const line of visibleText(text).split('\n')) {
          expect(line.startsWith('  | ')).toBe(true)
          expect(line.replaceAll('\t', '')).not.toMatch(harmful)
        }
      }),
    )
  })

  it('is the same to a program that reads the JSON, in printable ASCII', () => {
    fc.assert(
      fc.property(fc.record({ subject: anyText, to: fc.array(anyText) }), (value) => {
        const json = visibleJson(value)
        expect(json).toMatch(/^[\n -~]*$/)
        expect(JSON.parse(json)).toEqual(value)
      }),
    )
  })

  it('counts what it leaves out', () => {
    expect(visibleLine('abcdef', 4)).toBe('abcd… (2 characters more)')
  })
})
