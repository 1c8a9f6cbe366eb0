/**
 * Whether mail flows while strangers hold connections: 5,000 that say nothing and 200 that write a message slowly. Sends letters to an appliance
 * in local mode before and meanwhile, and prints their latency, and what a silent connection costs. Asserts nothing (machines differ).
 * Usage: node scripts/bench/idle.ts [--idle 5000] [--slow 200] [--letters 100] [--max 10000]   (--max: MULTIMAIL_SMTP_MAX_CONNECTIONS)
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { type Socket, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { demoDomain, strangerDomain } from '../../server/local/zone.ts'
import { freePort } from '../../test/support/free-port.ts'
import { memoryEnv, memoryFlags } from '../memory.mjs'

const { values } = parseArgs({
  options: {
    idle: { type: 'string', default: '5000' },
    slow: { type: 'string', default: '200' },
    letters: { type: 'string', default: '100' },
    max: { type: 'string', default: '10000' },
  },
})
const [idle, slow, letters] = [Number(values.idle), Number(values.slow), Number(values.letters)]
const root = join(import.meta.dirname, '..', '..')
/** Connections that are opened at the same time. */
const atOnce = 100
/** Who has been silent for this long can be asked to make room (conduct/silent.ts). */
const settleMs = 6_000
/** A little more than the least that is asked of a sender. */
const slowBytesPerSecond = 600

const envelope = [`EHLO out.${strangerDomain}`, `MAIL FROM:<ada@${strangerDomain}>`, `RCPT TO:<agent@${demoDomain}>`, 'DATA']
const letter = (n: number): string =>
  `From: Ada <ada@${strangerDomain}>\r\nTo: agent@${demoDomain}\r\nSubject: Letter ${n}\r\nMessage-ID: <${n}-${performance.now()}@${strangerDomain}>\r\n\r\n${'A line of a letter of five kilobytes, of which there are many.\r\n'.repeat(75)}.\r\n`

/** The next reply; lines of one reply that come in pieces are put together. Rejects when the connection is closed instead. */
async function reply(socket: Socket): Promise<string> {
  let text = ''
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += String(chunk)
    if (/^\d{3} .*\r\n$/m.test(text)) return text
  }
  throw new Error('closed')
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.on('error', () => {})
  const greeting = await reply(socket)
  if (!greeting.startsWith('220')) throw new Error(greeting)
  return socket
}

async function begin(socket: Socket): Promise<void> {
  for (const line of envelope) {
    socket.write(`${line}\r\n`)
    await reply(socket)
  }
}

/** One letter over a connection of its own. @returns milliseconds from connecting to the last reply */
async function send(port: number, n: number): Promise<number> {
  const began = performance.now()
  const socket = await open(port)
  await begin(socket)
  socket.write(letter(n))
  const answer = await reply(socket)
  socket.end('QUIT\r\n')
  if (!answer.startsWith('250')) throw new Error(answer)
  return performance.now() - began
}

async function measure(port: number, what: string): Promise<void> {
  const times: number[] = []
  let refused = 0
  for (let n = 0; n < letters; n++) {
    const time = await send(port, n).catch(() => null)
    if (time === null) refused++
    else times.push(time)
  }
  const sorted = times.toSorted((one, other) => one - other)
  const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(1)
  console.log(`${what}: ${times.length} letters stored, ${refused} not; ms p50 ${at(0.5)}, p95 ${at(0.95)}, longest ${at(0.999)}`)
}

/** @returns the connections that were not refused */
async function inGroups(count: number, work: () => Promise<Socket>): Promise<Socket[]> {
  const open: Socket[] = []
  for (let left = count; left > 0; left -= atOnce) {
    const group = await Promise.allSettled(Array.from({ length: Math.min(atOnce, left) }, work))
    open.push(...group.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])))
  }
  return open
}

const residentMb = async (pid: number): Promise<number> =>
  Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 'NaN') / 1024

const dataDir = await mkdtemp(join(tmpdir(), 'multimail-idle-'))
const [smtp, http, receiver] = [await freePort(), await freePort(), await freePort()]
const child = spawn(process.execPath, [...memoryFlags, join(root, 'server', 'main.ts')], {
  cwd: root,
  stdio: ['ignore', 'ignore', 'inherit'],
  env: {
    PATH: process.env['PATH'] ?? '',
    ...memoryEnv,
    MULTIMAIL_DATA_DIR: dataDir,
    MULTIMAIL_LOG_LEVEL: 'warn',
    MULTIMAIL_SMTP_PORT: String(smtp),
    MULTIMAIL_SMTP_MAX_CONNECTIONS: values.max,
    MULTIMAIL_HTTP_PORT: String(http),
    MULTIMAIL_LOCAL_RECEIVER_PORT: String(receiver),
  },
})
try {
  while (!(await fetch(`http://127.0.0.1:${http}/health`).then(({ ok }) => ok, () => false))) await wait(50) // prettier-ignore
  await measure(smtp, 'to warm up')
  await measure(smtp, 'alone')

  const before = await residentMb(child.pid ?? 0)
  const silent = await inGroups(idle, () => open(smtp))
  await wait(settleMs)
  const after = await residentMb(child.pid ?? 0)
  console.log(
    `${silent.length} of ${idle} silent connections: ${(((after - before) * 1024) / silent.length).toFixed(1)} KB each (${before.toFixed(0)} MB, now ${after.toFixed(0)})`,
  )

  const writers = await inGroups(slow, async () => {
    const socket = await open(smtp)
    await begin(socket)
    return socket
  })
  const pen = setInterval(() => {
    for (const writer of writers) writer.write(`${'x'.repeat(slowBytesPerSecond / 4 - 2)}\r\n`)
  }, 250)
  await measure(smtp, `beside ${silent.length} silent and ${writers.length} slow ones`)
  clearInterval(pen)
  const held = [...silent, ...writers].filter(({ readyState }) => readyState === 'open').length
  console.log(`of them ${held} are still there; ${(await residentMb(child.pid ?? 0)).toFixed(0)} MB`)
  for (const socket of [...silent, ...writers]) socket.destroy()
} finally {
  child.kill('SIGTERM')
  await once(child, 'exit')
  await rm(dataDir, { recursive: true, force: true })
}
