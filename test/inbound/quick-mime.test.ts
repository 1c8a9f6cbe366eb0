import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type PartDecoder, bodyDecoder, originalDecoder } from '../../server/inbound/message/quick-mime.ts'

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, 'latin1'))

/** Lines as they stand in a message, of which they are parts. */
function linesIn(lines: readonly string[]): Uint8Array<ArrayBuffer>[] {
  const { buffer } = bytesOf(`--b\r\n\r\n${lines.map((line) => `${line}\r\n`).join('')}--b--\r\n`)
  let start = '--b\r\n\r\n'.length
  return lines.map(({ length }) => {
    const line = new Uint8Array(buffer, start, length)
    start += length + 2
    return line
  })
}

async function bothWays(encoding: string, lines: readonly string[]): Promise<[ours: string[], its: string[]]> {
  const put = async (decoder: PartDecoder, all: readonly Uint8Array<ArrayBuffer>[]): Promise<string> => {
    for (const line of all) decoder.update(line)
    return Buffer.from(await decoder.finalize()).toString('latin1')
  }
  const its = await put(originalDecoder(encoding), lines.map(bytesOf))
  return [
    [await put(bodyDecoder(encoding), lines.map(bytesOf)), await put(bodyDecoder(encoding), linesIn(lines))],
    [its, its],
  ]
}

const wholeLines = (text: string): string[] => text.match(/.{1,76}/g) ?? []

it.each<[encoding: string, what: string, lines: string[]]>([
  ['base64', 'an attachment', wholeLines(Buffer.alloc(200_000, 'content').toString('base64'))],
  ['base64', 'an attachment of lines of another length', ['QUI', ...wholeLines(Buffer.alloc(200_000, 'content').toString('base64'))]],
  ['base64', 'nothing', []],
  ['base64', 'blank lines', ['', 'QUJD', '', 'REVG', '']],
  ['base64', 'lines of odd length', ['QUJ', 'DREV', 'G']],
  ['base64', 'padding in the middle', ['QUI=', 'Q0Q=']],
  ['base64', 'padding and more behind it', ['QUI=QUJD']],
  ['base64', 'too much padding', ['QUI====']],
  ['base64', 'half a group at the end', ['QUJDR']],
  ['base64', 'the other alphabet', ['QUJD-_-_']],
  ['base64', 'words', ['not base64 at all!']],
  ['base64', 'bytes beyond ASCII', ['QUJD\xe9\xff']],
  ['quoted-printable', 'escapes', ['Gr=C3=BC=c3=9fe', '']],
  ['quoted-printable', 'soft line breaks', ['a=', 'b = c=3D', 'end=']],
  ['quoted-printable', 'what looks like an escape', ['=', '=A', '=G1', '==41', 'x=4', '=4=', '=41=']],
  ['quoted-printable', 'nothing', []],
  ['7bit', 'text', ['Hello.', '', 'Bye.']],
  ['7bit', 'nothing', []],
  ['x-unknown', 'bytes', ['\0\xff']],
])('a part in %s with %s is put together as postal-mime does', async (encoding, _what, lines) => {
  const [ours, its] = await bothWays(encoding, lines)
  expect(ours).toEqual(its)
})

it('any lines in any encoding are put together as postal-mime does', async () => {
  const piece = fc.constantFrom('=', '==', '=3D', '=c3', 'QUJD', 'QQ', 'a', 'F', '/', '+', '-', ' ', '\t', '\xe9', '=4', '\r')
  const line = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''))
  const encodings = fc.constantFrom('base64', 'Base64', 'quoted-printable', '8bit', '')
  await fc.assert(
    fc.asyncProperty(encodings, fc.array(line, { maxLength: 12 }), async (encoding, lines) => {
      const [ours, its] = await bothWays(encoding, lines)
      expect(ours).toEqual(its)
    }),
    { numRuns: 1_000 },
  )
})
