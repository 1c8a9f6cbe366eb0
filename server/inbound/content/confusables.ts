/**
 * Characters that look like another (after Unicode Technical Standard 39 §4, the rows that letters have been seen to use), and the fold that
 * makes words written with them the words they look like.
 */

/** Each look is followed by what passes for it, all in lower case. */
const looks = `
a аαɑᴀ
b вЬьβʙъƅ
c сϲᴄ
d ԁɗᴅժđ
e еєεᴇҽɛ
f ꜰſẝƒϝ
g ɡցɢԍ
h һհнʜħ
i іιıɪӏɩ
j јϳᴊ
k кκᴋ
l ʟłɫ
m мᴍμ
n ոηпɴռ
o оοօᴏσøᴑ
p рρᴘþ
q ԛգզ
r гᴦʀɾ
s ѕꜱʂ
t тτᴛŧ
u υսᴜʋ
v νѵᴠ
w ԝѡωᴡɯ
x хχ
y уүγʏყ
z ᴢʐ
`

const separator = 0
/** A unit that is not there for the reader: it joins what stands around it. */
export const dropped = 1
export const unfolded = 0xffff

const alike: ReadonlyMap<number, number> = new Map(
  looks
    .trim()
    .split('\n')
    .flatMap((line) => Array.from(line.slice(2).normalize('NFKD'), (look): [number, number] => [look.charCodeAt(0), line.charCodeAt(0)]))
    .filter(([from]) => from > 0x7f),
)

/** What `fold` gives, for the one loop that asks at every character: one entry per UTF-16 unit, `unfolded` until it was asked for. */
export const folds = new Uint16Array(0x10000).fill(unfolded)
const isWordUnit = /[\p{L}\p{N}]/u
const isDropped = /[\p{Mn}\p{Cf}\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0]/u

/**
 * What a UTF-16 unit is for comparing words: its lower case letter as it looks, `dropped`, or 0 where a word ends.
 * The text is normalised before (NFKD), so that full-width letters, mathematical ones and accents are dealt with.
 */
export function fold(unit: number): number {
  const known = folds[unit] ?? separator
  return known === unfolded ? (folds[unit] = foldNewly(unit)) : known
}

function foldNewly(unit: number): number {
  // The second half of a character beyond the first plane, and the first of those that nobody sees (U+E0000 and on).
  if (unit === 0xdb40 || (unit >= 0xdc00 && unit <= 0xdfff)) return dropped
  const text = String.fromCharCode(unit)
  // Accents, and what nobody sees; apostrophes and Markdown's backslashes stand within words.
  if (isDropped.test(text) || text === "'" || text === '’' || text === '\\') return dropped
  if (!isWordUnit.test(text)) return separator
  const lower = text.toLowerCase().charCodeAt(0)
  return alike.get(lower) ?? lower
}

/** Whether the unit passes for a Latin letter without being one. */
export const isLookalike = (unit: number): boolean => unit > 0x17f && alike.has(String.fromCharCode(unit).toLowerCase().charCodeAt(0))

/** Text as `fold` wants it. Compatibility forms can be eighteen times as long, hence the limit. */
export const normalised = (text: string): string => (isAscii(text) ? text : text.normalize('NFKD').slice(0, text.length + maxGrowth))
const maxGrowth = 64 * 1024

const beyondAscii = /[\u0080-\uffff]/
const isAscii = (text: string): boolean => !beyondAscii.test(text)

/** A word or name as it looks. For digits that pass for letters see look-alike.ts. */
export function skeleton(text: string): string {
  let looked = ''
  const normal = normalised(text)
  for (let at = 0; at < normal.length; at++) {
    const unit = fold(normal.charCodeAt(at))
    if (unit !== dropped) looked += unit === separator ? (normal[at] ?? '') : String.fromCharCode(unit)
  }
  return looked
}
