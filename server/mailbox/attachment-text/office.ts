/**
 * The text of Office Open XML (ECMA-376) and OpenDocument files: some XML files in a zip.
 *
 * Promise: a bomb costs the time and memory of `mostUnpacked` bytes, whatever sizes it claims; archives in it are not opened; entities that a file
 * declares for itself are not known, so none can grow or fetch anything.
 */
import type { Readable } from 'node:stream'
import { Parser } from 'htmlparser2'
import { type Entry, type ZipFile, fromBuffer } from 'yauzl'
import { type Collector, createCollector } from './collector.ts'
import { type FileText, NotReadable, type TextTask } from './words.ts'

const mostUnpacked = 48 * 1024 * 1024
const mostEntries = 5_000
const mostStrings = 500_000

export async function textOfOffice({ bytes, mostCharacters }: Omit<TextTask, 'kind'>): Promise<FileText> {
  const zip = await opened(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  const entries = await entriesOf(zip)
  if ([...entries.values()].some((entry) => entry.isEncrypted())) throw new NotReadable('ATTACHMENT_ENCRYPTED')
  let left = mostUnpacked
  const read = async (name: string): Promise<string> => {
    const entry = entries.get(name)
    if (entry === undefined) return ''
    const content = await collect(await streamOf(zip, entry), left)
    left -= content.length
    return content.toString('utf8')
  }
  const out = createCollector(mostCharacters)
  const parts = await readParts([...entries.keys()], read, out)
  return { ...out.result(), parts }
}

type Read = (name: string) => Promise<string>

/** @returns how many sheets or slides there are */
async function readParts(names: readonly string[], read: Read, out: Collector): Promise<number | null> {
  if (names.includes('word/document.xml')) {
    for (const name of ['word/document.xml', 'word/footnotes.xml', 'word/endnotes.xml', 'word/comments.xml'])
      if (!out.isFull()) readParagraphs(await read(name), out)
    return null
  }
  if (names.includes('xl/workbook.xml')) {
    const strings = readStrings(await read('xl/sharedStrings.xml'))
    return each(numbered(names, /^xl\/worksheets\/sheet(\d{1,6})\.xml$/), async (name) => readCells(await read(name), strings, out), out)
  }
  if (names.includes('ppt/presentation.xml'))
    return each(numbered(names, /^ppt\/slides\/slide(\d{1,6})\.xml$/), async (name) => readParagraphs(await read(name), out), out)
  if (!names.includes('content.xml')) throw new NotReadable('ATTACHMENT_NO_TEXT')
  if ((await read('META-INF/manifest.xml')).includes('encryption-data')) throw new NotReadable('ATTACHMENT_ENCRYPTED')
  readParagraphs(await read('content.xml'), out)
  return null
}

async function each(names: readonly string[], work: (name: string) => Promise<void>, out: Collector): Promise<number> {
  for (const name of names) {
    if (out.isFull()) break
    await work(name)
    out.add('\n\n')
  }
  return names.length
}

const numbered = (names: readonly string[], pattern: RegExp): string[] =>
  names
    .flatMap((name) => {
      const number = pattern.exec(name)?.[1]
      return number === undefined ? [] : [{ name, number: Number(number) }]
    })
    .toSorted((one, other) => one.number - other.number)
    .map(({ name }) => name)

const local = (name: string): string => name.slice(name.indexOf(':') + 1)

/** In Office text stands in `t`, in OpenDocument anywhere in `p` and `h`; each of them ends a line. */
function readParagraphs(xml: string, out: Collector): void {
  let depth = 0
  walk(xml, {
    open(name) {
      if (name === 't' || name === 'p' || name === 'h') depth += 1
      if (name === 'tab') out.add('\t')
      if (name === 'br' || name === 'line-break') out.add('\n')
      if (name === 's') out.add(' ')
    },
    text(text, inside) {
      if (depth > 0 && (inside === 't' || !text.includes('\n')) && !out.isFull()) out.add(text)
    },
    close(name) {
      if (name === 't' || name === 'p' || name === 'h') depth -= 1
      if (name === 'p' || name === 'h') out.add('\n')
      if (name === 'table-cell' || name === 'tc') out.add('\t')
    },
  })
}

function readStrings(xml: string): string[] {
  const strings: string[] = []
  let text = ''
  walk(xml, {
    open: (name) => void (name === 'si' && (text = '')),
    text: (piece, inside) => void (inside === 't' && (text += piece)),
    close: (name) => void (name === 'si' && strings.length < mostStrings && strings.push(text)),
  })
  return strings
}

function readCells(xml: string, strings: readonly string[], out: Collector): void {
  let isShared = false
  walk(xml, {
    open(name, attributes) {
      if (name === 'c') isShared = attributes['t'] === 's'
    },
    text(text, inside) {
      if (out.isFull()) return
      if (inside === 'v') out.add(isShared ? (strings[Number(text)] ?? '') : text)
      if (inside === 't') out.add(text)
    },
    close(name) {
      if (name === 'c') out.add('\t')
      if (name === 'row') out.add('\n')
    },
  })
}

type Walker = {
  open(name: string, attributes: Record<string, string>): void
  text(text: string, inside: string): void
  close(name: string): void
}

function walk(xml: string, walker: Walker): void {
  const around: string[] = []
  const parser = new Parser(
    {
      onopentag(name, attributes) {
        around.push(local(name))
        walker.open(local(name), attributes)
      },
      ontext: (text) => walker.text(text, around.at(-1) ?? ''),
      onclosetag(name) {
        around.pop()
        walker.close(local(name))
      },
    },
    { xmlMode: true },
  )
  parser.end(xml)
}

const opened = (packed: Buffer): Promise<ZipFile> =>
  new Promise((resolve, reject) => {
    fromBuffer(packed, { lazyEntries: true, validateEntrySizes: true }, (error, zip) => (error === null ? resolve(zip) : reject(error)))
  })

const entriesOf = (zip: ZipFile): Promise<Map<string, Entry>> =>
  new Promise((resolve, reject) => {
    const entries = new Map<string, Entry>()
    zip.on('entry', (entry: Entry) => {
      // The first of a name is the one that is read: two of them are made to be read differently.
      if (!entries.has(entry.fileName)) entries.set(entry.fileName, entry)
      if (entries.size < mostEntries) zip.readEntry()
      else reject(new NotReadable('ATTACHMENT_UNREADABLE'))
    })
    zip.once('end', () => resolve(entries))
    zip.once('error', reject)
    zip.readEntry()
  })

const streamOf = (zip: ZipFile, entry: Entry): Promise<Readable> =>
  new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => (error === null ? resolve(stream) : reject(error)))
  })

async function collect(stream: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limit) throw new NotReadable('ATTACHMENT_UNREADABLE')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, size)
}
