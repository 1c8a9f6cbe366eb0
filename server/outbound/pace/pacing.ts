/**
 * How one destination bears what we send. A pure state machine: what happened and the time go in, a new state comes out.
 *
 * Concurrency follows Postfix (SCHEDULER_README): begin with 5, one more for each session that went well, one less for each that did not; when that
 * leaves none, the destination rests for the shortest wait between two attempts. What a provider's own words ask for is done on top (rules.ts).
 */
import type { Limits, ProviderName } from './providers.ts'
import { type Measure, ruleFor, rules } from './rules.ts'

const minute = 60_000

export const firstWindow = 5
/** How long a destination rests after as many failures as it had places: the first wait of the schedule. */
export const restMs = 5 * minute
/** Nobody is told to wait longer than this for a place, because places may come free sooner. */
export const longestQueueMs = 10 * minute

/** Nothing goes before `until` (epoch ms); `because` is the name of a rule, or `failing`, `told` (they said when). */
export type Hold = { until: number; because: string }
/** Until then only this much goes. */
export type Slowness = { until: number; because: string; perMinute: number; connections: number }

export type Pacing = {
  /** messages under way */
  busy: number
  /** as many may be */
  window: number
  /** when the connections of the last minute began, oldest first */
  opened: readonly number[]
  /** for when the last who has to wait was asked to come */
  promised: number
  /** how long a message takes, in the mean */
  meanMs: number
  hold: Hold | null
  slow: Slowness | null
  /** when rules that need several were met, by name */
  strikes: Readonly<Record<string, readonly number[]>>
  lastUsed: number
}

export const newPacing = (limits: Limits, now: number): Pacing => ({
  busy: 0,
  window: Math.min(firstWindow, limits.connections),
  opened: [],
  promised: now,
  meanMs: 1_000,
  hold: null,
  slow: null,
  strikes: {},
  lastUsed: now,
})

export type Reason = 'suspended' | 'full' | 'rate'
/** `go` has taken a place and a connection: the place is given back with `left`, a connection that was not needed with `openedNone`. */
export type Answer = { kind: 'go'; state: Pacing } | { kind: 'wait'; state: Pacing; until: number; reason: Reason }

/** May one more message go now? */
export function ask(before: Pacing, limits: Limits, now: number): Answer {
  const state = { ...tidied(before, now), lastUsed: now }
  const { connections, perMinute } = inForce(state, limits)
  if (state.hold !== null) return wait(state, perMinute, state.hold.until, 'suspended')
  if (state.busy >= Math.min(state.window, connections)) return wait(state, perMinute, now, 'full')
  const first = state.opened[state.opened.length - perMinute]
  if (first !== undefined) return wait(state, perMinute, first + minute, 'rate')
  return { kind: 'go', state: { ...state, busy: state.busy + 1, opened: [...state.opened, now] } }
}

/** Those who wait are asked to come one after the other, at the pace at which places come free, and not all at once. */
function wait(state: Pacing, perMinute: number, earliest: number, reason: Reason): Answer {
  const free = state.meanMs / Math.max(1, state.window)
  // While places are what is short, most messages go over connections that are open already.
  const gap = reason === 'full' && state.slow === null ? free : Math.max(minute / perMinute, free)
  const latest = Math.max(earliest, state.lastUsed) + longestQueueMs
  const until = Math.ceil(Math.min(Math.max(earliest, state.promised, state.lastUsed) + gap, latest))
  return { kind: 'wait', state: { ...state, promised: until }, until, reason }
}

/** What was taken by `ask` is free again. */
export const left = (state: Pacing): Pacing => ({ ...state, busy: Math.max(0, state.busy - 1) })

/** One more connection was opened than was asked for (a second host was tried). */
export const openedAnother = (state: Pacing, now: number): Pacing => ({ ...state, opened: [...state.opened, now] })
/** One less: the message went over a connection that was open already. */
export const openedNone = (state: Pacing): Pacing => ({ ...state, opened: state.opened.slice(0, -1) })

/** How a session ended. `good`: they spoke to us, whatever they said of the message. `bad`: no connection, or we are too much for them. `told`: they said
 *  for how long (ms) they want nothing more of us. */
export type Fact = { kind: 'good' | 'bad'; text: string; toldMs: number | null; tookMs: number }

export function learned(before: Pacing, name: ProviderName, limits: Limits, fact: Fact, now: number): Pacing {
  const state = { ...tidied(before, now), meanMs: before.meanMs * 0.9 + bounded(fact.tookMs, 10, minute) * 0.1 }
  if (fact.kind === 'good') return { ...state, window: Math.min(limits.connections, state.window + 1) }
  return obeyed(heard(shrunk(state, limits, now), name, fact.text, now), fact.toldMs, now)
}

function shrunk(state: Pacing, limits: Limits, now: number): Pacing {
  if (state.window > 1) return { ...state, window: state.window - 1 }
  return { ...held(state, { until: now + restMs, because: 'failing' }), window: Math.min(firstWindow, limits.connections) }
}

/** What the provider's words ask for. */
function heard(state: Pacing, name: ProviderName, text: string, now: number): Pacing {
  const rule = ruleFor(name, text)
  if (rule === null) return state
  const { times, withinMs } = rule.after
  const met = [...(state.strikes[rule.name] ?? []).filter((at) => at > now - withinMs), now].slice(-times)
  const struck = { ...state, strikes: { ...state.strikes, [rule.name]: met } }
  return met.length < times ? struck : taken(struck, rule.name, rule.measure, now)
}

function taken(state: Pacing, because: string, measure: Measure, now: number): Pacing {
  const until = now + measure.ms
  if (measure.kind === 'suspend') return held(state, { until, because })
  const { perMinute, connections } = measure
  return { ...state, slow: { until, because, perMinute, connections } }
}

const obeyed = (state: Pacing, toldMs: number | null, now: number): Pacing =>
  toldMs === null ? state : held(state, { until: now + toldMs, because: 'told' })

/** The longer of two holds counts. */
export const held = (state: Pacing, hold: Hold): Pacing =>
  state.hold !== null && state.hold.until >= hold.until ? state : { ...state, hold }

/** What limits there are at this moment. */
const inForce = ({ slow }: Pacing, { connections, perMinute }: Limits): Omit<Limits, 'perConnection'> =>
  slow === null
    ? { connections, perMinute }
    : { connections: Math.min(connections, slow.connections), perMinute: Math.min(perMinute, slow.perMinute) }

/** Without what is over. */
function tidied(state: Pacing, now: number): Pacing {
  return {
    ...state,
    opened: state.opened.filter((at) => at > now - minute),
    hold: state.hold !== null && state.hold.until > now ? state.hold : null,
    slow: state.slow !== null && state.slow.until > now ? state.slow : null,
    strikes: Object.fromEntries(Object.entries(state.strikes).filter(([, times]) => (times.at(-1) ?? 0) > now - longestWithinMs)),
  }
}
const longestWithinMs = Math.max(...rules.map(({ after }) => after.withinMs))

/** Only what can be learned again is lost when this is forgotten. */
export const isForgettable = (state: Pacing, now: number): boolean => {
  const { busy, hold, slow, opened, strikes } = tidied(state, now)
  return busy === 0 && hold === null && slow === null && opened.length === 0 && Object.keys(strikes).length === 0
}

const bounded = (value: number, least: number, most: number): number => Math.min(Math.max(value, least), most)
