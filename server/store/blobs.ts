import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Kysely, Transaction } from 'kysely'
import { sha256 } from '../model/canonical.ts'
import type { Database } from './schema.ts'

/** Up to here a content lives in its database row; above it is a file, so that the database stays small enough to copy and to cache. */
export const largestRowBytes = 65_536

/** `bytes` is null when the content is already a file. */
export type StagedBlob = { hash: string; size: number; bytes: Buffer | null }

/** Contents by their SHA-256. A content is staged first (a large one is on disk, durably, from then on) and put in the transaction that needs it;
 *  a crash between the two leaves a file that no row names, never a row without its file. */
export type Blobs = {
  /** Outside any transaction. Throws when the disk cannot take it. */
  stage(bytes: Buffer): Promise<StagedBlob>
  /** Inside the transaction. The same content twice is one row. @param now epoch ms */
  put(tx: Transaction<Database>, blob: StagedBlob, now: number): Promise<void>
  /** Null when no row has this hash. Throws when a file that should be there is missing or has another size. */
  read(db: Kysely<Database>, hash: string): Promise<Buffer | null>
}

export function createBlobs(dataDir: string): Blobs {
  const root = join(dataDir, 'blobs')
  return {
    async stage(bytes) {
      const hash = sha256(bytes)
      if (bytes.length <= largestRowBytes) return { hash, size: bytes.length, bytes }
      await writeOnce(root, hash, bytes)
      return { hash, size: bytes.length, bytes: null }
    },
    async put(tx, blob, now) {
      await tx
        .insertInto('blobs')
        .values({ hash: blob.hash, size: blob.size, bytes: blob.bytes, created_at: now })
        .onConflict((conflict) => conflict.column('hash').doNothing())
        .execute()
    },
    async read(db, hash) {
      const row = await db.selectFrom('blobs').select(['size', 'bytes']).where('hash', '=', hash).executeTakeFirst()
      if (row === undefined) return null
      const bytes = row.bytes === null ? await readFile(pathOf(root, hash)) : asBuffer(row.bytes)
      if (bytes.length !== row.size) throw new Error(`blob ${hash} has ${bytes.length} bytes instead of ${row.size}`)
      return bytes
    },
  }
}

/** Removes what a crash left half written; run before anything is staged. */
export async function removeUnfinishedBlobs(dataDir: string): Promise<void> {
  await rm(join(dataDir, 'blobs', 'unfinished'), { recursive: true, force: true })
}

const pathOf = (root: string, hash: string): string => join(root, hash.slice(0, 2), hash.slice(2, 4), hash)
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** The file is complete and durable under its name when this returns: written apart, fsynced, renamed, its directory fsynced.
 *  Two writers of one content both rename a complete file of the same bytes, so it does not matter who is last. */
async function writeOnce(root: string, hash: string, bytes: Buffer): Promise<void> {
  const path = pathOf(root, hash)
  const present = await stat(path).catch(() => null)
  if (present?.size === bytes.length) return syncDirectory(dirname(path))
  const unfinished = join(root, 'unfinished', `${hash}.${randomUUID()}`)
  await makeDirectory(dirname(path))
  await makeDirectory(dirname(unfinished))
  try {
    await writeDurably(unfinished, bytes)
    await rename(unfinished, path)
  } catch (error) {
    await rm(unfinished, { force: true })
    throw error
  }
  await syncDirectory(dirname(path))
}

async function writeDurably(path: string, bytes: Buffer): Promise<void> {
  await using file = await open(path, 'wx', 0o600)
  await file.writeFile(bytes)
  await file.sync()
}

/** A new directory is durable when the one that names it has been synced, up to the first that was there before. */
async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncDirectory(dirname(made))
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r')
  await directory.sync()
}
