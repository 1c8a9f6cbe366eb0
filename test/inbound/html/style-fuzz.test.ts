/** Styles that nobody meant to be read: nothing throws, and the work stays within its bounds. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseColour } from '../../../server/inbound/html/colour.ts'
import { parseLength } from '../../../server/inbound/html/length.ts'
import { mediaApplies } from '../../../server/inbound/html/media-query.ts'
import { maxWork, readHtml } from '../../../server/inbound/html/read-html.ts'
import { parseSelector } from '../../../server/inbound/html/selectors.ts'
import { valueReaders } from '../../../server/inbound/html/style-values.ts'

const piece = fc.oneof(
  fc.constantFrom(
    ...'0 1 -9999px 1e9 1e-9 50% .5 10vw auto none hidden inset( calc( rect( rgb( color( linear-gradient( scale( opacity('.split(' '),
  ),
  fc.constantFrom(
    '(',
    ')',
    ',',
    '/',
    ' ',
    '+',
    '-',
    '*',
    ' - ',
    '#fff',
    'transparent',
    'oklch(',
    'none',
    ';',
    ':',
    '{',
    '}',
    '"',
    '\\',
    '!important',
  ),
  fc.string({ maxLength: 4 }),
)
const value = fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join(''))

describe('a value made of anything', () => {
  it('is read by every property without an error, and what is read is a number where it says so', () => {
    fc.assert(
      fc.property(value, (text) => {
        for (const [property, read] of valueReaders)
          for (const [key, one] of Object.entries(read(text.toLowerCase()) ?? {})) expect([property, key, one]).not.toContain(Number.NaN)
      }),
    )
  })

  it('is a whole colour or length, or none', () => {
    fc.assert(
      fc.property(value, (text) => {
        const numbers = [...Object.values(parseColour(text) ?? {}), ...Object.values(parseLength(text) ?? {})]
        expect(numbers.every(Number.isFinite)).toBe(true)
      }),
    )
  })
})

it('a sheet made of anything is read', () => {
  const word = fc.constantFrom(
    '@media ',
    '@supports ',
    'not ',
    'and ',
    'or ',
    '(',
    ')',
    '(width>1px)',
    '(display:none)',
    ':is(',
    ':not(',
    ':where(',
    '.x',
    '#x',
    'p',
    ',',
    '{',
    '}',
    ' ',
    '>',

    'display:none',
    'opacity:0;',
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 40 }), (words) => {
      const text = words.join('')
      mediaApplies(text)
      parseSelector(text)
      expect(readHtml(`<style>${text}</style><p class=x id=x>Visible`).steps).toBeLessThanOrEqual(maxWork)
    }),
  )
})

describe('what is made to be much work ends within its steps', () => {
  const sheets: [what: string, css: string][] = [
    ['brackets without end', `.x{width:${'calc('.repeat(20_000)}1px`],
    ['groups in groups', '@media all{@supports (display:grid){'.repeat(10_000)],
    ['conditions without end', `@media ${'not ('.repeat(50_000)}`],
    ['a selector of selectors', `${':is('.repeat(20_000)}.x{display:none}`],
    ['lists of lists', `${`:is(${'.a,'.repeat(100)}.x)`.repeat(300)}{display:none}`],
    ['many lists that every element is compared with', `:is(${'.a,'.repeat(49)}.b){display:none}`.repeat(3_000)],
  ]
  it.each(sheets)('%s', (_what, css) => {
    const { steps, characters } = readHtml(`<style>${css}</style>${'<p class=x>a</p>'.repeat(5_000)}`)
    expect(steps).toBeLessThanOrEqual(maxWork)
    expect(characters).toBe(5_000)
  })
})
