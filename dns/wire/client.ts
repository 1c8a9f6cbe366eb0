/**
 * A stub client (RFC 1034 §5.3.1): asks recursive servers over UDP, and over TCP where UDP is not enough.
 *
 * Promise: each question ends within a fixed time with what a server said or with a failure, whatever comes from the network; what somebody
 * sends who does not see our packets is not taken for an answer; and the number of open sockets is bounded.
 */
import type { RrType } from '../answer.ts'
import { isPossibleName } from '../asked-name.ts'
import type { Ask, Fresh } from '../cache.ts'
import { tooBusy } from '../lifetime.ts'
import { createTurns } from './turns.ts'
import { type Told, failure, least, toldBy } from './told.ts'
import { type Server, inOrder, rest } from './server.ts'
import { tryServer } from './try.ts'

/** The part of the platform's clock that is needed here. */
export type Timer = { now(): number; at(time: number, work: () => void): { cancel(): void } }

// Whatever the number of servers and aliases, no caller waits longer than this for one answer.
const deadlineMs = 15_000
const rounds = 2
// A recursive server follows aliases itself. One that stops on the way is asked on, but not for ever.
const maxRestarts = 4
// Each has a socket of its own. Those who wait cost little, and when too many do, the next is told so at once.
const atOnce = 500
const waiting = 5_000

/** @param timeoutMs for one try at one server */
export function createWireClient({ servers, timeoutMs, clock }: { servers: readonly Server[]; timeoutMs: number; clock: Timer }): Ask {
  const turns = createTurns({ atOnce, waiting })

  return async (name, rrtype) => {
    const deadline = clock.now() + deadlineMs
    const patience = alarm(clock, deadline)
    const turn = await turns.enter(patience.signal).finally(patience.cancel)
    if (!turn) return failure(patience.signal.aborted ? 'ETIMEOUT' : tooBusy)
    return withAliases(name, rrtype, deadline).finally(turns.leave)
  }

  /** Asks on for the target of an alias as long as a reply ends with one. */
  async function withAliases<T extends RrType>(name: string, rrtype: T, deadline: number): Promise<Fresh<T>> {
    const end = { target: name, ttlSeconds: null as number | null, authenticated: true }
    for (let restarts = 0; restarts <= maxRestarts && isPossibleName(end.target); restarts++) {
      const told = await askAll(end.target, rrtype, deadline)
      end.ttlSeconds = least(end.ttlSeconds, told.ttlSeconds)
      end.authenticated &&= told.authenticated
      if (told.kind === 'answer') return { answer: told.answer, ttlSeconds: end.ttlSeconds, authenticated: end.authenticated }
      end.target = told.target
    }
    return failure('ESERVFAIL')
  }

  /** Server after server until one knows. Who said that it failed is not asked again, who was silent is: packets get lost. */
  async function askAll<T extends RrType>(name: string, rrtype: T, deadline: number): Promise<Told<T>> {
    let told: Told<T> = { kind: 'answer', ...failure('ETIMEOUT') }
    let left = inOrder(servers, clock.now())
    for (let round = 0; round < rounds; round++) {
      const silent: Server[] = []
      for (const server of left) {
        if (clock.now() >= deadline) return told
        told = await askOne(server, name, rrtype, deadline)
        if (told.kind === 'alias' || told.answer.kind !== 'failed') return told
        if (told.answer.reason === 'ETIMEOUT') silent.push(server)
      }
      left = silent
    }
    return told
  }

  async function askOne<T extends RrType>(server: Server, name: string, rrtype: T, deadline: number): Promise<Told<T>> {
    const limit = alarm(clock, Math.min(clock.now() + timeoutMs, deadline))
    const outcome = await tryServer(server, { name, rrtype }, limit.signal).finally(limit.cancel)
    if (outcome.kind !== 'read') {
      rest(server, clock.now())
      return { kind: 'answer', ...failure(outcome.code) }
    }
    server.deadUntil = 0
    return toldBy(outcome.value, name, rrtype)
  }
}

function alarm(clock: Timer, time: number): { signal: AbortSignal; cancel(): void } {
  const controller = new AbortController()
  const timer = clock.at(time, () => controller.abort())
  return { signal: controller.signal, cancel: () => timer.cancel() }
}
