/** What the processes of a server use: memory, each shared page counted once in all (proportional set size), and time of the processors. */
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { commandOf } from './servers.ts'
import type { World } from './world.ts'

export type Memory = { idleMb: number; peakMb: number; processes: number }

/** While the load runs that this begins. Nothing but the server, the name server and the load may run in the world. */
export async function measureMemory(world: World, begin: () => Promise<unknown>): Promise<Memory> {
  const idleMb = used(world).mb
  const load = begin().then(() => null)
  let peakMb = 0
  let processes = 0
  for (let over = false; !over; over = (await Promise.race([load, wait(500, undefined)])) === null) {
    const now = used(world)
    peakMb = Math.max(peakMb, now.mb)
    processes = Math.max(processes, now.processes)
  }
  return { idleMb, peakMb, processes }
}

/** ms since the start, of all processes but the load and the name server; of those that have ended, too. */
export const cpuMsOf = (world: World): number => serverPids(world).reduce((sum, pid) => sum + cpuMs(pid), 0)

const tickMs = 10

function cpuMs(pid: number): number {
  try {
    // proc_pid_stat(5): utime, stime, and the same of children that were waited for.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * tickMs, 0)
  } catch {
    return 0
  }
}

/** What it uses now. */
export const usedMb = (world: World): number => used(world).mb

const serverPids = (world: World): number[] =>
  world.processes((pid) => !/^(?:nsenter|unshare|knotd|sleep|ss|smtp-sink)\b|\/(?:load|hand-in)\.ts /.test(commandOf(pid)))

function used(world: World): { mb: number; processes: number } {
  const pids = serverPids(world)
  return { mb: pids.reduce((sum, pid) => sum + proportionalKb(pid), 0) / 1024, processes: pids.length }
}

function proportionalKb(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}
