/**
 * What it costs that thousands wait: 5,000 calls of wait_for_email, each for a mailbox of its own. Measures memory and processor of the appliance while they
 * wait (and while nobody does), and how long after a letter came whoever waits for it has the answer; then all of them end by time. Prints tables; asserts
 * only that each call ends as it should. Usage: npm run bench:waiters -- --help
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type Socket, connect } from 'node:net'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { demoDomain, strangerDomain } from '../../server/local/zone.ts'
import { freePort } from '../../test/support/free-port.ts'
import { memoryEnv, memoryFlags } from '../memory.mjs'
import { type Waiter, furnish } from './waiters/furnish.ts'
import { type Call, call } from './waiters/call.ts'

const usage = `npm run bench:waiters -- [--waiters 5000] [--letters 200] [--still 15]

Opens so many calls, lets them wait for so many seconds, and then sends so many letters to mailboxes of theirs. The server and this program share the machine,
and each of them needs one file descriptor for each call (ulimit -n).`

const { values } = parseArgs({
  options: {
    waiters: { type: 'string', default: '5000' },
    letters: { type: 'string', default: '200' },
    still: { type: 'string', default: '15' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.error(usage)
  process.exit(2)
}
const [waiters, letters, still] = [values.waiters, values.letters, values.still].map(Number) as [number, number, number]
const root = join(import.meta.dirname, '..', '..')
/** The longest there is: in this time all are opened, measured and written to. */
const timeoutSeconds = 120
/** Calls that are opened at the same time. */
const atOnce = 100

const dataDir = mkdtempSync(join(tmpdir(), 'multimail-waiters-'))
const end = (): void => rmSync(dataDir, { recursive: true, force: true })
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (end(), process.exit(1)))

const [smtp, http, receiver] = [await freePort(), await freePort(), await freePort()]
const metricsToken = 'token-of-this-bench'

function start() {
  return spawn(process.execPath, [...memoryFlags, join(root, 'server', 'main.ts')], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env['PATH'] ?? '',
      ...memoryEnv,
      MULTIMAIL_DATA_DIR: dataDir,
      MULTIMAIL_LOG_LEVEL: 'warn',
      MULTIMAIL_SMTP_PORT: String(smtp),
      MULTIMAIL_HTTP_PORT: String(http),
      MULTIMAIL_LOCAL_RECEIVER_PORT: String(receiver),
      MULTIMAIL_METRICS_TOKEN: metricsToken,
      MULTIMAIL_KEY_RATE: '0',
      MULTIMAIL_ACCOUNT_RATE: '0',
    },
  })
}

async function healthy(): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const answer = await fetch(`http://127.0.0.1:${http}/health`).catch(() => null)
    if (answer?.ok === true) return
    await wait(50)
  }
  throw new Error('the server did not become healthy in time')
}

type Taken = { residentMb: number; cpuSeconds: number }
const ticksPerSecond = 100
/** Of the appliance and its threads; Linux only. */
function taken(pid: number): Taken {
  const residentMb = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
  const [user = 0, system = 0] = (readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1] ?? '').split(' ').slice(11, 13).map(Number)
  return { residentMb, cpuSeconds: (user + system) / ticksPerSecond }
}

/** How much of one core it takes while nothing happens. */
async function shareWhileStill(pid: number): Promise<number> {
  const before = taken(pid).cpuSeconds
  const began = performance.now()
  await wait(still * 1000)
  return (taken(pid).cpuSeconds - before) / ((performance.now() - began) / 1000)
}

async function listeners(): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${http}/metrics`, { headers: { authorization: `Bearer ${metricsToken}` } })
  return Number(/^multimail_events_listeners\S* (\d+)/m.exec(await answer.text())?.[1])
}

async function untilListening(count: number): Promise<void> {
  for (let left = 600; (await listeners()) !== count; left -= 1) {
    if (left === 0) throw new Error(`${await listeners()} of ${count} listen`)
    await wait(100)
  }
}

/** The next reply. Rejects when the connection is closed instead. */
async function reply(socket: Socket): Promise<string> {
  let text = ''
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += String(chunk)
    if (/^\d{3} .*\r\n$/m.test(text)) return text
  }
  throw new Error('closed')
}

/** One letter over a connection of its own. @returns when its final dot left, and when the 250 came */
async function send(to: string, n: number): Promise<{ sent: number; stored: number }> {
  const socket = connect({ port: smtp, host: '127.0.0.1', noDelay: true })
  await reply(socket)
  for (const line of [`EHLO out.${strangerDomain}`, `MAIL FROM:<ada@${strangerDomain}>`, `RCPT TO:<${to}>`, 'DATA']) {
    socket.write(`${line}\r\n`)
    await reply(socket)
  }
  const head = `From: Ada <ada@${strangerDomain}>\r\nTo: ${to}\r\nSubject: Letter ${n}\r\nMessage-ID: <${n}-${performance.now()}@${strangerDomain}>`
  const sent = performance.now()
  socket.write(`${head}\r\n\r\n${'A line of a letter of one kilobyte, of which there are many.\r\n'.repeat(16)}.\r\n`)
  const answer = await reply(socket)
  const stored = performance.now()
  socket.end('QUIT\r\n')
  if (!answer.startsWith('250')) throw new Error(answer)
  return { sent, stored }
}

const open = (waiter: Waiter): Promise<Call> =>
  call(http, waiter.key, `/wait_for_email?mailbox_id=${waiter.mailbox}&timeout_seconds=${timeoutSeconds}`)

/** Opens a call for each that waits. */
async function openAll(all: readonly Waiter[]): Promise<Call[]> {
  const calls: Call[] = []
  for (let n = 0; n < all.length; n += atOnce) calls.push(...(await Promise.all(all.slice(n, n + atOnce).map(open))))
  return calls
}

type Times = { letter: number; answer: number }
/** How long a letter took to be stored, and how long its answer, both from the final dot. */
async function arrive(to: string, waiting: Call, n: number): Promise<Times> {
  const [{ sent, stored }, answer] = await Promise.all([send(to, n), waiting.answered])
  if (answer.status !== 200 || !answer.body.includes('"found":true')) throw new Error(`${answer.status} ${answer.body}`)
  return { letter: stored - sent, answer: answer.at - sent }
}

function row(times: readonly Times[]) {
  const at = (of: keyof Times, share: number): number => {
    const sorted = times.map((one) => one[of]).toSorted((one, other) => one - other)
    return Number((sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(1))
  }
  return {
    letters: times.length,
    '250 median ms': at('letter', 0.5),
    '250 p99 ms': at('letter', 0.99),
    'answer median ms': at('answer', 0.5),
    'answer p99 ms': at('answer', 0.99),
  }
}

async function measure(): Promise<void> {
  console.log(
    `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} cores, Node ${process.version}`,
  )
  // The first start makes the demo domain; the rest is written while it does not run.
  const first = start()
  await healthy()
  first.kill('SIGTERM')
  await once(first, 'exit')
  const all = await furnish(dataDir, demoDomain, waiters + 1)
  const [alone, ...others] = all as [Waiter, ...Waiter[]]

  const server = start()
  const pid = server.pid ?? 0
  try {
    await healthy()
    const warm = async (count: number): Promise<Times[]> => {
      const times: Times[] = []
      for (let n = 0; n < count; n += 1) {
        const one = await open(alone)
        await untilListening(1)
        times.push(await arrive(alone.address, one, n))
      }
      return times
    }
    await warm(50)
    const few = row(await warm(letters))
    const nobody = { ...taken(pid), share: await shareWhileStill(pid) }

    const [before, began] = [taken(pid).cpuSeconds, performance.now()]
    const calls = await openAll(others)
    await untilListening(waiters)
    const opening = { seconds: (performance.now() - began) / 1000, cpu: taken(pid).cpuSeconds - before }
    const many = { ...taken(pid), share: await shareWhileStill(pid) }
    const times: Times[] = []
    for (let n = 0; n < letters; n += 1) {
      const at = Math.floor((n * others.length) / letters)
      times.push(await arrive((others[at] as Waiter).address, calls[at] as Call, n))
    }
    const left = calls.length - letters
    const [cpuBefore, restBegan] = [taken(pid).cpuSeconds, performance.now()]
    const answers = await Promise.all(calls.map(({ answered }) => answered))
    const late = answers
      .map(({ took }) => took / 1000 - timeoutSeconds)
      .filter((seconds) => seconds > -1)
      .toSorted((one, other) => one - other)
    const good = answers.filter(({ status, body }) => status === 200 && body.includes('"found":false')).length
    if (good !== left) throw new Error(`${good} of ${left} ended by time`)
    await untilListening(0)
    const after = taken(pid)
    const endings = after.cpuSeconds - cpuBefore - (many.share * (performance.now() - restBegan)) / 1000

    console.table({
      nobody: figures(nobody),
      [`${waiters} waiting`]: figures(many),
      'when they are gone': { 'resident MB': after.residentMb.toFixed(0) },
    })
    const each = ((many.residentMb - nobody.residentMb) * 1024) / waiters
    console.log(
      `each that waits: ${each.toFixed(1)} KB; opened in ${opening.seconds.toFixed(1)} s with ${((opening.cpu * 1000) / waiters).toFixed(2)} ms of the processor each`,
    )
    console.table({ 'one waits': few, [`${waiters} wait`]: row(times) })
    console.log(
      `${good} ended by time, ${late[Math.floor(late.length / 2)]?.toFixed(1)} s late in the median, ${late.at(-1)?.toFixed(1)} s at most, with ${((endings * 1000) / left).toFixed(2)} ms of the processor each`,
    )
  } finally {
    server.kill('SIGTERM')
    await once(server, 'exit')
  }
}

const figures = ({ residentMb, share }: Taken & { share: number }) => ({
  'resident MB': residentMb.toFixed(0),
  'of one core': `${(share * 100).toFixed(1)} %`,
})

try {
  await measure()
} finally {
  end()
}
