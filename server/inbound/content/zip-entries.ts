/** The list of what is in a zip archive (APPNOTE 6.3.10 §4.3.12), without unpacking anything. */

export type ZipEntry = { name: string; isEncrypted: boolean }

const maxEntries = 200
const maxName = 300
const localHeader = 0x04034b50
const centralHeader = 0x02014b50
const endOfList = 0x06054b50
/** The end record and the longest comment behind it. */
const maxTail = 22 + 65_535

/** The first 200 entries; [] when it is no zip, or one whose list is not where it should be. */
export function entriesOf(content: Uint8Array): ZipEntry[] {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  if (bytes.length < 30 || bytes.readUInt32LE(0) !== localHeader) return []
  const first = entryAt(bytes, 0, { flags: 6, nameLength: 26, name: 30 })
  const listed = listedEntries(bytes)
  return listed.length > 0 ? listed : first === null ? [] : [first]
}

function listedEntries(bytes: Buffer): ZipEntry[] {
  const end = lastRecord(bytes)
  if (end < 0) return []
  const entries: ZipEntry[] = []
  let at = bytes.readUInt32LE(end + 16)
  while (entries.length < maxEntries && at + 46 <= bytes.length && bytes.readUInt32LE(at) === centralHeader) {
    const entry = entryAt(bytes, at, { flags: 8, nameLength: 28, name: 46 })
    if (entry !== null) entries.push(entry)
    at += 46 + bytes.readUInt16LE(at + 28) + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32)
  }
  return entries
}

function lastRecord(bytes: Buffer): number {
  const from = Math.max(0, bytes.length - maxTail)
  const signature = Buffer.alloc(4)
  signature.writeUInt32LE(endOfList)
  const at = bytes.subarray(from).lastIndexOf(signature)
  return at < 0 || from + at + 22 > bytes.length ? -1 : from + at
}

function entryAt(bytes: Buffer, at: number, field: { flags: number; nameLength: number; name: number }): ZipEntry | null {
  if (at + field.name > bytes.length) return null
  const length = Math.min(maxName, bytes.readUInt16LE(at + field.nameLength))
  return {
    name: bytes.subarray(at + field.name, at + field.name + length).toString('utf8'),
    isEncrypted: (bytes.readUInt16LE(at + field.flags) & 1) === 1,
  }
}
