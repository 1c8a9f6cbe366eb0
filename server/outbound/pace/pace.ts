/**
 * How fast mail may go to whom: asked before a delivery is dialled, told of its sessions how they went and when it is over.
 *
 * Who takes a domain's mail is known only after routing, so a delivery is asked about twice: by the runner, for whoever took the domain's mail the last
 * time (`turn`), and by the deliverer, for the hosts that were found (`admit`). To wait is no attempt. What was learned is in memory, and may be lost; what
 * a provider asked for that lasts longer than some minutes is in the store, for every node and the next start (destinations.ts).
 */
import type { Clock } from '../../platform/clock.ts'
import type { Claim } from '../../store/queue.ts'
import type { Session, SessionEnd, Target, Transport } from '../transport.ts'
import type { Destinations } from './destinations.ts'
import { createHostHolds } from './host-holds.ts'
import { createLastRoutes } from './last-routes.ts'
import { type Destination, destinationOf } from './providers.ts'
import { factOf, hostHold } from './session-fact.ts'

/** `wait`: nothing is dialled before `until` (epoch ms), which is no attempt of the message. */
export type Turn = { kind: 'go'; done(): void } | { kind: 'wait'; until: number; reason: string }

/** `go`: only these targets, over a transport that tells how it went; `done` when it has. */
export type Admission =
  | { kind: 'go'; targets: readonly Target[]; over(transport: Transport): Transport; done(): void }
  | { kind: 'wait'; until: number; reason: string }

/** A delivery that is about to be tried. */
export type Going = Pick<Claim, 'id' | 'world' | 'domain' | 'give_up_at'>

/** What the runner asks. */
export type Pace = {
  /** @param destination the recipient's domain */
  turn(delivery: Going, destination: string): Turn
}

/** And the deliverer. */
export type Admit = {
  /** @param targets at least one, most preferred first */
  admit(delivery: Going, targets: readonly Target[]): Admission
}

/** Everybody at once. */
export const unpaced: Pace & Admit = {
  turn: () => ({ kind: 'go', done: () => {} }),
  admit: (_delivery, targets) => ({ kind: 'go', targets, over: (transport) => transport, done: () => {} }),
}

/** A place at a destination. `fresh`: the connection that was counted with it is not opened yet. */
type Place = { at: Destination; fresh: boolean }

export function createPace({ destinations, clock }: { destinations: Destinations; clock: Clock }): Pace & Admit {
  const routes = createLastRoutes()
  const hosts = createHostHolds()
  const places = new Map<string, Place>()

  const giveBack = (delivery: Going, place: Place | undefined): void => {
    if (place === undefined || places.get(delivery.id) !== place) return
    places.delete(delivery.id)
    if (place.fresh) destinations.opened(place.at, -1)
    destinations.leave(place.at)
  }

  /** Moves a delivery to this destination. @returns null when it has a place there */
  function takePlace(delivery: Going, at: Destination): { until: number; reason: string } | null {
    const before = places.get(delivery.id)
    if (before?.at.key === at.key) return null
    giveBack(delivery, before)
    const answer = destinations.enter(at)
    if (answer.kind === 'wait') return answer
    places.set(delivery.id, { at, fresh: true })
    return null
  }

  return {
    turn(delivery, domain) {
      const last = routes.of(domain)
      if (delivery.world === 'test' || isLast(delivery, clock.now()) || last === null)
        return { kind: 'go', done: () => giveBack(delivery, places.get(delivery.id)) }
      const wait = takePlace(delivery, last)
      if (wait !== null) return waiting(delivery, wait)
      return { kind: 'go', done: () => giveBack(delivery, places.get(delivery.id)) }
    },

    admit(delivery, targets) {
      const now = clock.now()
      const free = isLast(delivery, now) ? targets : targets.filter((target) => hosts.heldUntil(target, now) === null)
      const [first] = free
      if (first === undefined) {
        giveBack(delivery, places.get(delivery.id))
        const until = Math.min(...targets.map((target) => hosts.heldUntil(target, now) ?? now))
        return waiting(delivery, { until, reason: 'unreachable' })
      }
      const at = destinationOf(first)
      if (at === null) return { ...unpaced.admit(delivery, free), over: watchHosts }
      routes.remember(delivery.domain, at)
      const wait = isLast(delivery, now) ? null : takePlace(delivery, at)
      if (wait !== null) return waiting(delivery, wait)
      const place = places.get(delivery.id)
      return { kind: 'go', targets: free, over: (transport) => watch(transport, at, place), done: () => giveBack(delivery, place) }
    },
  }

  /** Tells of each session: how the host did, and who is behind it. */
  function watch(transport: Transport, at: Destination, place: Place | undefined): Transport {
    return async (session) => {
      const here = destinationOf(session.target) ?? at
      if (place?.fresh === true && here.key === at.key) place.fresh = false
      else destinations.opened(here, 1)
      const began = clock.now()
      const end = await transport(session)
      if (end.reused === true) destinations.opened(here, -1)
      noteHost(session, end)
      const fact = factOf(end, clock.now() - began, session.signal.aborted)
      if (fact !== null) destinations.learn(here, fact)
      return end
    }
  }

  function watchHosts(transport: Transport): Transport {
    return async (session) => {
      const end = await transport(session)
      noteHost(session, end)
      return end
    }
  }

  function noteHost({ target, signal }: Session, end: SessionEnd): void {
    const ms = hostHold(end, signal.aborted)
    if (ms !== null) hosts.hold(target, clock.now() + ms)
    else if (end.stage !== 'connect') hosts.free(target)
  }
}

/** The last attempt is made whatever anybody asked for: what waited until its end has had none yet. */
const isLast = (delivery: Going, now: number): boolean => now >= delivery.give_up_at

const waiting = (delivery: Going, { until, reason }: { until: number; reason: string }) => ({
  kind: 'wait' as const,
  until: Math.min(until, delivery.give_up_at),
  reason,
})
