/** Characters that a person does not see, or that make them see something else. */

// Controls (also ESC and the C1 range), formats (bidirectional and zero-width), private use, lone surrogates, unassigned; other line ends; what
// is invisible by default (fillers, variation selectors, tags); every space but the plain one; the blank Braille pattern.
const unseen = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/gu

const codePoint = (character: string): string => `⟨U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`

/** The text with each of them as its code point, and how many there were. @param but those that stay as they are */
export function showUnseen(text: string, but = ''): { text: string; count: number } {
  let count = 0
  const shown = text.replace(unseen, (character) => {
    if (but.includes(character)) return character
    count += 1
    return codePoint(character)
  })
  return { text: shown, count }
}
