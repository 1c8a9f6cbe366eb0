/**
 * How fast mail is taken in, next to Postfix with opendkim, opendmarc and policyd-spf, and next to Postfix without any of them, on this machine
 * and in the same run: rates, the time to the final reply, and memory. Prints tables; asserts nothing (machines differ).
 * docs/benchmarks-inbound.md has figures and what they mean. Usage: npm run bench:inbound -- --help
 */
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { type Memory, cpuMsOf, measureMemory } from './inbound/usage.ts'
import { makeKey, writeMessages } from './inbound/messages.ts'
import { type Cell, type Plan, type Server, planFrom, usage } from './inbound/plan.ts'
import { type Running, startServer } from './inbound/servers.ts'
import { type Figures, type Measured, memoryTable, ratesTable } from './inbound/table.ts'
import { type World, missing, openWorld, ourDomain, senderIp, serverIp, slowSyncLibrary } from './inbound/world.ts'

const loadScript = fileURLToPath(new URL('inbound/load.ts', import.meta.url))

function stop(words: string): never {
  console.error(words)
  process.exit(2)
}

const plan = planFrom(process.argv.slice(2)) ?? stop(usage)
if (process.getuid?.() !== 0) stop('bench:inbound makes a network of its own, and starts Postfix: it needs root.')
if (missing().length > 0) stop(`bench:inbound needs ${missing().join(', ')}, which this machine does not have.`)

const folder = mkdtempSync(join(tmpdir(), 'multimail-bench-'))
const { privateKey, keyText } = makeKey()
const world = await openWorld(folder, keyText)
const end = (): void => {
  world.end()
  rmSync(folder, { recursive: true, force: true })
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (end(), process.exit(1)))
try {
  await measure(world, plan)
} finally {
  end()
}

async function measure(world: World, plan: Plan): Promise<void> {
  const library = slowSyncLibrary(folder)
  const cells = plan.cells.filter(({ slowSyncMs }) => slowSyncMs === 0 || library !== null)
  if (cells.length < plan.cells.length) console.log('There is no C compiler, so no slow disk either.')
  const messages = new Map<number, string>()
  for (const kilobytes of new Set([...cells.map((cell) => cell.kilobytes), 50]))
    messages.set(kilobytes, await writeMessages(folder, kilobytes, privateKey))
  const send = (port: number, cell: Cell, seconds: number, warmUp: number): Promise<Figures> =>
    load(world, port, messages.get(cell.kilobytes) ?? '', cell, seconds, warmUp)

  console.log(`${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} cores, `)
  console.log(`${(totalmem() / 2 ** 30).toFixed(0)} GB, Node ${process.version}; ${plan.rounds} rounds of ${plan.seconds} s, in turns.\n`)
  const measured: Measured[] = []
  for (const slowSyncMs of new Set(cells.map((cell) => cell.slowSyncMs))) {
    const these = cells.filter((cell) => cell.slowSyncMs === slowSyncMs)
    const env = slowSyncMs === 0 || library === null ? {} : { LD_PRELOAD: library, SLOW_SYNC_US: String(slowSyncMs * 1000) }
    measured.push(...(await inTurns(world, plan, these, env, send)))
  }
  console.log(`${ratesTable(measured, cells, plan.servers)}\n`)
  if (plan.memory) console.log(`50 KB, 100 connections, kept:\n\n${memoryTable(await memoryOfEach(world, plan, send))}`)
}

type Send = (port: number, cell: Cell, seconds: number, warmUp: number) => Promise<Figures>

async function inTurns(world: World, plan: Plan, cells: Cell[], env: Record<string, string>, send: Send): Promise<Measured[]> {
  const running = new Map<Server, Running>()
  for (const server of plan.servers) running.set(server, await startServer(world, server, env))
  for (const [, { port, drained }] of running) {
    for (const cell of runInCells(cells)) await send(port, cell, 1, plan.runInSeconds)
    await drained()
  }
  const measured: Measured[] = []
  for (let round = 1; round <= plan.rounds; round++) {
    for (const cell of cells) {
      // Every other round the other way round: whoever comes first has a quieter machine, or a busier one.
      const order = [...running]
      for (const [server, { port, drained }] of round % 2 === 0 ? order.toReversed() : order) {
        const figures = await send(port, cell, plan.seconds, plan.warmUpSeconds)
        await drained()
        measured.push({ cell, server, round, figures })
        note(plan, { round, server, ...cell, ...figures })
      }
    }
  }
  for (const { stop } of running.values()) await stop()
  return measured
}

/** One for each size, with as much at one time as there will be. */
function runInCells(cells: Cell[]): Cell[] {
  const bySize = Map.groupBy(cells, ({ kilobytes }) => kilobytes)
  return [...bySize.values()].flatMap((same) => same.toSorted((one, other) => other.connections - one.connections).slice(0, 1))
}

function note(plan: Plan, line: object): void {
  if (plan.json !== null) appendFileSync(plan.json, `${JSON.stringify({ at: new Date().toISOString(), ...line })}\n`)
}

/** One at a time, with nothing else beside it. */
async function memoryOfEach(world: World, plan: Plan, send: Send): Promise<Map<Server, Memory>> {
  const found = new Map<Server, Memory>()
  const cell = { kilobytes: 50, connections: 100, perConnection: 0, slowSyncMs: 0 }
  for (const server of plan.servers) {
    const { port, drained, stop } = await startServer(world, server, {})
    const memory = await measureMemory(world, () => send(port, cell, Math.max(plan.seconds, 10), 0))
    note(plan, { server, memory })
    found.set(server, memory)
    await drained()
    await stop()
  }
  return found
}

async function load(world: World, port: number, messages: string, cell: Cell, seconds: number, warmUp: number): Promise<Figures> {
  const numbers = [cell.connections, cell.perConnection, warmUp * 1000, seconds * 1000].map(String)
  const args = [loadScript, serverIp, String(port), senderIp, messages, ...numbers, `agent@${ourDomain}`]
  const before = cpuMsOf(world)
  const child = world.spawn(process.execPath, args)
  const [printed] = await Promise.all([text(child.stdout), once(child, 'close')])
  const figures = JSON.parse(printed) as Omit<Figures, 'cpuMs'>
  return { ...figures, cpuMs: (cpuMsOf(world) - before) / figures.messages }
}
