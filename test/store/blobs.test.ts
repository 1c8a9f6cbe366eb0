import { chmod, readFile, readdir, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { sha256 } from '../../server/model/canonical.ts'
import { createBlobs, largestRowBytes, removeUnfinishedBlobs } from '../../server/store/blobs.ts'
import type { Store } from '../../server/store/db.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { now } from './rows.ts'

const content = (size: number, seed = 'mail'): Buffer => Buffer.alloc(size, seed)
const large = content(largestRowBytes + 1)
const fileOf = (dataDir: string, bytes: Buffer): string => {
  const hash = sha256(bytes)
  return join(dataDir, 'blobs', hash.slice(0, 2), hash.slice(2, 4), hash)
}
const filesIn = async (dataDir: string): Promise<string[]> => {
  const entries = await readdir(join(dataDir, 'blobs'), { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter((one) => one.isFile()).map((one) => one.name)
}

async function keep(store: Store, bytes: Buffer): Promise<string> {
  const staged = await store.blobs.stage(bytes)
  await store.transaction((tx) => store.blobs.put(tx, staged, now))
  return staged.hash
}

describeOnEachEngine('the blob store', (open, { newPlace }) => {
  it.each([0, 1, largestRowBytes, largestRowBytes + 1, 2_000_000])('gives back %i bytes as they were', async (size) => {
    const store = await open()
    const bytes = content(size)
    const hash = await keep(store, bytes)
    expect(hash).toBe(sha256(bytes))
    expect((await store.blobs.read(store.db, hash))?.equals(bytes)).toBe(true)
  })

  it('keeps up to 65,536 bytes in the row and more in a file of that name', async () => {
    const place = await newPlace()
    const store = await open(place)
    await keep(store, content(65_536))
    expect(await filesIn(place.dataDir)).toEqual([])
    await keep(store, content(65_537))
    expect(await filesIn(place.dataDir)).toEqual([sha256(content(65_537))])
    expect(await readFile(fileOf(place.dataDir, content(65_537)))).toEqual(content(65_537))
    const rows = await store.db.selectFrom('blobs').select(['size', 'bytes']).orderBy('size').execute()
    expect(rows.map((row) => [row.size, row.bytes === null])).toEqual([
      [65_536, false],
      [65_537, true],
    ])
  })

  it('has a large content on disk, complete, once it is staged, and no half-written file besides', async () => {
    const place = await newPlace()
    const store = await open(place)
    const staged = await store.blobs.stage(large)
    expect(staged).toEqual({ hash: sha256(large), size: large.length, bytes: null })
    expect(await filesIn(place.dataDir)).toEqual([staged.hash])
    expect((await stat(fileOf(place.dataDir, large))).mode & 0o777).toBe(0o600)
  })

  it('takes the same content any number of times, also at the same moment', async () => {
    const place = await newPlace()
    const store = await open(place)
    const small = content(10)
    await Promise.all([...Array.from({ length: 10 }, () => keep(store, large)), ...Array.from({ length: 10 }, () => keep(store, small))])
    await keep(store, large)
    expect(await filesIn(place.dataDir)).toEqual([sha256(large)])
    expect((await store.db.selectFrom('blobs').select('size').orderBy('size').execute()).map((row) => row.size)).toEqual([10, large.length])
  })

  it('knows nothing of a hash that no row has, though a file may be there', async () => {
    const store = await open()
    const staged = await store.blobs.stage(large)
    expect(await store.blobs.read(store.db, staged.hash)).toBeNull()
  })

  it('replaces a file that a crash of the host left too short', async () => {
    const place = await newPlace()
    const store = await open(place)
    const hash = await keep(store, large)
    await truncate(fileOf(place.dataDir, large), 100)
    await expect(store.blobs.read(store.db, hash)).rejects.toThrow(/100 bytes instead of 65537/)
    await keep(store, large)
    expect(await store.blobs.read(store.db, hash)).toEqual(large)
  })

  it('says so when a file that a row names is gone', async () => {
    const place = await newPlace()
    const store = await open(place)
    const hash = await keep(store, large)
    await rm(fileOf(place.dataDir, large))
    await expect(store.blobs.read(store.db, hash)).rejects.toThrow('ENOENT')
  })

  it('says so when the disk does not take a file, and takes it later', async () => {
    const place = await newPlace()
    const store = await open(place)
    // In the place of the folder stands a file: nobody, root included, can write below it.
    await writeFile(join(place.dataDir, 'blobs'), '')
    await expect(store.blobs.stage(large)).rejects.toThrow(/EEXIST|ENOTDIR/)
    await rm(join(place.dataDir, 'blobs'))
    expect((await store.blobs.stage(large)).size).toBe(large.length)
  })

  it('sweeps away what a crash left half written, but not what another process may be writing', async () => {
    const { dataDir } = await newPlace()
    const blobs = createBlobs(dataDir)
    await blobs.stage(large)
    const folder = join(dataDir, 'blobs', 'unfinished')
    await writeFile(join(folder, 'old'), 'half')
    await utimes(join(folder, 'old'), 0, (now - 3_600_001) / 1000)
    await writeFile(join(folder, 'young'), 'half')
    await utimes(join(folder, 'young'), 0, (now - 60_000) / 1000)
    await removeUnfinishedBlobs(dataDir, now)
    expect((await filesIn(dataDir)).toSorted()).toEqual([sha256(large), 'young'].toSorted())
  })

  it('is for its own user only', async () => {
    const place = await newPlace()
    await chmod(place.dataDir, 0o755)
    const store = await open(place)
    await keep(store, large)
    expect((await stat(join(place.dataDir, 'blobs'))).mode & 0o777).toBe(0o700)
  })
})
