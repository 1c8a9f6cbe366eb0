/**
 * How long from `node server/main.ts` to answering on SMTP and HTTP, and how much memory an idle appliance takes.
 * Prints medians of several fresh starts; asserts nothing (machines differ). Usage: npm run bench
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { memoryEnv, memoryFlags } from '../memory.mjs'

const rounds = 5
const idleMs = 3000
const root = join(import.meta.dirname, '..', '..')

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Resolves when the appliance answers its health check. */
async function healthy(port: number, deadline: number): Promise<void> {
  while (performance.now() < deadline) {
    const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => null)
    if (answer?.ok === true) return
    await wait(10)
  }
  throw new Error('the appliance did not become healthy in time')
}

/** Resident memory of a process in MB; Linux only. */
const residentMb = async (pid: number): Promise<number> =>
  Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 'NaN') / 1024

async function oneStart(dataDir: string): Promise<{ startMs: number; idleMb: number }> {
  const [smtp, http, receiver] = [await freePort(), await freePort(), await freePort()]
  const began = performance.now()
  const child = spawn(process.execPath, [...memoryFlags, join(root, 'server', 'main.ts')], {
    cwd: root,
    stdio: 'ignore',
    env: {
      PATH: process.env['PATH'] ?? '',
      ...memoryEnv,
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '', // as `npm start` has it
      MULTIMAIL_DATA_DIR: dataDir,
      MULTIMAIL_SMTP_PORT: String(smtp),
      MULTIMAIL_HTTP_PORT: String(http),
      MULTIMAIL_LOCAL_RECEIVER_PORT: String(receiver),
    },
  })
  try {
    await healthy(http, began + 30_000)
    const startMs = performance.now() - began
    await wait(idleMs)
    return { startMs, idleMb: await residentMb(child.pid ?? 0) }
  } finally {
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

const dataDir = await mkdtemp(join(tmpdir(), 'multimail-bench-'))
try {
  // The first start also makes the demo domain, its keys and a certificate; the later ones are what a restart costs.
  const first = await oneStart(dataDir)
  const later = []
  for (let round = 0; round < rounds; round++) later.push(await oneStart(dataDir))
  console.log(`first start, with set-up:  ${first.startMs.toFixed(0)} ms, ${first.idleMb.toFixed(0)} MB resident when idle`)
  console.log(
    `median of ${rounds} restarts:      ${median(later.map((one) => one.startMs)).toFixed(0)} ms, ${median(later.map((one) => one.idleMb)).toFixed(0)} MB resident when idle`,
  )
} finally {
  await rm(dataDir, { recursive: true, force: true })
}
