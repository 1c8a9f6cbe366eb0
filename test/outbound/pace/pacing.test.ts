import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Fact,
  type Pacing,
  ask,
  firstWindow,
  isForgettable,
  learned,
  left,
  longestQueueMs,
  newPacing,
  openedNone,
  restMs,
} from '../../../server/outbound/pace/pacing.ts'
import type { Limits, ProviderName } from '../../../server/outbound/pace/providers.ts'

const minute = 60_000
const hour = 60 * minute
const start = Date.UTC(2026, 10, 22, 12)
const limits: Limits = { connections: 10, perMinute: 100, perConnection: 100 }

const good: Fact = { kind: 'good', text: '250 2.0.0 OK', toldMs: null, tookMs: 1_000 }
const bad: Fact = { kind: 'bad', text: '421 4.3.2 Too busy', toldMs: null, tookMs: 1_000 }
const said = (text: string, toldMs: number | null = null): Fact => ({ ...bad, text, toldMs })

const learn = (state: Pacing, fact: Fact, now = start, name: ProviderName = 'other') => learned(state, name, limits, fact, now)
const times = (count: number, state: Pacing, step: (state: Pacing) => Pacing): Pacing =>
  Array.from({ length: count }).reduce<Pacing>((one) => step(one), state)
/** Takes as many places as there are. */
const fill = (state: Pacing, now = start, of = limits): { taken: number; state: Pacing } => {
  let [taken, one] = [0, state]
  for (let answer = ask(one, of, now); answer.kind === 'go'; answer = ask(one, of, now)) [taken, one] = [taken + 1, answer.state]
  return { taken, state: one }
}

describe('concurrency', () => {
  it(`begins with ${firstWindow}, or fewer where fewer are allowed`, () => {
    expect(fill(newPacing(limits, start)).taken).toBe(firstWindow)
    const two = { ...limits, connections: 2 }
    expect(fill(newPacing(two, start), start, two).taken).toBe(2)
  })

  it('grows by one for each success, up to the limit', () => {
    const state = newPacing(limits, start)
    expect(learn(state, good).window).toBe(firstWindow + 1)
    expect(times(50, state, (one) => learn(one, good)).window).toBe(limits.connections)
  })

  it('shrinks by one for each failure; a cohort that failed rests, and then begins anew', () => {
    const state = newPacing(limits, start)
    expect(learn(state, bad).window).toBe(firstWindow - 1)
    const failed = times(firstWindow, state, (one) => learn(one, bad))
    expect(failed).toMatchObject({ hold: { until: start + restMs, because: 'failing' }, window: firstWindow })
    expect(ask(failed, limits, start + restMs - 1)).toMatchObject({ kind: 'wait', reason: 'suspended' })
    expect(ask(failed, limits, start + restMs)).toMatchObject({ kind: 'go' })
  })

  it('gives a place back to the next', () => {
    const full = fill(newPacing(limits, start)).state
    expect(ask(full, limits, start)).toMatchObject({ kind: 'wait', reason: 'full' })
    expect(ask(left(full), limits, start)).toMatchObject({ kind: 'go' })
  })
})

describe('connections in a minute', () => {
  it('are counted, and those that were not needed are not', () => {
    const few = { ...limits, perMinute: 3 }
    const full = fill(newPacing(few, start), start, few)
    expect(full.taken).toBe(3)
    expect(ask(full.state, few, start)).toMatchObject({ kind: 'wait', reason: 'rate', until: start + minute + minute / 3 })
    expect(ask(openedNone(full.state), few, start)).toMatchObject({ kind: 'go' })
    expect(ask(full.state, few, start + minute)).toMatchObject({ kind: 'go' })
  })
})

describe('who has to wait', () => {
  it('is asked to come one after the other, never all at once, and never later than the longest wait', () => {
    let { state } = fill(newPacing(limits, start))
    const asked: number[] = []
    for (let one = 0; one < 5_000; one++) {
      const answer = ask(state, limits, start)
      if (answer.kind !== 'wait') throw new Error('a place was free')
      asked.push(answer.until)
      state = answer.state
    }
    expect(asked).toEqual(asked.toSorted((one, other) => one - other))
    expect(asked[0]).toBeGreaterThan(start)
    expect(asked.filter((time) => time <= start + 10_000).length).toBeLessThanOrEqual(50)
    expect(asked.at(-1)).toBe(start + longestQueueMs)
  })
})

describe('what a provider asks for', () => {
  it('two hours of silence after [TSS04]', () => {
    const state = learn(newPacing(limits, start), said('421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred'), start, 'yahoo')
    expect(state.hold).toEqual({ until: start + 2 * hour, because: 'tss04' })
    expect(ask(state, limits, start + 2 * hour - 1).kind).toBe('wait')
    expect(ask(state, limits, start + 2 * hour).kind).toBe('go')
  })

  it('one message a minute over one connection for 90 minutes after "temporarily deferred"', () => {
    const state = learn(newPacing(limits, start), said('451 4.7.650 … has been temporarily rate limited due to IP reputation. (S775)'))
    const first = ask(state, limits, start)
    expect(first.kind).toBe('go')
    expect(ask(first.state, limits, start)).toMatchObject({ kind: 'wait', reason: 'full' })
    expect(ask(left(first.state), limits, start + 59_999)).toMatchObject({ kind: 'wait', reason: 'rate' })
    expect(ask(left(first.state), limits, start + minute).kind).toBe('go')
    expect(fill(state, start + 90 * minute).taken).toBe(4)
  })

  it('ten a minute for half an hour when Gmail speaks of an unusual rate twice within an hour', () => {
    const unusual = said('421 4.7.28 Gmail has detected an unusual rate of unsolicited mail')
    const once = learn(newPacing(limits, start), unusual, start, 'google')
    expect(once.slow).toBeNull()
    expect(learn(once, unusual, start + 61 * minute, 'google').slow).toBeNull()
    const twice = learn(once, unusual, start + 59 * minute, 'google')
    expect(twice.slow).toEqual({ until: start + 89 * minute, because: 'unusual-rate', perMinute: 10, connections: 2 })
    expect(learn(once, unusual, start + 59 * minute, 'yahoo').slow).toBeNull()
  })

  it('to be left alone for as long as it says', () => {
    const state = learn(newPacing(limits, start), said('421 4.7.0 Try again in 20 minutes', 20 * minute))
    expect(state.hold).toEqual({ until: start + 20 * minute, because: 'told' })
    // A shorter word does not end a longer silence.
    expect(learn(state, said('421 Try again in 60 s', minute)).hold).toEqual(state.hold)
  })
})

describe('whatever happens', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('ask' as const) }),
    fc.record({ do: fc.constant('good' as const) }),
    fc.record({ do: fc.constant('bad' as const), text: fc.constantFrom('', '[TSS04]', 'temporarily deferred', 'unusual rate') }),
    fc.record({ do: fc.constant('later' as const), ms: fc.integer({ min: 1, max: 3 * hour }) }),
  )
  it('the limits hold, nobody waits without end, and what is quiet is forgotten', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        let [state, now, busy] = [newPacing(limits, start), start, 0]
        for (const one of steps) {
          if (one.do === 'later') now += one.ms
          else if (one.do === 'ask') {
            const answer = ask(state, limits, now)
            state = answer.state
            if (answer.kind === 'go') busy += 1
            else expect(answer.until).toBeGreaterThan(now)
            if (answer.kind === 'wait') expect(answer.until - now).toBeLessThanOrEqual(2 * hour + longestQueueMs)
          } else if (busy > 0) {
            busy -= 1
            state = left(learned(state, 'google', limits, one.do === 'good' ? good : said(one.text), now))
          }
          expect(state.busy).toBe(busy)
          expect(state.window).toBeGreaterThanOrEqual(1)
          expect(state.window).toBeLessThanOrEqual(limits.connections)
          expect(busy).toBeLessThanOrEqual(limits.connections)
          expect(state.opened.length).toBeLessThanOrEqual(limits.perMinute)
        }
        expect(isForgettable(times(busy, state, left), now + 3 * hour)).toBe(true)
        expect(ask(times(busy, state, left), limits, now + 3 * hour).kind).toBe('go')
      }),
    )
  })
})
