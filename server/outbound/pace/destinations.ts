/**
 * Every destination and how it bears us (pacing.ts), on this node; and what providers asked for, which the store keeps for all nodes and the next start.
 * Bounded: a destination at which nothing is under way and of which nothing is to be remembered is forgotten.
 */
import type { Alarm, Clock } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import type { Metrics } from '../../platform/metrics.ts'
import type { Store } from '../../store/db.ts'
import { type PaceMeasure, measuresAfter, saveMeasure } from '../../store/pace-measures.ts'
import {
  type Fact,
  type Pacing,
  type Reason,
  ask,
  held,
  isForgettable,
  learned,
  left,
  newPacing,
  openedAnother,
  openedNone,
} from './pacing.ts'
import type { Destination } from './providers.ts'

const minute = 60_000
/** What lasts longer is told to the other nodes. */
const worthSavingMs = 10 * minute
const readEveryMs = minute
/** Above this many, those that can be forgotten are. */
const tidyAbove = 5_000

export type Destinations = {
  /** A place, or when to ask again (epoch ms). */
  enter(at: Destination): { kind: 'go' } | { kind: 'wait'; until: number; reason: Reason }
  leave(at: Destination): void
  /** So many connections more or less than were entered for. */
  opened(at: Destination, count: 1 | -1): void
  learn(at: Destination, fact: Fact): void
  /** Reads what was asked for before, here or by another node. Then once a minute, where there are others. */
  start(): Promise<void>
  stop(): Promise<void>
}

export type DestinationsDeps = {
  store: Store
  clock: Clock
  log: Log
  metrics: Metrics
}

export function createDestinations({ store, clock, log, metrics }: DestinationsDeps): Destinations {
  const states = new Map<string, Pacing>()
  const numbers = countersOf(metrics)
  const saving = new Set<Promise<void>>()
  let alarm: Alarm | null = null

  const stateOf = ({ key, limits }: Destination): Pacing => states.get(key) ?? newPacing(limits, clock.now())

  function change({ key }: Destination, state: Pacing): void {
    states.set(key, state)
    if (states.size <= tidyAbove) return
    const now = clock.now()
    for (const [name, one] of states) if (isForgettable(one, now)) states.delete(name)
  }

  /** Tells of what the provider asked for just now, if it did. */
  function announce(at: Destination, before: Pacing, after: Pacing): void {
    for (const measure of newMeasures(at, before, after)) {
      numbers.measures.inc({ provider: at.name, because: measure.because })
      log.warn(
        { destination: at.key, because: measure.because, until: measure.until_at },
        measure.per_minute === null ? 'pace.held' : 'pace.slowed',
      )
      if (measure.until_at - clock.now() >= worthSavingMs) save(measure)
    }
  }

  function save(measure: PaceMeasure): void {
    const saved = saveMeasure(store, measure, clock.now())
      .catch((error: unknown) => log.warn({ err: error, destination: measure.destination }, 'pace.not-saved'))
      .finally(() => saving.delete(saved))
    saving.add(saved)
  }

  async function read(): Promise<void> {
    const now = clock.now()
    for (const measure of await measuresAfter(store.db, now)) {
      const state = states.get(measure.destination) ?? newPacing(unknownLimits, now)
      states.set(measure.destination, withMeasure(state, measure))
    }
  }

  const readAgain = (): void => {
    alarm = clock.at(clock.now() + readEveryMs, () => {
      read()
        .catch((error: unknown) => log.warn({ err: error }, 'pace.unreadable'))
        .finally(() => alarm !== null && readAgain())
    })
  }

  return {
    enter(at) {
      const answer = ask(stateOf(at), at.limits, clock.now())
      change(at, answer.state)
      if (answer.kind === 'wait') numbers.waits.inc({ provider: at.name, reason: answer.reason })
      else numbers.busy.inc({ provider: at.name })
      return answer
    },
    leave(at) {
      numbers.busy.dec({ provider: at.name })
      change(at, left(stateOf(at)))
    },
    opened: (at, count) => change(at, count === 1 ? openedAnother(stateOf(at), clock.now()) : openedNone(stateOf(at))),
    learn(at, fact) {
      const before = stateOf(at)
      const after = learned(before, at.name, at.limits, fact, clock.now())
      change(at, after)
      announce(at, before, after)
    },
    async start() {
      await read()
      if (store.engine === 'postgres') readAgain()
    },
    async stop() {
      alarm?.cancel()
      alarm = null
      await Promise.all(saving)
    },
  }
}

/** Of a destination that was only read about: its own limits count as soon as something goes there. */
const unknownLimits = { connections: 1, perMinute: 1, perConnection: 1 }

function newMeasures({ key, name }: Destination, before: Pacing, after: Pacing): PaceMeasure[] {
  const { hold, slow } = after
  const about = { destination: key, provider: name }
  return [
    ...(hold === null || hold === before.hold
      ? []
      : [{ ...about, kind: 'hold' as const, because: hold.because, until_at: hold.until, per_minute: null, connections: null }]),
    ...(slow === null || slow === before.slow
      ? []
      : [
          {
            ...about,
            kind: 'slow' as const,
            because: slow.because,
            until_at: slow.until,
            per_minute: slow.perMinute,
            connections: slow.connections,
          },
        ]),
  ]
}

function withMeasure(state: Pacing, { because, until_at: until, per_minute: perMinute, connections }: PaceMeasure): Pacing {
  if (perMinute === null || connections === null) return held(state, { until, because })
  return state.slow !== null && state.slow.until >= until ? state : { ...state, slow: { until, because, perMinute, connections } }
}

const countersOf = (metrics: Metrics) => ({
  waits: metrics.counter('outbound_pace_waits_total', 'Deliveries that were made to wait for their turn', ['provider', 'reason']),
  measures: metrics.counter('outbound_pace_measures_total', 'Times a provider was slowed down or left alone', ['provider', 'because']),
  busy: metrics.gauge('outbound_pace_under_way', 'Deliveries under way', ['provider']),
})
