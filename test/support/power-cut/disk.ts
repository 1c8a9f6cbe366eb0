/**
 * A data folder on a disk that forgets: what a process wrote and did not ask to be kept is lost when the power goes (`disk.c` says how it knows).
 * SIGKILL alone cannot show that, because the kernel still writes out everything a dead process has written.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { skipBecause } from '../skip.ts'

/** What else a disk may have written on its own before the power went. */
export type Luck = {
  /** 'synced': names as of the last fsync of their directory. 'latest': every name, also of a file whose content never came. */
  names: 'synced' | 'latest'
  /** how likely a block that was written and not synced is there all the same: 0 to 1 */
  blocks: number
}

export type ForgetfulDisk = {
  /** for the process that is to run on it */
  env: Record<string, string>
  /** What is in the folder now is on the disk. */
  settle(): void
  /** The folder becomes what a disk with this luck has of it. No process may be using it. */
  cutPower(luck: Luck, random: () => number): void
}

const source = join(import.meta.dirname, 'disk.c')
const block = 4096

/** For `describe.skipIf`. */
export const noCompiler = (): boolean =>
  process.platform !== 'linux' || !['/usr/bin/cc', '/usr/bin/gcc'].some(existsSync)
    ? skipBecause('missing gcc; on Debian: apt-get install --no-install-recommends gcc libc6-dev')
    : false

/** @param root the data folder, @param place a folder for what the disk keeps */
export function createForgetfulDisk(root: string, place: string): ForgetfulDisk {
  const library = join(place, 'disk.so')
  const kept = join(place, 'disk')
  execFileSync('cc', ['-O2', '-shared', '-fPIC', '-o', library, source, '-ldl'])
  return {
    env: { LD_PRELOAD: library, POWER_CUT_ROOT: root, POWER_CUT_DISK: kept },
    settle() {
      rmSync(kept, { recursive: true, force: true })
      for (const kind of ['files', 'names']) mkdirSync(join(kept, kind), { recursive: true })
      for (const folder of foldersOf(root, '')) settleFolder(root, kept, folder)
    },
    cutPower(luck, random) {
      const found = remember(root, kept, luck, random)
      rmSync(root, { recursive: true })
      mkdirSync(root, { mode: 0o700 })
      for (const one of found) {
        if (one.content === null) mkdirSync(join(root, one.path), { recursive: true, mode: 0o700 })
        else writeFileSync(join(root, one.path), one.content)
      }
    },
  }
}

type Entry = { inode: string; isFolder: boolean; name: string }

function entriesNow(folder: string): Entry[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true }).map((entry) => ({
    inode: String(statSync(join(folder, entry.name), { bigint: true }).ino),
    isFolder: entry.isDirectory(),
    name: entry.name,
  }))
}

const foldersOf = (root: string, relative: string): string[] => [
  relative,
  ...entriesNow(join(root, relative))
    .filter(({ isFolder }) => isFolder)
    .flatMap(({ name }) => foldersOf(root, `${relative}/${name}`)),
]

/** As `disk.c` names it. */
const listOf = (kept: string, relative: string): string => join(kept, 'names', `%${relative.replaceAll('/', '%')}`)

function settleFolder(root: string, kept: string, relative: string): void {
  const entries = entriesNow(join(root, relative))
  const lines = entries.map(({ inode, isFolder, name }) => `${inode} ${isFolder ? 'd' : 'f'} ${name}\n`)
  writeFileSync(listOf(kept, relative), lines.join(''))
  for (const { inode, isFolder, name } of entries)
    if (!isFolder) writeFileSync(join(kept, 'files', inode), readFileSync(join(root, relative, name)))
}

type Remembered = { path: string; content: Buffer | null }

/** Everything the disk has, folders before what is in them. */
function remember(root: string, kept: string, luck: Luck, random: () => number): Remembered[] {
  const latest = new Map<string, Buffer>()
  for (const folder of foldersOf(root, ''))
    for (const entry of entriesNow(join(root, folder)))
      if (!entry.isFolder) latest.set(entry.inode, readFileSync(join(root, folder, entry.name)))
  const contentOf = (inode: string): Buffer => {
    const file = join(kept, 'files', inode)
    const synced = existsSync(file) ? readFileSync(file) : Buffer.alloc(0)
    return mix(synced, latest.get(inode) ?? synced, () => random() < luck.blocks)
  }
  const walk = (relative: string): Remembered[] => {
    const entries = luck.names === 'latest' ? entriesNow(join(root, relative)) : entriesSynced(kept, relative)
    return entries.flatMap(({ inode, isFolder, name }) => {
      const path = `${relative}/${name}`
      return isFolder ? [{ path, content: null }, ...walk(path)] : [{ path, content: contentOf(inode) }]
    })
  }
  return walk('')
}

function entriesSynced(kept: string, relative: string): Entry[] {
  const file = listOf(kept, relative)
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean)
  return lines.map((line) => {
    const [inode = '', kind, ...name] = line.split(' ')
    return { inode, isFolder: kind === 'd', name: name.join(' ') }
  })
}

/** Block by block what was synced or what was written last. A block that arrived behind one that did not leaves a hole of zeros. */
function mix(synced: Buffer, latest: Buffer, arrives: () => boolean): Buffer {
  let mixed = Buffer.from(synced)
  for (let at = 0; at < latest.length; at += block) {
    const written = latest.subarray(at, at + block)
    if (written.equals(synced.subarray(at, at + block)) || !arrives()) continue
    if (mixed.length < at + written.length) mixed = Buffer.concat([mixed, Buffer.alloc(at + written.length - mixed.length)])
    written.copy(mixed, at)
  }
  return mixed
}
