/**
 * The file inside of what a report came in: gzip (RFC 1952), zip, or nothing around it.
 *
 * Promise: whoever sends a bomb costs us the time to unpack `maxUnpacked` octets and the memory to hold them, no more. Sizes that an archive
 * claims are checked while it is read; an archive with several files, or in another archive, is not opened.
 */
import { gunzipSync } from 'node:zlib'
import { type Entry, type ZipFile, fromBuffer } from 'yauzl'
import type { Readable } from 'node:stream'

/** Reports are text about numbers; a year of mail of a large sender stays below. */
export const maxUnpacked = 25 * 1024 * 1024
/** Real reports shrink to a tenth, long ones to a fortieth; what deflate can do ends at 1032. */
const maxRatio = 100
const mayAlwaysBe = 256 * 1024

/** Null for what is damaged, too large, or not of these. Never throws. */
export async function unpack(content: Uint8Array): Promise<Buffer | null> {
  const packed = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  if (packed.length > maxUnpacked) return null
  try {
    if (isGzip(packed)) return plain(gunzipSync(packed, { maxOutputLength: limitFor(packed.length) }))
    return plain(isZip(packed) ? await unzip(packed) : packed)
  } catch {
    return null
  }
}

const isGzip = (bytes: Buffer): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b
const isZip = (bytes: Buffer): boolean => bytes[0] === 0x50 && bytes[1] === 0x4b
const plain = (bytes: Buffer | null): Buffer | null => (bytes === null || isGzip(bytes) || isZip(bytes) ? null : bytes)
const limitFor = (packed: number): number => Math.min(maxUnpacked, Math.max(mayAlwaysBe, packed * maxRatio))

async function unzip(packed: Buffer): Promise<Buffer | null> {
  const zip = await opened(packed)
  const entry = zip.entryCount === 1 ? await onlyEntry(zip) : null
  if (entry === null || entry.isEncrypted() || entry.uncompressedSize > limitFor(packed.length)) return null
  return collect(await contentOf(zip, entry), limitFor(packed.length))
}

const opened = (packed: Buffer): Promise<ZipFile> =>
  new Promise((resolve, reject) => {
    // The size that the archive claims is also a limit: a stream that goes beyond it is broken off.
    fromBuffer(packed, { lazyEntries: true, validateEntrySizes: true }, (error, zip) => (error === null ? resolve(zip) : reject(error)))
  })

const onlyEntry = (zip: ZipFile): Promise<Entry> =>
  new Promise((resolve, reject) => {
    zip.once('entry', resolve)
    zip.once('error', reject)
    zip.readEntry()
  })

const contentOf = (zip: ZipFile, entry: Entry): Promise<Readable> =>
  new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => (error === null ? resolve(stream) : reject(error)))
  })

async function collect(stream: Readable, limit: number): Promise<Buffer | null> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limit) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, size)
}
