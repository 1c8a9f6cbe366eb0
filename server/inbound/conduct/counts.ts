import type { Counter } from 'prom-client'
import type { Metrics } from '../../platform/metrics.ts'
import type { NetworkView } from './conduct.ts'
import { type Offence, offences } from './offences.ts'
import type { Mode } from './overload.ts'
import { type Breadth, type Family, lengths } from './prefixes.ts'
import type { Kind } from './window.ts'

/** What becomes of a connection: let in, or why not. */
export type Welcome = 'welcome' | 'no-place' | 'kept-out' | 'at-once' | 'connections' | 'no-address'

/** What conduct counts for the operator; docs/metrics.md explains the names. */
export type Counts = {
  arrived(welcome: Welcome): void
  tripped(kind: Kind, breadth: Breadth, family: Family): void
  offended(offence: Offence): void
  keptOut(): void
  madeRoom(): void
  delayed(ms: number): void
  /** @param code of the reply to it */
  message(bytes: number, code: number): void
}

/** What is read when somebody looks. */
export type Gauges = { sessions(): number; waiting(): number; remembered(): number; mode(): Mode; networkView(): NetworkView }

const welcomes: readonly Welcome[] = ['welcome', 'no-place', 'kept-out', 'at-once', 'connections', 'no-address']
const windowKinds: readonly Kind[] = ['at-once', 'connections', 'messages', 'bytes']
const outcomes = { 2: 'accepted', 4: 'deferred', 5: 'refused' } as const

export function createCounts(metrics: Metrics, gauges: Gauges): Counts {
  metrics.measured('inbound_sessions', 'Connections for arriving mail at this moment.', gauges.sessions)
  metrics.measured('inbound_delays', 'Sessions that are made to wait at this moment.', gauges.waiting)
  metrics.measured('inbound_networks_remembered', 'Networks whose conduct is remembered.', gauges.remembered)
  metrics.measured('inbound_overload', '1 while overloaded.', () => (gauges.mode() === 'overload' ? 1 : 0))
  const isHidden = (): number => (gauges.networkView().kind === 'hidden' ? 1 : 0)
  metrics.measured('inbound_network_hidden', '1 while everybody seems to come from one private address.', isHidden)

  const connections = metrics.counter('inbound_connections_total', 'Connections, by what became of them.', ['outcome'])
  const trips = metrics.counter('inbound_limits_total', 'Times a network had had its share.', ['limit', 'prefix'])
  const wrongs = metrics.counter('inbound_offences_total', 'Sessions that misbehaved.', ['offence'])
  const keptOut = metrics.counter('inbound_kept_out_total', 'Times a network was kept out for a while from then on.')
  const madeRoom = metrics.counter('inbound_made_room_total', 'Silent sessions that were ended because every place was taken.')
  const delayed = metrics.counter('inbound_delays_total', 'Replies that were held back.')
  const delayedFor = metrics.counter('inbound_delay_seconds_total', 'For how long replies were held back.')
  const messages = metrics.counter('inbound_messages_total', 'Messages, by what they were answered.', ['outcome'])
  const bytes = metrics.counter('inbound_bytes_total', 'Bytes of messages.')

  // A number that is there from the beginning shows its first increase; and a child that is at hand need not be looked up.
  const arrivals = table(welcomes, (outcome) => begun(connections.labels({ outcome })))
  const offended = table(Object.keys(offences) as Offence[], (offence) => begun(wrongs.labels({ offence })))
  const answered = table(Object.values(outcomes), (outcome) => begun(messages.labels({ outcome })))
  for (const limit of windowKinds)
    for (const family of ['ipv4', 'ipv6'] as const)
      for (const breadth of [0, 1, 2] as const) begun(trips.labels({ limit, prefix: prefixLabel(family, breadth) }))

  return {
    arrived: (welcome) => arrivals[welcome].inc(),
    tripped: (kind, breadth, family) => trips.labels({ limit: kind, prefix: prefixLabel(family, breadth) }).inc(),
    offended: (offence) => offended[offence].inc(),
    keptOut: () => keptOut.inc(),
    madeRoom: () => madeRoom.inc(),
    delayed(ms) {
      delayed.inc()
      delayedFor.inc(ms / 1000)
    },
    message(size, code) {
      answered[outcomes[code < 400 ? 2 : code < 500 ? 4 : 5]].inc()
      bytes.inc(size)
    },
  }
}

function begun(child: Counter.Internal): Counter.Internal {
  child.inc(0)
  return child
}

const prefixLabel = (family: Family, breadth: Breadth): string => `${family}/${lengths[family][breadth]}`

const table = <K extends string, V>(keys: readonly K[], of: (key: K) => V): Record<K, V> =>
  Object.fromEntries(keys.map((key) => [key, of(key)])) as Record<K, V>
