import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CacheLimits, type Fresh, createCache } from '../../dns/cache.ts'
import { lifetimeMs } from '../../dns/lifetime.ts'
import type { DnsAnswer, RrType } from '../../dns/resolver.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const found = (ttlSeconds: number): Fresh<'A'> => ({ answer: { kind: 'found', value: ['192.0.2.1'] }, ttlSeconds, authenticated: false })
const other = (answer: DnsAnswer<never>, ttlSeconds: number | null = null): Fresh<'A'> => ({ answer, ttlSeconds, authenticated: false })

/** A cache before a world that always says the same, and what it was asked. */
function openCache(fresh: Fresh<RrType> | (() => Promise<Fresh<RrType>>) = found(300), limits?: CacheLimits) {
  const clock = createVirtualClock(0)
  const asked: string[] = []
  const ask = <T extends RrType>(name: string, rrtype: T) => {
    asked.push(`${rrtype} ${name}`)
    return (typeof fresh === 'function' ? fresh() : Promise.resolve(fresh)) as Promise<Fresh<T>>
  }
  return { cache: createCache({ ask, clock, ...(limits && { limits }) }), clock, asked }
}

describe('how long an answer holds', () => {
  it.each([
    ['found, for the time it says', found(300), 300],
    ['found, 5 s when it says never', found(0), 5],
    ['found, an hour when it says a week', found(604_800), 3600],
    ['no-data, as its SOA says', other({ kind: 'no-data' }, 120), 120],
    ['no-data, 5 minutes when that says a day', other({ kind: 'no-data' }, 86_400), 300],
    ['no-domain, 5 s when that says never', other({ kind: 'no-domain' }, 0), 5],
    ['no-domain, a minute without a SOA', other({ kind: 'no-domain' }), 60],
    ['failed, 5 s', other({ kind: 'failed', reason: 'ESERVFAIL' }), 5],
    ['failed, 5 s whatever it says', other({ kind: 'failed', reason: 'ETIMEOUT' }, 600), 5],
    ['not asked for want of room, not at all', other({ kind: 'failed', reason: 'EBUSY' }), 0],
  ])('%s', (_what, { answer, ttlSeconds }, seconds) => {
    expect(lifetimeMs(answer, ttlSeconds)).toBe(seconds * 1000)
  })
})

describe('the cache of answers', () => {
  it('asks again when an answer has expired, and not before', async () => {
    const { cache, clock, asked } = openCache(found(300))
    const first = await cache.lookup('a.test', 'A')
    expect(first).toEqual({ answer: { kind: 'found', value: ['192.0.2.1'] }, validUntil: 300_000, authenticated: false })
    await clock.advance(299_999)
    expect(cache.peek('a.test', 'A')).toBe(first)
    await clock.advance(1)
    expect(cache.peek('a.test', 'A')).toBeUndefined()
    await cache.lookup('a.test', 'A')
    expect(asked).toEqual(['A a.test', 'A a.test'])
    expect(cache.counts()).toMatchObject({ hits: 1, misses: 2, entries: 1 })
  })

  it('keeps names and types apart', async () => {
    const { cache, asked } = openCache()
    for (const name of ['a.test', 'b.test', 'a.test']) for (const rrtype of ['A', 'AAAA'] as const) await cache.lookup(name, rrtype)
    expect(asked).toEqual(['A a.test', 'AAAA a.test', 'A b.test', 'AAAA b.test'])
  })

  it('remembers for 5 s that nobody could say, as that and nothing else', async () => {
    const { cache, clock, asked } = openCache(other({ kind: 'failed', reason: 'ESERVFAIL' }))
    await cache.lookup('a.test', 'A')
    await clock.advance(4_999)
    expect((await cache.lookup('a.test', 'A')).answer).toEqual({ kind: 'failed', reason: 'ESERVFAIL' })
    expect(asked).toHaveLength(1)
    await clock.advance(1)
    await cache.lookup('a.test', 'A')
    expect(asked).toHaveLength(2)
  })

  it('forgets at once what it had no room to ask', async () => {
    const { cache, asked } = openCache(other({ kind: 'failed', reason: 'EBUSY' }))
    expect((await cache.lookup('a.test', 'A')).validUntil).toBe(0)
    await cache.lookup('a.test', 'A')
    expect(asked).toHaveLength(2)
    expect(cache.counts().entries).toBe(0)
  })

  it('asks once however many ask at the same time', async () => {
    const { promise, resolve } = Promise.withResolvers<Fresh<'A'>>()
    const { cache, asked } = openCache(() => promise)
    const waiting = Array.from({ length: 50 }, () => cache.lookup('a.test', 'A'))
    const another = cache.lookup('b.test', 'A')
    resolve(found(0))
    const answers = await Promise.all(waiting)
    await another
    expect(new Set(answers).size).toBe(1)
    expect(asked).toEqual(['A a.test', 'A b.test'])
    expect(cache.counts()).toMatchObject({ hits: 0, misses: 2, joined: 49 })
  })

  it('does not trust a clock that was set back', async () => {
    const { cache } = openCache()
    let now = 1_000_000
    const moving = createCache({ ask: () => Promise.resolve(found(300) as Fresh<never>), clock: { now: () => now } })
    await moving.lookup('a.test', 'A')
    now -= 10
    expect(moving.peek('a.test', 'A')).toBeUndefined()
    expect(cache.counts().entries).toBe(0)
  })

  it('drops what was used longest ago when there are too many', async () => {
    const { cache } = openCache(found(300), { entries: 3, bytes: 1_000_000 })
    for (const name of ['a.test', 'b.test', 'c.test']) await cache.lookup(name, 'A')
    cache.peek('a.test', 'A')
    await cache.lookup('d.test', 'A')
    const known = ['a.test', 'b.test', 'c.test', 'd.test'].filter((name) => cache.peek(name, 'A') !== undefined)
    expect(known).toEqual(['a.test', 'c.test', 'd.test'])
    expect(cache.counts().entries).toBe(3)
  })

  it('keeps the newest even when all others are in use', async () => {
    const { cache } = openCache(found(300), { entries: 2, bytes: 1_000_000 })
    for (const name of ['a.test', 'b.test']) await cache.lookup(name, 'A')
    for (const name of ['a.test', 'b.test']) cache.peek(name, 'A')
    await cache.lookup('c.test', 'A')
    expect(cache.peek('c.test', 'A')).toBeDefined()
    expect(cache.counts().entries).toBe(2)
  })

  it('prefers what still holds to what has expired', async () => {
    const lives = [5, 300, 300, 300]
    const { cache, clock } = openCache(() => Promise.resolve(found(lives.shift() ?? 300)), { entries: 3, bytes: 1_000_000 })
    for (const name of ['short.test', 'a.test', 'b.test']) await cache.lookup(name, 'A')
    cache.peek('short.test', 'A')
    await clock.advance(6_000)
    await cache.lookup('c.test', 'A')
    expect(['a.test', 'b.test', 'c.test'].every((name) => cache.peek(name, 'A') !== undefined)).toBe(true)
  })

  it('keeps within its memory, and does not try to keep what alone is more', async () => {
    const texts = (length: number): Fresh<'TXT'> => ({
      answer: { kind: 'found', value: [['x'.repeat(length)]] },
      ttlSeconds: 300,
      authenticated: false,
    })
    let length = 8_000
    const { cache } = openCache(() => Promise.resolve(texts(length)), { entries: 1_000, bytes: 100_000 })
    for (let i = 0; i < 100; i++) await cache.lookup(`n${i}.test`, 'TXT')
    expect(cache.counts().entries).toBeGreaterThan(5)
    expect(cache.counts().bytes).toBeLessThanOrEqual(100_000)
    length = 100_000
    await cache.lookup('huge.test', 'TXT')
    expect(cache.peek('huge.test', 'TXT')).toBeUndefined()
    expect(cache.peek('n99.test', 'TXT')).toBeDefined()
  })

  it('never has more than it may, and never forgets what it counts, whatever is asked in whatever order', async () => {
    const step = fc.record({
      name: fc.nat(12),
      rrtype: fc.constantFrom<RrType>('A', 'TXT'),
      wait: fc.constantFrom(0, 0, 0, 4_000, 400_000),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.array(fc.constantFrom(0, 5, 300), { minLength: 60 }), async (steps, ttls) => {
        const { cache, clock } = openCache(() => Promise.resolve(found(ttls.pop() ?? 0)), { entries: 5, bytes: 2_000 })
        for (const { name, rrtype, wait } of steps) {
          await clock.advance(wait)
          const { validUntil } = await cache.lookup(`n${name}.test`, rrtype)
          expect(validUntil).toBeGreaterThan(clock.now())
          expect(cache.counts().entries).toBeLessThanOrEqual(5)
          expect(cache.counts().bytes).toBeLessThanOrEqual(2_000)
        }
        const names = Array.from({ length: 13 }, (_, name) => `n${name}.test`)
        const seen = names.flatMap((name) => (['A', 'TXT'] as const).filter((rrtype) => cache.peek(name, rrtype) !== undefined))
        expect(seen.length).toBeLessThanOrEqual(cache.counts().entries)
      }),
      { numRuns: 40 },
    )
  })
})
