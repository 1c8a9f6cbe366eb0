import { expect, it } from 'vitest'
import { meanings } from '../../server/outbound/classify-meanings.ts'
import type { Row as TableRow } from '../../server/outbound/classify/row.ts'
import { table } from '../../server/outbound/classify/table.ts'
import { retryHint } from '../../server/outbound/schedule.ts'
import type { Stage } from '../../server/outbound/transport.ts'
import type { Store } from '../../server/store/db.ts'
import type { Row } from '../../server/store/schema.ts'
import { type Leaving, createLeaving } from '../support/leaving.ts'
import { type Answers, type RemoteMx, type Step, createRemoteMx } from '../support/remote-mx.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const second = 1_000
const minute = 60 * second
const hour = 60 * minute

/** Where a remote says its word. What comes at the others is no reply of a remote's (classify/codes.ts); those are told further down. */
const stepOf: Partial<Record<Stage, Step>> = { greeting: 'greeting', ehlo: 'ehlo', mail: 'mail', rcpt: 'rcpt', data: 'data', dot: 'dot' }

/** What became of a message: its class and state, the event and its type, whether its recipient is on the list, and how long until the next attempt. */
type End = { class: string | null; state: string; told: unknown; isSuppressed: boolean; waitMs: number | null }

/** What a row says must become of it, at the first attempt. */
function promised(row: TableRow): End {
  const isFinal = row.outcome === 'fail' || (row.outcome === 'as-told' && row.seen.reply.startsWith('5'))
  const usualWait = row.class === 'greylisted' ? 5 * minute + second : 5 * minute
  return {
    class: row.class,
    state: isFinal ? 'bounced' : 'queued',
    told: isFinal ? ['message.bounced', 'hard', row.class] : null,
    isSuppressed: isFinal && meanings[row.class].suppress === 'at-once',
    waitMs: isFinal ? null : (retryHint(row.seen.reply.replaceAll(/\r\n\d{3}[ -]?/g, ' ')) ?? usualWait),
  }
}

/** What became of each of these recipients, who have one delivery each. */
async function endsOf({ db }: Store, leaving: Leaving, recipients: readonly string[]): Promise<End[]> {
  const deliveries = await db.selectFrom('deliveries').selectAll().execute()
  const suppressed = new Set((await db.selectFrom('suppressions').select('address').execute()).map(({ address }) => address))
  const events = (await leaving.events()).filter(({ data }) => data['delivery_id'] !== undefined)
  return recipients.map((recipient) => {
    const row = deliveries.find((one) => one.forward_path === recipient)
    const event = events.find(({ data }) => data['delivery_id'] === row?.id)
    return {
      class: row?.bounce_class ?? null,
      state: row?.state ?? 'nowhere',
      told: event === undefined ? null : [event.type, event.data['bounce_type'], event.data['bounce_class']],
      isSuppressed: suppressed.has(recipient),
      waitMs: row?.state === 'queued' ? row.next_attempt_at - leaving.clock.now() : null,
    }
  })
}

const said = table.filter((row) => stepOf[row.seen.stage] !== undefined)

describeOnEachEngine('a refusal', (openStore, { engine }) => {
  // What is written down of each is the same for all rows.
  const rows = engine === 'sqlite' ? said : said.filter((_row, index) => index % 10 === 0)

  it(`of ${rows.length} rows of the table, said by a remote where it was seen, is understood, ends or waits as the table says`, async () => {
    const store = await openStore()
    const remote = await createRemoteMx({ extensions: ['8BITMIME'] })
    const leaving = await createLeaving(store, { remote })
    for (const [index, { seen }] of rows.entries()) {
      remote.answer({ [stepOf[seen.stage] ?? 'dot']: seen.reply } satisfies Answers)
      await leaving.queue({ to: [`r${index}@remote.test`] })
      await leaving.runner.drain()
    }
    const ends = await endsOf(
      store,
      leaving,
      rows.map((_row, index) => `r${index}@remote.test`),
    )
    const named = (all: readonly End[]) => rows.map((row, index) => [row.by, row.seen.stage, row.seen.reply, all[index]])
    expect(named(ends)).toEqual(named(rows.map(promised)))
  }, 120_000)
})

describeOnEachEngine('an attempt', (openStore) => {
  it('that finds no way ends or waits as the table says', async () => {
    const remote = await createRemoteMx()
    const zone = {
      'null.test': { MX: [{ priority: 0, exchange: '' }] },
      'hostless.test': { MX: [{ priority: 10, exchange: 'nothing.test' }] },
      'silent.test': { TIMEOUT: true as const },
      'broken.test': { SERVFAIL: true as const },
      'closed.test': { MX: [{ priority: 10, exchange: 'mx.closed.test' }] },
      'mx.closed.test': { A: ['127.0.0.99'] },
    }
    const store = await openStore()
    const leaving = await createLeaving(store, { remote, zone })
    const hard = (name: string) => ({
      class: name,
      state: 'bounced',
      told: ['message.bounced', 'hard', name],
      isSuppressed: true,
      waitMs: null,
    })
    const soft = { class: 'network', state: 'queued', told: null, isSuppressed: false, waitMs: 5 * minute }
    const expected: [string, End][] = [
      ['bo@null.test', hard('recipient')],
      ['bo@nowhere.test', hard('domain')],
      ['bo@hostless.test', hard('domain')],
      ['bo@silent.test', soft],
      ['bo@broken.test', soft],
      ['bo@closed.test', soft],
    ]
    for (const [recipient] of expected) await leaving.queue({ to: [recipient] })
    await leaving.runner.drain()
    const ends = await endsOf(
      store,
      leaving,
      expected.map(([recipient]) => recipient),
    )
    expect(expected.map(([recipient], index) => [recipient, ends[index]])).toEqual(expected)
    expect(remote.sessions()).toBe(0)
  })

  /** How long each may be silent. A message as short as ours is under way to its dot when the remote stops reading it. */
  const steps: [Step, patienceMs: number][] = [
    ['greeting', 5 * minute],
    ['ehlo', 5 * minute],
    ['mail', 5 * minute],
    ['rcpt', 5 * minute],
    ['data', 3 * minute],
    ['body', 10 * minute],
    ['dot', 10 * minute],
  ]

  it.each(['hang', 'cut', 'reset'])(
    'that ends at any step without a word (%s) waits, and says of its final dot alone that it may be there',
    async (how) => {
      const store = await openStore()
      for (const [step, patienceMs] of steps) {
        const remote = await createRemoteMx({ extensions: [] })
        const leaving = await createLeaving(store, { remote })
        remote.answer({ [step]: how })
        const email = await leaving.queue()
        const drained = leaving.runner.drain()
        await remote.reached(step)
        if (how === 'hang') {
          await leaving.untilAwaited(leaving.clock.now() + patienceMs)
          await leaving.clock.advance(patienceMs)
        }
        await drained
        const waits = { state: 'queued', bounce_class: 'network', attempts: 1, next_attempt_at: leaving.clock.now() + 5 * minute }
        // Whoever stops reading in the midst of a message may or may not have been sent the rest.
        const sent = step === 'body' ? expect.any(Number) : step === 'dot' ? 1 : 0
        expect([step, await leaving.deliveries(email)]).toMatchObject([step, [{ ...waits, may_be_accepted: sent }]])
        remote.answer({})
        await leaving.clock.advance(5 * minute)
        await leaving.runner.drain()
        expect([step, await leaving.deliveries(email)]).toMatchObject([step, [{ state: 'delivered', attempts: 2 }]])
        expect([step, (await remote.received(0)).length]).toEqual([step, step === 'dot' ? 2 : 1])
      }
    },
    60_000,
  )
})

describeOnEachEngine('a message that is put off', (openStore) => {
  const startAt = async (remote: RemoteMx) => {
    const store = await openStore()
    const leaving = await createLeaving(store, { remote })
    const [email, begin] = [await leaving.queue(), leaving.clock.now()]
    const delivery = async () => (await leaving.deliveries(email))[0]
    return { leaving, begin, delivery, waits: () => untilItEnds(leaving, delivery) }
  }
  /** Attempt after attempt, each at the time the one before chose. @returns the waits between them (ms) */
  async function untilItEnds({ runner, clock }: Leaving, delivery: () => Promise<Row<'deliveries'> | undefined>): Promise<number[]> {
    const waits: number[] = []
    for (;;) {
      await runner.drain()
      const now = await delivery()
      if (now?.state !== 'queued') return waits
      waits.push(now.next_attempt_at - clock.now())
      await clock.advance(now.next_attempt_at - clock.now())
    }
  }
  const usual = [5, 10, 20, 40, 80, 160]

  it('is tried at every wait of the retry table until its 72 hours are over, and then has expired', async () => {
    const remote = await createRemoteMx({ answers: { rcpt: '451 4.3.0 Later' }, extensions: [] })
    const { leaving, begin, delivery, waits } = await startAt(remote)
    const end = 72 * hour
    const regular = [...usual.map((minutes) => minutes * minute), ...Array.from({ length: 16 }, () => 4 * hour)]
    const last = end - regular.reduce((sum, wait) => sum + wait, 0)
    expect(await waits()).toEqual([...regular, last])
    expect(leaving.clock.now() - begin).toBe(end)
    expect(await delivery()).toMatchObject({ state: 'expired', bounce_class: 'temporary', attempts: 24, may_be_accepted: 0 })
    const told = (await leaving.events()).map(({ type, data }) => [type, data['bounce_type']])
    expect(told.at(-1)).toEqual(['message.bounced', 'soft'])
    expect(told.filter(([type]) => type === 'message.bounced')).toHaveLength(1)
    expect(remote.sessions()).toBe(24)
  }, 60_000)

  it('by a greylister that forgives after five minutes is through at the second attempt', async () => {
    const remote = await createRemoteMx({ extensions: [] })
    const { leaving, begin, delivery, waits } = await startAt(remote)
    remote.answer({ rcpt: () => (leaving.clock.now() < begin + 5 * minute ? '450 4.2.0 Greylisted, come back later' : '250 2.1.5 Ok') })
    expect(await waits()).toEqual([301 * second])
    expect(await delivery()).toMatchObject({ state: 'delivered', attempts: 2 })
  })

  it('by one that wants longer goes on as with anybody', async () => {
    const remote = await createRemoteMx({ extensions: [] })
    const { leaving, begin, waits } = await startAt(remote)
    remote.answer({ rcpt: () => (leaving.clock.now() < begin + hour ? '450 4.2.0 Greylisted' : '250 2.1.5 Ok') })
    expect(await waits()).toEqual([301 * second, 10 * minute, 20 * minute, 40 * minute])
  })

  it.each([
    ['451 4.7.1 Please try again in 300 seconds', 300 * second],
    ['421 4.7.0 Try again after 20 minutes', 20 * minute],
    ['450 4.2.0 Greylisted, retry in 2 h', 2 * hour],
    ['451 4.3.0 Try again in 1 second', minute],
    ['451 4.3.0 Try again in 90 hours', 6 * hour],
  ])('with a time, “%s”, comes back then, within bounds', async (reply, waitMs) => {
    const remote = await createRemoteMx({ answers: { rcpt: [reply, '250 Ok'] }, extensions: [] })
    const { waits } = await startAt(remote)
    expect(await waits()).toEqual([waitMs])
  })
})
