/** The labelled corpus of test/fixtures/corpus, whose README says how it is written. */
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'

const labels = ['honest', 'spam', 'phishing', 'injection'] as const
export type Label = (typeof labels)[number]
export type Half = 'tuning' | 'held-out'
export type CorpusMessage = { name: string; label: Label; technique: string; half: Half; raw: Buffer }

const folder = join(import.meta.dirname, '..', 'fixtures', 'corpus')

export async function readCorpus(): Promise<CorpusMessage[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.txt')).toSorted()
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))
  return texts.flatMap((text) => text.split(/^=== /m).slice(1).map(messageFrom))
}

function messageFrom(entry: string): CorpusMessage {
  const [title = '', ...lines] = entry.trimEnd().split('\n')
  const [name = '', label = '', technique = ''] = title.split(' | ')
  if (!labels.includes(label as Label) || technique === '') throw new Error(`the corpus has a message with a strange title: ${title}`)
  const blank = lines.indexOf('')
  const fields = lines.slice(0, blank).map((line) => encodedField(expand(line)))
  const raw = Buffer.from([...fields, ...common(fields, name), bodyOf(lines.slice(blank + 1))].join('\r\n'), 'latin1')
  return { name, label: label as Label, technique, half: halfOf(name), raw }
}

/** By the name alone, so that a new message changes nothing for the others. */
function halfOf(name: string): Half {
  let hash = 0
  for (const character of name) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) >>> 0
  return (hash >>> 4) % 2 === 0 ? 'tuning' : 'held-out'
}

const common = (fields: readonly string[], name: string): string[] => [
  ...(fields.some((field) => field.startsWith('To:')) ? [] : ['To: ann@ours.test']),
  'Date: Mon, 23 Nov 2026 10:00:00 +0000',
  `Message-ID: <${name}@corpus.example>`,
  'MIME-Version: 1.0',
]

type Part = { type: string; name: string | null; text: string }

/** Ends with the Content-Type field, an empty line and what it describes. Every part is base64, as many senders do. */
function bodyOf(lines: readonly string[]): string {
  const parts: Part[] = [{ type: 'text/plain', name: null, text: '' }]
  for (const line of lines) {
    const [, name, type] = /^--- attach (\S+) (\S+)$/.exec(line) ?? []
    if (line === '--- html') parts.push({ type: 'text/html', name: null, text: '' })
    else if (name !== undefined && type !== undefined) parts.push({ type, name, text: '' })
    else parts[parts.length - 1] = { ...(parts.at(-1) ?? { type: '', name: null }), text: `${parts.at(-1)?.text ?? ''}${line}\n` }
  }
  const used = parts.filter(({ text, name }, at) => name !== null || text.trim() !== '' || (at === 0 && parts.length === 1))
  const texts = used.filter(({ name }) => name === null).map(partText)
  const files = used.filter(({ name }) => name !== null).map(partText)
  const letter = texts.length === 1 ? (texts[0] ?? '') : multipart('alternative', 'alt', texts)
  return files.length === 0 ? letter : multipart('mixed', 'mix', [letter, ...files])
}

const multipart = (kind: string, boundary: string, parts: readonly string[]): string =>
  [
    `Content-Type: multipart/${kind}; boundary=${boundary}`,
    '',
    ...parts.flatMap((part) => [`--${boundary}`, part]),
    `--${boundary}--`,
    '',
  ].join('\r\n')

function partText({ type, name, text }: Part): string {
  const bytes = /^\{\{bytes:([\da-f]+)\}\}\s*$/.exec(text)?.[1]
  const content = bytes === undefined ? Buffer.from(expand(text).replaceAll('\n', '\r\n')) : Buffer.from(bytes, 'hex')
  const disposition = name === null ? [] : [`Content-Disposition: attachment; filename="${name}"`]
  const charset = type.startsWith('text/') ? '; charset=utf-8' : ''
  return [
    `Content-Type: ${type}${charset}`,
    ...disposition,
    'Content-Transfer-Encoding: base64',
    '',
    ...(content.toString('base64').match(/.{1,76}/g) ?? []),
  ].join('\r\n')
}

/** RFC 2047: the name of an author, or a whole subject. */
function encodedField(field: string): string {
  if (!/[^\u0020-\u007e]/.test(field)) return field
  const [, name = '', value = '', rest = ''] = /^([\w-]+: )(.*?)((?: <[^>]*>)?)$/.exec(field) ?? []
  return `${name}=?utf-8?b?${Buffer.from(value.replaceAll('"', '')).toString('base64')}?=${rest}`
}

const cyrillic = new Map(Object.entries({ a: 'а', c: 'с', e: 'е', i: 'і', o: 'о', p: 'р', s: 'ѕ', x: 'х', y: 'у', A: 'А', I: 'І', M: 'М' }))
const replaced = (text: string, by: (character: string) => string): string => Array.from(text, by).join('')
const shifted = (character: string): string => {
  const base = /[a-z]/.test(character) ? 97 : /[A-Z]/.test(character) ? 65 : 0
  return base === 0 ? character : String.fromCharCode(((character.charCodeAt(0) - base + 13) % 26) + base)
}
const selectorOf = (byte: number): string => String.fromCodePoint(byte < 16 ? 0xfe00 + byte : 0xe0100 + byte - 16)

const macros: Record<string, (text: string, argument: string) => string> = {
  base64: (text) => Buffer.from(text).toString('base64'),
  hex: (text) => Buffer.from(text).toString('hex'),
  percent: (text) => Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  rot13: (text) => replaced(text, shifted),
  backwards: (text) => Array.from(text).toReversed().join(''),
  tags: (text) => replaced(text, (character) => String.fromCodePoint(0xe0000 + character.charCodeAt(0))),
  selectors: (text) => Array.from(Buffer.from(text), selectorOf).join(''),
  bits: (text) =>
    Array.from(Buffer.from(text), (byte) => replaced(byte.toString(2).padStart(8, '0'), (bit) => (bit === '1' ? '\u200c' : '\u200b'))).join(
      '',
    ),
  cyrillic: (text) => replaced(text, (character) => cyrillic.get(character) ?? character),
  wide: (text) =>
    replaced(text, (character) => (/[!-~]/.test(character) ? String.fromCharCode(character.charCodeAt(0) + 0xfee0) : character)),
  repeat: (text, argument) => text.repeat(Number(argument)),
}

const expand = (text: string): string =>
  text
    .replace(/\{\{(\w+)(?: (\d+))?:([^}]*)\}\}/g, (whole, name: string, argument: string | undefined, inner: string) => {
      const macro = macros[name]
      if (macro === undefined) throw new Error(`the corpus has no ${whole}`)
      return macro(inner, argument ?? '')
    })
    .replace(/\\u\{([\da-f]+)\}/gi, (_whole, point: string) => String.fromCodePoint(Number.parseInt(point, 16)))
