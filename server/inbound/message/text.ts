/** Text from strangers, made fit to store and to show. */

/** Zero-width fillers, tag characters (U+E0000…) and direction overrides: text that a person does not see, or sees in another order. */
const invisible = /[\u034f\u00ad\u180e\u200b\u2060-\u2064\u202a-\u202e\u2066-\u2069\ufeff\u206a-\u206f\u{e0000}-\u{e007f}]/gu
/** The ones that are used to hide words or to disguise them; the others merely fill preview lines. */
const deceptive = /[\u202a-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/u
// oxlint-disable-next-line no-control-regex -- they are what this removes; NUL would also be refused by PostgreSQL
const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g

/** Several in a row: joiners and variation selectors belong between or behind letters, one at a time; more of them are fillers or a message. */
// oxlint-disable-next-line no-misleading-character-class -- the parts of joined emoji are what it looks for
const repeated = /[\u200c-\u200f\ufe00-\ufe0f\u{e0100}-\u{e01ef}]{3,}/gu
/** Most letters have none of these, and need no more than this look. */
const unusual = /[^\n\t\u0020-\u007e\u00a0-\u00ac\u00ae-\u02ff]/

export const hasDeceptiveCharacters = (text: string): boolean => deceptive.test(text)

/** Line ends become LF; control and invisible characters go; no half surrogates are left. */
export function cleanText(text: string): string {
  const lines = text.includes('\r') ? text.replaceAll('\r\n', '\n').replaceAll('\r', '\n') : text
  if (!unusual.test(lines)) return lines
  return lines.toWellFormed().replace(control, '').replace(invisible, '').replace(repeated, '')
}

/** The same on one line, at most `limit` characters. */
export const cleanLine = (text: string, limit: number): string =>
  cut(
    cleanText(text.slice(0, limit * 4))
      .replace(/\s+/gu, ' ')
      .trim(),
    limit,
  )

/** At most `limit` UTF-16 units, never half a character. */
export const cut = (text: string, limit: number): string =>
  text.length <= limit
    ? text
    : text
        .slice(0, limit)
        .toWellFormed()
        .replace(/\ufffd$/, '')
