import fc from 'fast-check'

/** Any text, often with what breaks parsers: line ends, NUL, quotes, brackets, invisible and reversing characters, lone surrogates. */
const troublesome = fc.constantFrom(
  '\r\n',
  '\r',
  '\n',
  '\0',
  '\t',
  ' ',
  '"',
  '\\',
  '<',
  '>',
  '@',
  '.',
  ':',
  ',',
  ';',
  '\u001b',
  '\u200b',
  '\u202e',
  '\u00ad',
  '\u2028',
  '\ufeff',
  '\ud800',
  '%',
  '=?',
  '?=',
  'ü',
  '。',
)
export const wildText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.oneof(troublesome, fc.string({ maxLength: 3 }))).map((parts) => parts.join('')),
)

const label = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9-]{0,10}[A-Za-z0-9])?$/)
/** Mostly domain names, with a final dot or a letter beyond ASCII now and then. */
export const domainText = fc
  .tuple(
    fc.array(fc.oneof({ weight: 5, arbitrary: label }, fc.constantFrom('bücher', '東京', 'xn--bcher-kva', '_dmarc', 'İ')), {
      minLength: 1,
      maxLength: 5,
    }),
    fc.constantFrom('', '.'),
  )
  .map(([labels, dot]) => labels.join('.') + dot)

const localText = fc.oneof(fc.stringMatching(/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}$/), fc.stringMatching(/^"[ -~]{0,20}"$/), wildText)
/** Mostly addresses. */
export const addressText = fc.tuple(localText, domainText).map(([local, domain]) => `${local}@${domain}`)

/** What no parsed word may hold: controls, formats, line ends, lone surrogates. */
export const harmful = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u
