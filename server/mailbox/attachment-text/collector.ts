/** Text that is put together up to a limit; who writes asks `isFull` and stops. */
export type Collector = { add(text: string): void; isFull(): boolean; result(): { text: string; isCut: boolean } }

export function createCollector(mostCharacters: number): Collector {
  const pieces: string[] = []
  let length = 0
  let isCut = false
  return {
    add(text) {
      const room = mostCharacters - length
      if (text.length > room) isCut = true
      const piece = text.slice(0, room)
      if (piece === '') return
      pieces.push(piece)
      length += piece.length
    },
    isFull: () => isCut,
    // NUL and the like are for terminals; half a character at the cut is none.
    result: () => ({
      text: pieces
        .join('')
        .toWellFormed()
        .replace(/[^\P{Cc}\t\n]/gu, '')
        .replace(/(?<![ \t])[ \t]+\n/g, '\n')
        .replace(/\n{3,}/g, '\n\n')
        .trim(),
      isCut,
    }),
  }
}
