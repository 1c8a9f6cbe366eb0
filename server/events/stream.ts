/** One stream of events: what was missed first, then what comes. */
import type { KeyActor } from '../model/actor.ts'
import type { Alarm, Clock } from '../platform/clock.ts'
import type { Store } from '../store/db.ts'
import { type EventRow, type EventType, eventsMissed, firstSeq } from '../store/events.ts'
import { type Position, type Progress, positionOf, positionText, readPosition } from './gaps.ts'
import type { Listen, LiveEvent, Scope } from './listener.ts'

/** `types` null: all. `from`: the position a client had last; null: from now on. */
export type StreamRequest = { actor: KeyActor; types: readonly EventType[] | null; from: string | null; signal?: AbortSignal | undefined }

/** `ready`: from here on. `resync`: what came between the position named and this one is lost to this stream; look at the lists. */
export type StreamItem = { kind: 'ready' | 'resync'; position: string } | ({ kind: 'event' } & LiveEvent)
/** `slow`: the reader was too far behind · `key`: its key is good no more, or may less than it did */
export type StreamEnd = { kind: 'end'; why: 'gone' | 'slow' | 'key' | 'closed' }

export type Stream = { next(): Promise<StreamItem | StreamEnd>; close(): void }

type Deps = {
  store: Store
  clock: Clock
  isGood(actor: KeyActor): Promise<boolean>
  listen: Listen
  /** a copy of how far the reader has come, once it has read all that is there */
  settledNow(): Promise<Progress>
}

/** Who is further behind reads what it missed from the table, when it comes back. */
const mostWaiting = 256
const mostMissed = 1_000
/** A key that was revoked, has expired or may less than before has its streams for this long at most. */
const keyCheckMs = 30_000

export async function openStream(deps: Deps, scope: Scope, { actor, types, from, signal }: StreamRequest): Promise<Stream> {
  const { clock } = deps
  const waiting: StreamItem[] = []
  const replayed = new Set<number>()
  let end: StreamEnd | null = null
  let wake = (): void => undefined
  let check: Alarm | null = null
  const finish = (why: StreamEnd['why']): void => {
    end ??= { kind: 'end', why }
    wake()
  }
  const wanted = (event: EventRow): boolean => types === null || types.includes(event.type as EventType)
  const early: LiveEvent[] = []
  let isReady = false
  const take = (live: LiveEvent): void => {
    if (!wanted(live.event) || replayed.has(live.event.seq)) return
    if (waiting.length >= mostWaiting) finish('slow')
    else {
      waiting.push({ kind: 'event', ...live })
      wake()
    }
  }
  const listening = await deps.listen(scope, {
    onEvent(live) {
      if (isReady) take(live)
      else if (early.length < mostWaiting) early.push(live)
      else finish('slow')
    },
    onClosed: () => finish('closed'),
  })
  const onAbort = (): void => finish('gone')
  signal?.addEventListener('abort', onAbort)
  if (signal?.aborted === true) onAbort()
  const close = (): void => {
    finish('gone')
    check?.cancel()
    listening.close()
    signal?.removeEventListener('abort', onAbort)
  }
  const checkKey = (): void => {
    check = clock.at(clock.now() + keyCheckMs, () => {
      deps.isGood(actor).then(
        (isGood) => (isGood ? end === null && checkKey() : finish('key')),
        () => finish('closed'),
      )
    })
  }
  let first: StreamItem[]
  try {
    first = await missed(deps, scope, from, wanted)
  } catch (error) {
    close()
    throw error
  }
  for (const item of first) if (item.kind === 'event') replayed.add(item.event.seq)
  isReady = true
  for (const live of early.splice(0)) take(live)
  checkKey()

  return {
    close,
    async next() {
      for (;;) {
        const item = first.shift() ?? (end === null || end.why === 'slow' ? waiting.shift() : undefined)
        if (item !== undefined && end?.why !== 'key' && end?.why !== 'gone') return item
        if (end !== null) return end
        await new Promise<void>((resolve) => (wake = resolve))
      }
    },
  }
}

/** What whoever comes back with this position has missed; or that it cannot be said. */
async function missed(deps: Deps, scope: Scope, from: string | null, wanted: (event: EventRow) => boolean): Promise<StreamItem[]> {
  const now = await deps.settledNow()
  const here = (kind: 'ready' | 'resync'): StreamItem[] => [
    { kind, position: positionText(positionOf({ high: now.high, missing: now.missing.keys() })) },
  ]
  if (from === null) return here('ready')
  const position = readPosition(from)
  if (position === null || position.high > now.high) return here('resync')
  const first = await firstSeq(deps.store.db)
  if (first !== null && first > position.high + 1) return here('resync')
  const { tenancy, mailboxIds } = scope
  const rows = await eventsMissed(deps.store.db, tenancy, { mailboxIds, ...position, upTo: now.high, limit: mostMissed + 1 })
  if (rows.length > mostMissed) return here('resync')
  return [
    ...rows.filter(wanted).map((event) => ({ kind: 'event' as const, event, position: after(position, event.seq, now, rows) })),
    ...here('ready'),
  ]
}

/** Where a client stands that has these rows up to `seq`: those of them that come behind it are still missing to it. */
function after({ high }: Position, seq: number, now: Progress, rows: readonly EventRow[]): string {
  const reached = Math.max(high, seq)
  const later = rows.flatMap((row) => (row.seq > seq && row.seq <= reached ? [row.seq] : []))
  return positionText(positionOf({ high: reached, missing: new Set([...now.missing.keys(), ...later]) }))
}
