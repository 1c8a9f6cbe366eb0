/**
 * How fast mail leaves, next to Postfix with opendkim on this machine and in the same run: taken, signed and delivered to a sink that keeps nothing.
 * Prints tables; asserts nothing (machines differ). docs/benchmarks-outbound.md has figures and what they mean. Usage: npm run bench:outbound -- --help
 */
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import Database from 'better-sqlite3'
import { makeKey, markdownOf, writeMessages } from './inbound/messages.ts'
import { type Running, sinkPort, startOurs, startPostfixRelay } from './inbound/servers.ts'
import { type World, missing, openWorld, senderIp, serverIp, slowSyncLibrary } from './inbound/world.ts'
import { measureMemory, usedMb } from './inbound/usage.ts'
import { type Sink, openSink } from './outbound/sink.ts'

const usage = `npm run bench:outbound -- [--rounds 3] [--seconds 5] [--run-in 20] [--slow-sync 0,2] [--queued 100000]

Needs root, postfix (with smtp-sink), opendkim, knot and iproute2, and cc for a slow disk. through: messages are handed in for that many seconds while
they are delivered; a second is counted until the last one is in the sink. backlog: they are handed in while the sink is silent, and counted from its first
to its last. --queued: recipients that wait at one time, and how much memory that takes (0 leaves it out).`

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    'run-in': { type: 'string', default: '20' },
    'slow-sync': { type: 'string', default: '0,2' },
    queued: { type: 'string', default: '100000' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help || process.getuid?.() !== 0 || missing().length > 0) {
  console.error(usage, missing().join(' '))
  process.exit(2)
}
const [rounds, seconds, runIn, queued] = [values.rounds, values.seconds, values['run-in'], values.queued].map(Number) as [
  number,
  number,
  number,
  number,
]

const loadScript = fileURLToPath(new URL('inbound/load.ts', import.meta.url))
const handInScript = fileURLToPath(new URL('outbound/hand-in.ts', import.meta.url))
const atOnce = 20
/** After this nothing of a hand-in goes on. */
const restMs = 15_000
const httpUrl = 'http://127.0.0.1:8600'
const settings = {
  MULTIMAIL_SMARTHOST: `127.0.0.1:${sinkPort}`,
  MULTIMAIL_KEY_RATE: '0',
  MULTIMAIL_ACCOUNT_RATE: '0',
  MULTIMAIL_MAILBOX_HOURLY: '0',
  MULTIMAIL_MAILBOX_DAILY: '0',
  MULTIMAIL_MAILBOX_NEW_RECIPIENTS: '0',
}

const folder = mkdtempSync(join(tmpdir(), 'multimail-bench-'))
const { privateKey, keyText } = makeKey()
writeFileSync(join(folder, 'dkim.pem'), privateKey)
chmodSync(join(folder, 'dkim.pem'), 0o644)
const world = await openWorld(folder, keyText)
const end = (): void => {
  world.end()
  rmSync(folder, { recursive: true, force: true })
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (end(), process.exit(1)))
try {
  await measure(world)
} finally {
  end()
}

/** Hands in for so long. @returns how many, and when it began (epoch ms) */
type HandIn = (forMs: number, each?: number) => Promise<{ messages: number; begin: number }>
type Side = { name: string; running: Running; handIn: HandIn }

async function measure(world: World): Promise<void> {
  console.log(
    `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} cores, Node ${process.version}`,
  )
  const library = slowSyncLibrary(folder)
  const file = join(folder, 'letter.md')
  writeFileSync(file, markdownOf(2))
  const unsigned = await writeMessages(folder, 5, null)
  const sink = await openSink(world)
  for (const ms of values['slow-sync'].split(',').map(Number)) {
    const env: Record<string, string> = ms === 0 || library === null ? {} : { LD_PRELOAD: library, SLOW_SYNC_US: String(ms * 1000) }
    const sides = [await ours(world, file, env), await postfix(world, unsigned, env)]
    for (const side of sides) await through(side, sink, runIn)
    await inTurns(sides, sink, ms)
    for (const { running } of sides) await running.stop()
  }
  if (queued > 0) await waiting(world, sink, file)
  await sink.end()
}

async function ours(world: World, file: string, env: Record<string, string>): Promise<Side> {
  const { running, made } = await startOurs(world, { ...settings, ...env }, (database) => {
    // Nobody is there to approve.
    const db = new Database(database)
    db.exec(`update mailboxes set oversight_mode = 'autonomous'`)
    db.close()
  })
  const handIn: HandIn = async (forMs, each = 1) => {
    const args = [handInScript, httpUrl, made.keys.agent.key, made.mailbox.id, file, String(atOnce), String(forMs), String(each)]
    const told = JSON.parse(await printed(world, args)) as { messages: number; begin: number; refused: string }
    if (told.refused !== '') throw new Error(`the API refused: ${told.refused}`)
    return told
  }
  return { name: 'ours', running, handIn }
}

async function postfix(world: World, messages: string, env: Record<string, string>): Promise<Side> {
  const running = await startPostfixRelay(world, env)
  const handIn: HandIn = async (forMs) => {
    const begin = Date.now()
    const load = [loadScript, serverIp, String(running.port), senderIp, messages]
    const told = JSON.parse(await printed(world, [...load, String(atOnce), '0', '0', String(forMs), 'user@dest.example'])) as {
      messages: number
      refused: Record<string, number>
    }
    if (Object.keys(told.refused).length > 0) throw new Error(`Postfix refused: ${JSON.stringify(told.refused)}`)
    return { messages: told.messages, begin }
  }
  return { name: 'Postfix', running, handIn }
}

async function printed(world: World, args: readonly string[]): Promise<string> {
  const child = world.spawn(process.execPath, args)
  const [out] = await Promise.all([text(child.stdout), once(child, 'close')])
  return out
}

/** @returns messages a second, handed in, signed and delivered */
async function through({ handIn }: Side, sink: Sink, forSeconds: number): Promise<number> {
  const { messages, begin } = await handIn(forSeconds * 1000)
  const { last } = await sink.taken(messages)
  return messages / ((last - begin) / 1000)
}

async function backlog({ handIn }: Side, sink: Sink, forSeconds: number): Promise<number> {
  sink.hold()
  const { messages } = await handIn(forSeconds * 1000)
  sink.go()
  const { first, last } = await sink.taken(messages)
  return messages / ((last - first) / 1000)
}

async function inTurns(sides: readonly Side[], sink: Sink, slowMs: number): Promise<void> {
  const rates = new Map<string, number[]>()
  for (let round = 1; round <= rounds; round++)
    for (const side of round % 2 === 0 ? sides.toReversed() : sides)
      for (const [what, how] of Object.entries({ through, backlog })) {
        const key = `${what} ${side.name}`
        rates.set(key, [...(rates.get(key) ?? []), await how(side, sink, seconds)])
      }
  // Postfix has signed its backlog when it took it, and ours is signed on its way: the last line is the fair one for that.
  const pairs = { through: ['through', 'through'], backlog: ['backlog', 'backlog'], 'backlog, Postfix through': ['backlog', 'through'] }
  for (const [what, kinds] of Object.entries(pairs)) {
    const [own = [], other = []] = sides.map(({ name }, at) => rates.get(`${kinds[at]} ${name}`))
    const ratio = median(own.map((rate, round) => rate / (other[round] ?? Number.NaN)))
    const said = (list: number[]): string => `${median(list).toFixed(0)} (${Math.min(...list).toFixed(0)}–${Math.max(...list).toFixed(0)})`
    console.log(`${what}, fsync + ${slowMs} ms: ours ${said(own)}/s, Postfix ${said(other)}/s, ratio ${ratio.toFixed(2)}`)
  }
}

function median(list: readonly number[]): number {
  return list.toSorted((one, other) => one - other)[Math.floor(list.length / 2)] ?? Number.NaN
}

/** Memory while so many recipients wait for a sink that does not answer. */
async function waiting(world: World, sink: Sink, file: string): Promise<void> {
  const { running, handIn } = await ours(world, file, {})
  sink.hold()
  let count = 0
  const memory = await measureMemory(world, async () => {
    while (count < queued) count += (await handIn(5_000, 50)).messages * 50
  })
  await wait(restMs)
  const [before, most, after] = [memory.idleMb, memory.peakMb, usedMb(world)].map((mb) => `${mb.toFixed(0)} MB`)
  console.log(`${count} recipients waiting: ${before} before, ${most} at most while they were handed in, ${after} a while later`)
  await running.stop()
  sink.go()
}
