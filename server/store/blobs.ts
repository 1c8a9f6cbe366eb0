import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { type Kysely, type Transaction, sql } from 'kysely'
import { sha256 } from '../model/canonical.ts'
import { prepare, prepareChange } from './prepared.ts'
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
  /** Inside the transaction. The same content twice is one row. Throws when its file was removed meanwhile, so stage it again. @param now epoch ms */
  put(tx: Transaction<Database>, blob: StagedBlob, now: number): Promise<void>
  /** Null when no row has this hash. Throws when a file that should be there is missing or has another size. */
  read(db: Kysely<Database>, hash: string): Promise<Buffer | null>
  /** To pass it on: the bytes when they are in the row, else a stream of the file, of which little is in memory at any time. Like `read` otherwise;
   *  whoever does not read the stream to its end destroys it. */
  open(db: Kysely<Database>, hash: string): Promise<OpenBlob | null>
  /** The first bytes, or all there are. Null when no row has this hash. */
  head(db: Kysely<Database>, hash: string, bytes: number): Promise<Buffer | null>
  /** Inside the transaction that has deleted its row. */
  removeFile(hash: string): Promise<void>
}
export type OpenBlob = { size: number; content: Buffer | Readable }

export function createBlobs(dataDir: string): Blobs {
  const root = join(dataDir, 'blobs')
  const makeDirectory = durableDirectories(dataDir)
  return {
    async stage(bytes) {
      const hash = sha256(bytes)
      if (bytes.length <= largestRowBytes) return { hash, size: bytes.length, bytes }
      await writeOnce(root, hash, bytes, makeDirectory)
      return { hash, size: bytes.length, bytes: null }
    },
    async put(tx, blob, now) {
      if (blob.bytes !== null) return insertBlob(tx, { ...blob, created_at: now })
      await holdFileBlob(tx, { ...blob, created_at: now })
      if ((await stat(pathOf(root, blob.hash)).catch(() => null)) === null)
        throw new Error(`blob ${blob.hash} was removed since it was staged`)
    },
    async read(db, hash) {
      const [row] = await contentOf(db, { hash })
      if (row === undefined) return null
      const bytes = row.bytes === null ? await readFile(pathOf(root, hash)) : asBuffer(row.bytes)
      if (bytes.length !== row.size) throw new Error(`blob ${hash} has ${bytes.length} bytes instead of ${row.size}`)
      return bytes
    },
    async open(db, hash) {
      const [row] = await contentOf(db, { hash })
      if (row === undefined) return null
      return { size: row.size, content: row.bytes === null ? await openFile(pathOf(root, hash), row.size) : asBuffer(row.bytes) }
    },
    async head(db, hash, bytes) {
      const row = await db
        .selectFrom('blobs')
        .select(['size', sql<Uint8Array | null>`substr(bytes, 1, ${sql.lit(bytes)})`.as('head')])
        .where('hash', '=', hash)
        .executeTakeFirst()
      if (row === undefined) return null
      return row.head === null ? readStart(pathOf(root, hash), Math.min(bytes, row.size)) : asBuffer(row.head)
    },
    removeFile: (hash) => rm(pathOf(root, hash), { force: true }),
  }
}

async function openFile(path: string, size: number): Promise<Readable> {
  const file = await open(path, 'r')
  const found = await file.stat()
  if (found.size === size) return file.createReadStream({ highWaterMark: 64 * 1024 })
  await file.close()
  throw new Error(`blob ${basename(path)} has ${found.size} bytes instead of ${size}`)
}

async function readStart(path: string, length: number): Promise<Buffer> {
  await using file = await open(path, 'r')
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0)
  return buffer.subarray(0, bytesRead)
}

const contentOf = prepare((db, { hash }: { hash: string }) => db.selectFrom('blobs').select(['size', 'bytes']).where('hash', '=', hash))

/** For what is no file: of at most `largestRowBytes`. */
export const insertBlob = prepareChange((db, { hash, size, bytes, created_at }: StagedBlob & { created_at: number }) =>
  db
    .insertInto('blobs')
    .values({ hash, size, bytes, created_at })
    .onConflict((conflict) => conflict.column('hash').doNothing()),
)

/** The row of a file, locked also when it was there: who removes a file has deleted its row before, and either of the two waits for the other. */
const holdFileBlob = prepareChange((db, { hash, size, created_at }: Omit<StagedBlob, 'bytes'> & { created_at: number }) =>
  db
    .insertInto('blobs')
    .values({ hash, size, bytes: null, created_at })
    .onConflict((conflict) => conflict.column('hash').doUpdateSet((row) => ({ created_at: row.ref('blobs.created_at') }))),
)

/** The first bytes of a content in its row; null when it is a file, or none. */
export async function readHead(db: Kysely<Database>, hash: string, bytes: number): Promise<Buffer | null> {
  const head = sql<Uint8Array | null>`substr(bytes, 1, ${sql.lit(bytes)})`.as('head')
  const row = await db.selectFrom('blobs').select(head).where('hash', '=', hash).executeTakeFirst()
  return row === undefined || row.head === null ? null : asBuffer(row.head)
}

// No write takes this long; a younger file may belong to another process on the same folder, such as a command of the operator.
const abandonedMs = 3_600_000

/** Removes what crashes left half written. @param now epoch ms */
export async function removeUnfinishedBlobs(dataDir: string, now: number): Promise<void> {
  const folder = join(dataDir, 'blobs', unfinishedFolder)
  const names = await readdir(folder).catch(() => [])
  for (const path of names.map((name) => join(folder, name))) {
    const found = await stat(path).catch(() => null)
    if (found !== null && now - found.mtimeMs > abandonedMs) await rm(path, { force: true })
  }
}

const unfinishedFolder = 'unfinished'
const pathOf = (root: string, hash: string): string => join(root, hash.slice(0, 2), hash.slice(2, 4), hash)
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** The file is complete and durable under its name when this returns: written apart, fsynced, renamed, its directory fsynced.
 *  Two writers of one content both rename a complete file of the same bytes, so it does not matter who is last. */
async function writeOnce(root: string, hash: string, bytes: Buffer, makeDirectory: MakeDirectory): Promise<void> {
  const path = pathOf(root, hash)
  const present = await stat(path).catch(() => null)
  if (present?.size !== bytes.length) await writeAndRename(join(root, unfinishedFolder), path, bytes, makeDirectory)
  // Also when the file was there: its writer may not have come this far.
  await syncDirectory(dirname(path))
}

async function writeAndRename(folder: string, path: string, bytes: Buffer, makeDirectory: MakeDirectory): Promise<void> {
  const unfinished = join(folder, `${basename(path)}.${randomUUID()}`)
  await makeDirectory(folder)
  await makeDirectory(dirname(path))
  try {
    await writeDurably(unfinished, bytes)
    await rename(unfinished, path)
  } catch (error) {
    await rm(unfinished, { force: true })
    throw error
  }
}

async function writeDurably(path: string, bytes: Buffer): Promise<void> {
  await using file = await open(path, 'wx', 0o600)
  await file.writeFile(bytes)
  await file.sync()
}

type MakeDirectory = (path: string) => Promise<void>

/** Makes directories below `base` durably: each is named by its parent, so the parent is synced. Done once for each and process, and also
 *  for those that are there already: whoever made them may have crashed, or be waiting, before syncing. */
function durableDirectories(base: string): MakeDirectory {
  const made = new Map<string, Promise<void>>()
  const make = async (path: string): Promise<void> => {
    if (path === base) return
    await once(dirname(path))
    await mkdir(path, { recursive: true, mode: 0o700 })
    await syncDirectory(dirname(path))
  }
  const once = (path: string): Promise<void> => {
    const known = made.get(path)
    if (known !== undefined) return known
    const making = make(path)
    made.set(path, making)
    making.catch(() => made.delete(path))
    return making
  }
  return once
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r')
  await directory.sync()
}
