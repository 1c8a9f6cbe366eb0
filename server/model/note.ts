/**
 * Signed notes (c2sp.org/signed-note): a text, an empty line, and a line for each signature; here with Ed25519 alone. Keys are written as everybody who reads
 * notes writes them, `name+id+key` (golang.org/x/mod/sumdb/note), so other programs can check ours. Pure.
 */
import { type KeyObject, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { sha256 } from './canonical.ts'

/** Who may have signed. `id`: 8 hexadecimal digits, of the name and the key. */
export type NoteKey = { name: string; id: string; publicKey: KeyObject }
export type NoteSigner = NoteKey & { privateKey: KeyObject }

/** The one kind of signature: Ed25519 over the text. */
const ed25519 = 1
const keyOctets = 32
const signatureOctets = 64
/** What stands before the 32 octets of a key in its DER form (RFC 8410 §4, §7). */
const publicForm = Buffer.from('302a300506032b6570032100', 'hex')
const privateForm = Buffer.from('302e020100300506032b657004220420', 'hex')

/** A reader accepts 16 signatures or more, some of 5 kB (signed-note, "Format"). */
const longestNote = 128 * 1024
const mostSignatures = 64

/** Not empty, without spaces and plus signs. */
export const isKeyName = (name: string): boolean => name !== '' && !/[\s\p{Z}\p{C}+]/u.test(name)

/** `name+id+key`; null when that is no key, of another kind, or its id is not its own. */
export function parseVerifierKey(text: string): NoteKey | null {
  const [name = '', id = '', coded = '', ...more] = text.length > longestNote ? [] : splitKey(text)
  const raw = keyOf(coded)
  if (more.length > 0 || raw === null || !isKeyName(name)) return null
  const key = { name, id: idOf(name, raw), publicKey: publicKeyOf(raw) }
  return key.id === id ? key : null
}

/** The name holds no plus sign, what is coded may. */
function splitKey(text: string): string[] {
  const [name = '', id = '', ...coded] = text.split('+')
  return [name, id, coded.join('+')]
}

export const verifierKeyText = ({ name, id, publicKey }: NoteKey): string => `${name}+${id}+${codedKey(rawOf(publicKey))}`

/** A new key in the form in which it is kept: it can sign, so it is a secret. @param seed 32 random octets */
export function newSignerKey(name: string, seed: Buffer): string {
  if (!isKeyName(name) || seed.length !== keyOctets) throw new Error('no name or no seed for a signing key')
  return `${secretMark}${name}+${idOf(name, rawOf(createPublicKey(privateKeyOf(seed))))}+${codedKey(seed)}`
}

const secretMark = 'PRIVATE+KEY+'

/** What `newSignerKey` made; throws for anything else. */
export function parseSignerKey(text: string): NoteSigner {
  const [name = '', id = '', coded = ''] = splitKey(text.startsWith(secretMark) ? text.slice(secretMark.length) : '')
  const seed = keyOf(coded)
  if (seed === null) throw new Error('this is no signing key')
  const privateKey = privateKeyOf(seed)
  const publicKey = createPublicKey(privateKey)
  if (!isKeyName(name) || idOf(name, rawOf(publicKey)) !== id) throw new Error('this is no signing key')
  return { name, id, publicKey, privateKey }
}

const codedKey = (raw: Buffer): string => Buffer.concat([Uint8Array.of(ed25519), raw]).toString('base64')

function keyOf(coded: string): Buffer | null {
  const octets = fromBase64(coded)
  return octets?.length === 1 + keyOctets && octets[0] === ed25519 ? octets.subarray(1) : null
}

const idOf = (name: string, raw: Buffer): string => sha256(name, '\n', Uint8Array.of(ed25519), raw).slice(0, 8)
const publicKeyOf = (raw: Buffer): KeyObject => createPublicKey({ key: Buffer.concat([publicForm, raw]), format: 'der', type: 'spki' })
const privateKeyOf = (seed: Buffer): KeyObject =>
  createPrivateKey({ key: Buffer.concat([privateForm, seed]), format: 'der', type: 'pkcs8' })
const rawOf = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' }).subarray(publicForm.length)

/** @param text ends with a line end */
export function signNote(text: string, { name, id, privateKey }: NoteSigner): string {
  if (!isText(text)) throw new Error('this text cannot be signed as a note')
  const signature = Buffer.concat([Buffer.from(id, 'hex'), sign(null, Buffer.from(text), privateKey)])
  return `${text}\n— ${name} ${signature.toString('base64')}\n`
}

/** The text of a note when this key has signed it; null when it has not, when a signature in its name is wrong, and for what is no note. Signatures of others
 *  are passed over. */
export function openNote(note: string, key: NoteKey): string | null {
  const end = note.length > longestNote ? -1 : note.lastIndexOf('\n\n')
  const text = note.slice(0, end + 1)
  if (end < 0 || !isText(text)) return null
  const lines = note.slice(end + 2).split('\n')
  if (lines.pop() !== '' || lines.length === 0 || lines.length > mostSignatures) return null
  const signatures = lines.map(signatureOf)
  if (signatures.includes(null)) return null
  const own = signatures.filter((one) => one?.name === key.name && one.id === key.id)
  return own.length > 0 && own.every((one) => one !== null && isSigned(text, one.signature, key)) ? text : null
}

const isSigned = (text: string, signature: Buffer, { publicKey }: NoteKey): boolean =>
  signature.length === signatureOctets && verify(null, Buffer.from(text), publicKey, signature)

function signatureOf(line: string): { name: string; id: string; signature: Buffer } | null {
  const [dash, name = '', coded = '', ...more] = line.split(' ')
  const octets = fromBase64(coded)
  if (dash !== '—' || more.length > 0 || !isKeyName(name) || octets === null || octets.length < 5) return null
  return { name, id: octets.toString('hex', 0, 4), signature: octets.subarray(4) }
}

// oxlint-disable-next-line no-control-regex -- they are what is looked for
const isText = (text: string): boolean => text.endsWith('\n') && text.isWellFormed() && !/[\0-\x09\x0b-\x1f]/.test(text)

/** RFC 4648 §4, as it is written and no other way; null for anything else. */
export function fromBase64(text: string): Buffer | null {
  const octets = Buffer.from(text, 'base64')
  return octets.toString('base64') === text ? octets : null
}
