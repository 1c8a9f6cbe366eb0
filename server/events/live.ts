/**
 * What happens, told to those who wait for it in this process: calls of wait_for_email and wait_for_decision, and open streams.
 *
 * Promises: whoever listens before looking misses nothing; one arrival wakes only those who listen to its mailbox or its tenancy; nobody polls but
 * one reader of the outbox, which looks at each commit of this process and, while anybody listens, once a second for those of other
 * processes (other nodes on one PostgreSQL, commands on the host on one SQLite file). The courier of webhooks does not read the outbox: what is owed to
 * them is written beside each event, and outlives the process; here nothing does. A stream that was cut goes on where it was, or says that it cannot.
 */
import type { KeyActor } from '../model/actor.ts'
import type { Alarm, Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Store } from '../store/db.ts'
import { type EventRow, eventsAfter, eventsBySeq, lastSeqs } from '../store/events.ts'
import { type Admission, type Limits, createAdmission } from './admission.ts'
import { type Bell, hangBell } from './bell.ts'
import { type Progress, advance, forgetOld, positionOf, positionText, progressFrom } from './gaps.ts'
import type { Listen, Listener, LiveEvent, Scope } from './listener.ts'
import { type Stream, type StreamEnd, type StreamRequest, openStream } from './stream.ts'

export type { Stream, StreamEnd }

export type Live = {
  listen: Listen
  /** Rings when an event comes that concerns whoever hangs it. */
  bell(scope: Scope, concerns: (event: EventRow) => boolean): Promise<Bell>
  stream(scope: Scope, request: StreamRequest): Promise<Stream>
  /** Takes a place for a call that waits, or a stream; null when this key, its account or the process has as many as it may. */
  admit(kind: 'wait' | 'stream', actor: KeyActor): Admission | null
  /** How many have such a place. */
  admitted(kind: 'wait' | 'stream'): number
  /** How many listen. */
  listening(): number
  /** Is its key still good, and may it all that it might then? */
  isGood(actor: KeyActor): Promise<boolean>
  /** Ends all waits and streams; none begins any more. */
  close(): void
}

export type LiveDeps = { store: Store; clock: Clock; log: Log; isGood: Live['isGood']; limits?: Limits }

const tickMs = 1_000
const batch = 500
/** How far back an event may be missing whose transaction began before anybody listened. */
const lookBack = 200

export function createLive({ store, clock, log, isGood, limits }: LiveDeps): Live {
  const listeners = new Map<string, Set<Listener>>()
  const { admit, admitted } = createAdmission(limits)
  let progress: Promise<Progress> | null = null
  let reading: Promise<void> | null = null
  let again = false
  let ticking: Alarm | null = null
  let closed = false

  const stopTelling = store.onEvents(() => look())

  function look(): void {
    if (listeners.size === 0 || closed) return
    void catchUp().catch((err: unknown) => log.error({ err }, 'events.unreadable'))
  }

  /** Reads what is there now; whoever asks while it reads has it read once more. */
  function catchUp(): Promise<void> {
    again = true
    reading ??= readAll().finally(() => (reading = null))
    return reading
  }
  async function readAll(): Promise<void> {
    while (again) {
      again = false
      const at = progress
      if (at !== null) await readOnce(await at)
    }
  }
  async function readOnce(at: Progress): Promise<void> {
    for (;;) {
      const late = await eventsBySeq(store.db, [...at.missing.keys()].slice(0, batch))
      const rows = await eventsAfter(store.db, at.high, batch)
      for (const event of [...late, ...rows]) {
        advance(at, event.seq, clock.now())
        tell({ event, position: positionText(positionOf({ high: at.high, missing: at.missing.keys() })) })
      }
      if (rows.length < batch) break
    }
    forgetOld(at, clock.now())
  }
  function tell(live: LiveEvent): void {
    const { account_id, world, mailbox_id } = live.event
    for (const name of [`${account_id} ${world}`, ...(mailbox_id === null ? [] : [`${account_id} ${world} ${mailbox_id}`])])
      for (const listener of listeners.get(name) ?? []) listener.onEvent(live)
  }

  async function begin(): Promise<Progress> {
    const seqs = await lastSeqs(store.db, lookBack)
    return progressFrom(Math.max(0, ...seqs), seqs, clock.now())
  }
  function tick(): void {
    ticking = clock.at(clock.now() + tickMs, () => {
      look()
      tick()
    })
  }
  function rest(): void {
    if (listeners.size > 0) return
    ticking?.cancel()
    ticking = null
    progress = null
  }

  async function listen({ tenancy: { accountId, world }, mailboxIds }: Scope, listener: Listener): Promise<{ close(): void }> {
    const names = mailboxIds === null ? [`${accountId} ${world}`] : mailboxIds.map((id) => `${accountId} ${world} ${id}`)
    for (const name of names) listeners.set(name, (listeners.get(name) ?? new Set()).add(listener))
    const close = (): void => {
      for (const name of names) {
        listeners.get(name)?.delete(listener)
        if (listeners.get(name)?.size === 0) listeners.delete(name)
      }
      rest()
    }
    if (ticking === null && !closed) tick()
    progress ??= begin()
    try {
      await progress
    } catch (error) {
      close()
      progress = null
      throw error
    }
    if (closed) listener.onClosed()
    return { close }
  }

  /** What is read up to this moment, for whoever goes on from an earlier one. */
  async function settledNow(): Promise<Progress> {
    await catchUp()
    const at = await (progress ?? begin())
    return { high: at.high, missing: new Map(at.missing) }
  }

  return {
    listen,
    bell: (scope, concerns) => hangBell({ listen, clock }, scope, concerns),
    stream: (scope, request) => openStream({ store, clock, isGood, listen, settledNow }, scope, request),
    admit,
    admitted,
    isGood,
    listening: () => new Set([...listeners.values()].flatMap((set) => [...set])).size,
    close() {
      closed = true
      stopTelling()
      ticking?.cancel()
      for (const set of listeners.values()) for (const listener of set) listener.onClosed()
    },
  }
}
