/** What a log says of itself, signed: so many entries, with this root (c2sp.org/tlog-checkpoint). Pure. */
import { type NoteKey, type NoteSigner, fromBase64, openNote, signNote } from './note.ts'

/** `origin`: which log. `size`: its entries. `root`: the hash of their tree (RFC 9162 §2.1.1), lower-case hex. */
export type Checkpoint = { origin: string; size: number; root: string }

/** The origin is the name of the key. */
export const signCheckpoint = ({ size, root }: Omit<Checkpoint, 'origin'>, key: NoteSigner): string =>
  signNote(`${key.name}\n${size}\n${Buffer.from(root, 'hex').toString('base64')}\n`, key)

/** What a checkpoint says when this key has signed it, in its own name; null otherwise. */
export function openCheckpoint(note: string, key: NoteKey): Checkpoint | null {
  const text = openNote(note, key)
  const checkpoint = text === null ? null : parseText(text)
  return checkpoint?.origin === key.name ? checkpoint : null
}

function parseText(text: string): Checkpoint | null {
  const [origin = '', size = '', coded = '', ...more] = text.slice(0, -1).split('\n')
  const root = fromBase64(coded)
  // Lines behind these say things that nobody can check; they are not read, but none is empty.
  if (origin === '' || !/^(0|[1-9]\d{0,15})$/.test(size) || root?.length !== 32 || more.includes('')) return null
  return Number.isSafeInteger(Number(size)) ? { origin, size: Number(size), root: root.toString('hex') } : null
}

/** The checkpoint in a text that has other words around it, as a letter has; null when there is none. It says nothing until a key opens it. */
export function findCheckpoint(text: string): string | null {
  const lines = text.replaceAll('\r\n', '\n').split('\n')
  const at = lines.findIndex((_line, index) => isHead(lines.slice(index, index + 5)))
  if (at < 0) return null
  const signatures = lines.slice(at + 4)
  const count = signatures.findIndex((line) => !line.startsWith('— '))
  return [...lines.slice(at, at + 4), ...signatures.slice(0, count < 0 ? signatures.length : count), ''].join('\n')
}

const isHead = ([origin = '', size = '', root = '', blank, signature = '']: string[]): boolean =>
  origin !== '' && /^\d+$/.test(size) && /^[\w+/]{43}=$/.test(root) && blank === '' && signature.startsWith('— ')
