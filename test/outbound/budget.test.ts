import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Budget, type Shares, type Taken, type Taker, createBudget } from '../../server/outbound/budget.ts'
import { createLeaving, statesOf } from '../support/leaving.ts'
import { createRemoteMx } from '../support/remote-mx.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const shares: Shares = { smallUpTo: 10, small: 30, large: 100 }
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

let asking = 0
/** Everybody's own, who is nobody else. */
const anybody = (): Taker => ({ mailbox_id: `m${(asking += 1)}`, domain: `d${asking}` })

/** Takes, and remembers whether it was let go. */
function ask(budget: ReturnType<typeof createBudget>, octets: number, taker = anybody()) {
  const abort = new AbortController()
  const asked = { octets, abort, taken: undefined as Taken | null | undefined }
  void budget.take(octets, taker, abort.signal).then((taken) => (asked.taken = taken))
  return asked
}

describe('the octets under way', () => {
  it('are taken at once while there are some, and then in the order of coming', async () => {
    const budget = createBudget(shares)
    const [first, second, third, fourth] = [60, 60, 30, 40].map((octets) => ask(budget, octets))
    await turn()
    // The third would fit: it does not pass the second, which would then wait for ever longer.
    expect([first, second, third, fourth].map((one) => one?.taken !== undefined)).toEqual([true, false, false, false])
    first?.taken?.giveBack()
    await turn()
    expect([second, third, fourth].map((one) => one?.taken?.waited)).toEqual([true, true, undefined])
    second?.taken?.giveBack()
    await turn()
    expect(fourth?.taken?.waited).toBe(true)
    expect(budget.mostTaken()).toBe(90)
  })

  it('are the small ones’ also when all of the large ones’ are taken, and the other way about', async () => {
    const budget = createBudget(shares)
    const large = Array.from({ length: 20 }, () => ask(budget, 50))
    const small = Array.from({ length: 20 }, () => ask(budget, 10))
    await turn()
    expect(large.filter(({ taken }) => taken !== undefined)).toHaveLength(2)
    expect(small.filter(({ taken }) => taken !== undefined)).toHaveLength(3)
    expect(budget.taken()).toBe(130)
    small[0]?.taken?.giveBack()
    await turn()
    expect(small.filter(({ taken }) => taken !== undefined)).toHaveLength(4)
    expect(large.filter(({ taken }) => taken !== undefined)).toHaveLength(2)
  })

  it('are half of them for one domain and three quarters for one mailbox, and whoever is at that bound keeps nobody waiting', async () => {
    const budget = createBudget(shares)
    const slow = Array.from({ length: 4 }, () => ask(budget, 25, { mailbox_id: 'one', domain: 'slow.test' }))
    const more = Array.from({ length: 2 }, () => ask(budget, 25, { mailbox_id: 'one', domain: 'other.test' }))
    const another = ask(budget, 25, { mailbox_id: 'two', domain: 'other.test' })
    await turn()
    const went = () => [...slow, ...more, another].map(({ taken }) => taken !== undefined)
    expect(went()).toEqual([true, true, false, false, true, false, true])
    more[0]?.taken?.giveBack()
    await turn()
    expect(went()).toEqual([true, true, false, false, true, true, true])
    slow[0]?.taken?.giveBack()
    await turn()
    expect(went()).toEqual([true, true, true, false, true, true, true])
  })

  it('go to one that is larger than all of them when nothing else has any, and to nobody beside it', async () => {
    const budget = createBudget(shares)
    const before = ask(budget, 11)
    const huge = ask(budget, 1_000)
    const after = ask(budget, 11)
    await turn()
    expect([huge.taken, after.taken]).toEqual([undefined, undefined])
    before.taken?.giveBack()
    await turn()
    expect(huge.taken?.waited).toBe(true)
    expect(after.taken).toBeUndefined()
    huge.taken?.giveBack()
    await turn()
    expect(after.taken?.waited).toBe(true)
  })

  it('are not for who is interrupted before its turn, and whoever stood behind it goes', async () => {
    const budget = createBudget(shares)
    const first = ask(budget, 60)
    const second = ask(budget, 60)
    const third = ask(budget, 40)
    await turn()
    second.abort.abort()
    await turn()
    expect(second.taken).toBeNull()
    expect(third.taken?.waited).toBe(true)
    // Too late to change anything.
    third.abort.abort()
    first.taken?.giveBack()
    first.taken?.giveBack()
    expect(budget.taken()).toBe(40)
    expect(await budget.take(20, anybody(), AbortSignal.abort())).toBeNull()
  })

  it('are never more than there are, nobody is forgotten or overtaken by one of its size, and all come back', async () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ take: fc.oneof(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 11, max: 130 })) }) },
      { weight: 2, arbitrary: fc.record({ giveBack: fc.nat() }) },
      fc.record({ abort: fc.nat() }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const budget = createBudget(shares)
        const all: ReturnType<typeof ask>[] = []
        const held = new Set<ReturnType<typeof ask>>()
        const look = async (): Promise<void> => {
          await turn()
          for (const one of all) if (one.taken && !released.has(one)) held.add(one)
          for (const isSmall of [true, false]) {
            const ofKind = [...held].filter(({ octets }) => octets <= shares.smallUpTo === isSmall)
            const sum = ofKind.reduce((octets, one) => octets + one.octets, 0)
            const least = ofKind.filter(({ octets }) => octets > 0)
            expect(sum <= (isSmall ? shares.small : shares.large) || least.length === 1).toBe(true)
            const came = all.filter(({ octets, taken }) => octets <= shares.smallUpTo === isSmall && taken !== null)
            // Those that wait came after all that went.
            expect(came.findIndex(({ taken }) => taken === undefined)).toBe(
              came.some(({ taken }) => taken === undefined) ? came.filter(({ taken }) => taken !== undefined).length : -1,
            )
          }
          expect(budget.taken()).toBe([...held].reduce((octets, one) => octets + one.octets, 0))
        }
        const released = new Set<ReturnType<typeof ask>>()
        const release = (one: ReturnType<typeof ask>): void => {
          held.delete(one)
          released.add(one)
          one.taken?.giveBack()
        }
        for (const one of steps) {
          if ('take' in one) all.push(ask(budget, one.take))
          else if ('abort' in one) all.at(one.abort % Math.max(1, all.length))?.abort.abort()
          else
            [...held]
              .slice(one.giveBack % Math.max(1, held.size))
              .slice(0, 1)
              .forEach(release)
          await look()
        }
        while (held.size > 0) {
          ;[...held].slice(0, 1).forEach(release)
          await look()
        }
        expect(all.every(({ taken }) => taken !== undefined)).toBe(true)
        expect(budget.taken()).toBe(0)
      }),
    )
  })
})

const large = 40_000
const small = 1_000

/** A letter of about so many octets. */
const letter = (from: string, octets: number): Buffer =>
  Buffer.from(
    `From: <${from}>\r\nSubject: Much\r\nMessage-ID: <one@ours.test>\r\n\r\n${'x'
      .repeat(78)
      .concat('\r\n')
      .repeat(octets / 80)}`,
  )

describeOnEachEngine('deliveries of large messages', (openStore) => {
  /** Of large ones to one domain. */
  const three: Shares = { smallUpTo: 10_000, small: 20_000, large: 7 * large }

  /** A remote that takes its time with each message until it is told to answer. */
  async function slowRemote(messages: number) {
    const answers = Array.from({ length: messages }, () => Promise.withResolvers<string>())
    const remote = await createRemoteMx({ answers: { dot: answers.map(({ promise }) => promise) } })
    return { remote, accept: (nth: number) => answers[nth]?.resolve('250 2.0.0 Ok') }
  }
  /** `asked`: resolves once so many have asked for octets, with or without having to wait. */
  function watchedBudget(shares: Shares): Budget & { asked(count: number): Promise<void> } {
    const budget = createBudget(shares)
    const asking = Array.from({ length: 10 }, () => Promise.withResolvers<void>())
    let asked = 0
    return {
      ...budget,
      take(...all) {
        const taken = budget.take(...all)
        asking[asked]?.resolve()
        asked += 1
        return taken
      },
      asked: async (count) => asking[count - 1]?.promise,
    }
  }
  const everyPlace = { concurrency: 100, slots: { perMailbox: 100, perDomain: 100 } }

  it('hold no more octets than there are, though a hundred are under way, and all of them arrive', { timeout: 120_000 }, async () => {
    const { remote, accept } = await slowRemote(100)
    const budget = createBudget(three)
    const leaving = await createLeaving(await openStore(), { remote, budget, runner: everyPlace })
    const composed = letter(leaving.office.mailbox.address, large)
    const email = await leaving.queue({ composed, to: Array.from({ length: 100 }, (_, at) => `r${at}@remote.test`) })
    const drained = leaving.runner.drain()
    for (let answered = 0; answered < 100; answered += 1) {
      await remote.reached('dot', Math.min(100, answered + 3))
      expect(remote.sessions()).toBeLessThanOrEqual(answered + 3)
      accept(answered)
    }
    await drained
    expect(await statesOf(leaving, email)).toEqual(Array.from({ length: 100 }, () => 'delivered'))
    expect(new Set((await remote.received(100)).flatMap(({ forwardPaths }) => forwardPaths)).size).toBe(100)
    expect(budget.mostTaken()).toBe(3 * composed.length)
    expect(budget.taken()).toBe(0)
    expect((await leaving.deliveries(email)).every(({ attempts, may_be_accepted }) => attempts === 1 && may_be_accepted === 0)).toBe(true)
  })

  it('do not keep a small one waiting', async () => {
    const { remote, accept } = await slowRemote(21)
    const leaving = await createLeaving(await openStore(), { remote, budget: createBudget(three), runner: everyPlace })
    const composed = letter(leaving.office.mailbox.address, large)
    const much = await leaving.queue({ composed, to: Array.from({ length: 20 }, (_, at) => `r${at}@remote.test`) })
    const drained = leaving.runner.drain()
    await remote.reached('dot', 3)
    const little = await leaving.queue({ composed: letter(leaving.office.mailbox.address, small), to: ['little@remote.test'] })
    const second = leaving.anotherRunner().drain()
    // None of the large ones has ended.
    await remote.reached('dot', 4)
    accept(3)
    await second
    expect(await statesOf(leaving, little)).toEqual(['delivered'])
    for (let nth = 0; nth < 21; nth += 1) accept(nth)
    await drained
    expect(new Set(await statesOf(leaving, much))).toEqual(new Set(['delivered']))
  })

  it('that wait are given back when the runner stops, and go at its next start', async () => {
    const { remote, accept } = await slowRemote(5)
    const budget = createBudget(three)
    const leaving = await createLeaving(await openStore(), { remote, budget, runner: everyPlace })
    const composed = letter(leaving.office.mailbox.address, large)
    const email = await leaving.queue({ composed, to: Array.from({ length: 5 }, (_, at) => `r${at}@remote.test`) })
    leaving.runner.start()
    await remote.reached('dot', 3)
    const stopped = leaving.runner.stop()
    await leaving.untilAwaited(leaving.clock.now() + 4_000)
    await leaving.clock.advance(4_000)
    await stopped
    expect(remote.sessions()).toBe(3)
    expect(budget.taken()).toBe(0)
    const waited = (await leaving.deliveries(email)).filter(({ may_be_accepted }) => may_be_accepted === 0)
    expect(waited).toHaveLength(2)
    expect(waited.map(({ state, lease }) => [state, lease])).toEqual([
      ['queued', null],
      ['queued', null],
    ])
    // Nobody was dialled, so it is no attempt, and they are due at once.
    expect(waited.every(({ attempts, next_attempt_at }) => attempts === 0 && next_attempt_at <= leaving.clock.now() + 1)).toBe(true)
    accept(3)
    accept(4)
  })

  it('that wait for half a minute let others have their place, and come back in a minute without an attempt', async () => {
    const { remote, accept } = await slowRemote(4)
    const budget = watchedBudget(three)
    const leaving = await createLeaving(await openStore(), { remote, budget, runner: everyPlace })
    const composed = letter(leaving.office.mailbox.address, large)
    const email = await leaving.queue({ composed, to: Array.from({ length: 4 }, (_, at) => `r${at}@remote.test`) })
    const drained = leaving.runner.drain()
    await remote.reached('dot', 3)
    const paced = leaving.untilLogged('delivery.paced')
    await budget.asked(4)
    await leaving.clock.advance(30_000)
    await paced
    const last = (await leaving.deliveries(email)).find(({ attempts }) => attempts === 0)
    expect(last).toMatchObject({ state: 'queued', lease: null, next_attempt_at: leaving.clock.now() + 60_000 })
    for (let nth = 0; nth < 4; nth += 1) accept(nth)
    await drained
    await leaving.clock.advance(60_000)
    await leaving.runner.drain()
    expect(await statesOf(leaving, email)).toEqual(Array.from({ length: 4 }, () => 'delivered'))
  })

  it('that were changed in the store while they waited are looked at again', async () => {
    const store = await openStore()
    const { remote, accept } = await slowRemote(4)
    const budget = watchedBudget(three)
    const leaving = await createLeaving(store, { remote, budget, runner: everyPlace })
    const composed = letter(leaving.office.mailbox.address, large)
    await leaving.queue({ composed, to: ['a@remote.test', 'b@remote.test', 'c@remote.test'] })
    const drained = leaving.runner.drain()
    await remote.reached('dot', 3)
    const last = await leaving.queue({ composed, to: ['d@remote.test'] })
    const second = leaving.anotherRunner().drain()
    // It has looked, and stands in the line.
    await budget.asked(4)
    await store.db.updateTable('emails').set({ status: 'cancelled' }).where('id', '=', last.id).execute()
    for (let nth = 0; nth < 4; nth += 1) accept(nth)
    await Promise.all([drained, second])
    expect(remote.sessions()).toBe(3)
    expect(await statesOf(leaving, last)).toEqual(['cancelled'])
  })
})
