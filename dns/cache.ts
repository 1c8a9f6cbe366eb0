/**
 * Remembers answers for as long as they hold, and asks each question once however many wait for its answer.
 *
 * Promise: what has expired is never served, "there is none" is only what the DNS said and never what it failed to say, and whatever strangers
 * make us ask, the memory it takes is bounded.
 */
import type { DnsAnswer, Lookup, Records, RrType, Timed } from './answer.ts'
import { lifetimeMs } from './lifetime.ts'
import type { Peek } from './lookup.ts'

/** What a question led to. `ttlSeconds`: as `lifetimeMs` takes it. */
export type Fresh<T extends RrType> = { answer: DnsAnswer<Records[T][]>; ttlSeconds: number | null; authenticated: boolean }
/** Never rejects. */
export type Ask = <T extends RrType>(name: string, rrtype: T) => Promise<Fresh<T>>

export type CacheLimits = { entries: number; bytes: number }

/** Since the start: answers from memory, questions that were asked, and those that waited for one already under way; and what is kept now. */
export type CacheCounts = { hits: number; misses: number; joined: number; entries: number; bytes: number }

export type Cache = { peek: Peek; lookup: Lookup; counts(): CacheCounts }

const standardLimits: CacheLimits = { entries: 20_000, bytes: 16 * 1024 * 1024 }

type Entry = { name: string; rrtype: RrType; timed: Timed<RrType>; since: number; bytes: number; used: boolean }
type ByName = Map<string, Entry>

export function createCache({ ask, clock, limits = standardLimits }: { ask: Ask; clock: { now(): number }; limits?: CacheLimits }): Cache {
  const kept: Record<RrType, ByName> = {
    A: new Map(),
    AAAA: new Map(),
    MX: new Map(),
    TXT: new Map(),
    PTR: new Map(),
    CNAME: new Map(),
    TLSA: new Map(),
  }
  // Oldest first. Who was used since it was last looked at gets a second turn: nearly the order of use, and a hit moves nothing.
  const order = new Set<Entry>()
  const asking = new Map<string, Promise<Timed<RrType>>>()
  const counted = { hits: 0, misses: 0, joined: 0 }
  let bytes = 0

  const peek: Peek = <T extends RrType>(name: string, rrtype: T) => {
    const entry = kept[rrtype].get(name)
    if (entry === undefined || !holds(entry, clock.now())) return undefined
    entry.used = true
    counted.hits++
    return entry.timed as Timed<T>
  }

  const lookup: Lookup = <T extends RrType>(name: string, rrtype: T) => {
    const known = peek(name, rrtype)
    return known === undefined ? join(name, rrtype) : Promise.resolve(known)
  }

  function join<T extends RrType>(name: string, rrtype: T): Promise<Timed<T>> {
    const question = `${rrtype} ${name}`
    const running = asking.get(question)
    if (running !== undefined) counted.joined++
    else counted.misses++
    const answer = running ?? askAndKeep(name, rrtype).finally(() => asking.delete(question))
    asking.set(question, answer)
    return answer as Promise<Timed<T>>
  }

  async function askAndKeep(name: string, rrtype: RrType): Promise<Timed<RrType>> {
    const { answer, ttlSeconds, authenticated } = await ask(name, rrtype)
    const now = clock.now()
    const lifetime = lifetimeMs(answer, ttlSeconds)
    const timed: Timed<RrType> = { answer, validUntil: lifetime === 0 ? 0 : now + lifetime, authenticated }
    if (lifetime > 0) keep({ name, rrtype, timed, since: now, bytes: bytesOf(name, answer), used: false })
    return timed
  }

  function keep(entry: Entry): void {
    const before = kept[entry.rrtype].get(entry.name)
    if (before !== undefined) forget(before)
    if (entry.bytes > limits.bytes) return
    makeRoom(entry.bytes)
    kept[entry.rrtype].set(entry.name, entry)
    order.add(entry)
    bytes += entry.bytes
  }

  function forget(entry: Entry): void {
    kept[entry.rrtype].delete(entry.name)
    order.delete(entry)
    bytes -= entry.bytes
  }

  // A set is walked through to what was added meanwhile, so this ends at the latest with those that got their second turn.
  function makeRoom(needed: number): void {
    for (const entry of order) {
      if (order.size < limits.entries && bytes + needed <= limits.bytes) return
      if (entry.used && holds(entry, clock.now())) again(entry)
      else forget(entry)
    }
  }

  function again(entry: Entry): void {
    entry.used = false
    order.delete(entry)
    order.add(entry)
  }

  return { peek, lookup, counts: () => ({ ...counted, entries: order.size, bytes }) }
}

/** Also not when the host's clock was set back: nobody then knows how old the entry is. */
const holds = ({ since, timed }: Entry, now: number): boolean => now >= since && now < timed.validUntil

// What V8 needs for the entry, its keys and its objects, roughly; the texts come on top.
const entryBytes = 400
const recordBytes = 100

const bytesOf = (name: string, answer: DnsAnswer<Records[RrType][]>): number =>
  entryBytes + name.length + (answer.kind === 'found' ? answer.value.reduce((sum, record) => sum + recordBytes + textLength(record), 0) : 0)

function textLength(record: Records[RrType]): number {
  if (typeof record === 'string') return record.length
  if (Array.isArray(record)) return record.reduce((sum, text) => sum + text.length + 24, 0)
  return 'exchange' in record ? record.exchange.length : record.data.length
}
