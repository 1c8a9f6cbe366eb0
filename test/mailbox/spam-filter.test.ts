import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { combine, learn, opinions, spamProbability, statisticalReason, weight } from '../../server/mailbox/spam-filter.ts'
import { type Letter, wordsOf } from '../../server/mailbox/spam-words.ts'
import type { AccountId } from '../../server/model/ids.ts'
import type { Tenancy } from '../../server/model/world.ts'
import type { Store } from '../../server/store/db.ts'
import { openOffice } from '../support/offices.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const now = Date.UTC(2026, 10, 22)

const spam = (n: number): Letter => ({
  subject: `Cheap pills, offer ${n}`,
  fromAddress: `seller${n}@pills.test`,
  fromName: 'Best Prices',
  markdown: `Buy cheap pills now at https://pills${n}.test/buy and save ${n} percent. Limited offer, order today!`,
})
const work = (n: number): Letter => ({
  subject: `Minutes of meeting ${n}`,
  fromAddress: 'bo@remote.test',
  fromName: 'Bo',
  markdown: `Hello, attached are the minutes of our planning meeting ${n}. The next release is due on Thursday; please review the notes.`,
})
const mixed: Letter = { ...work(99), subject: 'Lunch', markdown: 'Shall we have lunch?', fromAddress: 'new@other.test', fromName: null }

async function teach(store: Store, tenancy: Tenancy, lessons: number): Promise<void> {
  await store.transaction(async (tx) => {
    for (let n = 0; n < lessons; n++) {
      await learn(tx, { tenancy, letter: spam(n), label: 'spam', instead: null })
      await learn(tx, { tenancy, letter: work(n), label: 'not_spam', instead: null })
    }
  })
}

describeOnEachEngine('the filter that learns', (openStore) => {
  it('says nothing before it has seen five of each', async () => {
    const store = await openStore()
    const account = (await openOffice(store, now)).tenancy
    await teach(store, account, 4)
    expect(await spamProbability(store.db, account, spam(50))).toBeNull()
    await teach(store, account, 1)
    expect(await spamProbability(store.db, account, spam(50))).not.toBeNull()
  })

  it('tells what users called spam from what they did not, and leaves the rest alone', async () => {
    const store = await openStore()
    const account = (await openOffice(store, now)).tenancy
    await teach(store, account, 10)
    expect(await spamProbability(store.db, account, spam(50))).toBeGreaterThan(0.99)
    expect(await spamProbability(store.db, account, work(50))).toBeLessThan(0.02)
    expect(statisticalReason(await spamProbability(store.db, account, mixed))).toBeNull()
  })

  it('unlearns when a user changes their mind', async () => {
    const store = await openStore()
    const account = (await openOffice(store, now)).tenancy
    await teach(store, account, 10)
    const before = await store.db.selectFrom('spam_tokens').selectAll().orderBy('token').execute()
    const letter = spam(70)
    await store.transaction((tx) => learn(tx, { tenancy: account, letter, label: 'spam', instead: null }))
    await store.transaction((tx) => learn(tx, { tenancy: account, letter, label: 'spam', instead: 'spam' }))
    await store.transaction((tx) => learn(tx, { tenancy: account, letter, label: 'not_spam', instead: 'spam' }))
    const after = await store.db.selectFrom('spam_tokens').selectAll().orderBy('token').execute()
    const sum = (rows: typeof before, column: 'spam' | 'ham'): number => rows.reduce((all, row) => all + row[column], 0)
    expect(sum(after, 'spam')).toBe(sum(before, 'spam'))
    expect(sum(after, 'ham')).toBe(sum(before, 'ham') + wordsOf(account.accountId, letter).length + 1)
  })

  it('keeps what one account learned from the others, in words that cannot be read', async () => {
    const store = await openStore()
    const ours = (await openOffice(store, now)).tenancy
    const theirs = (await openOffice(store, now)).tenancy
    await teach(store, ours, 10)
    expect(await spamProbability(store.db, theirs, spam(1))).toBeNull()
    const tokens = (await store.db.selectFrom('spam_tokens').select('token').execute()).map(({ token }) => token)
    expect(tokens.filter((token) => /pills|meeting/.test(token))).toEqual([])
    expect(wordsOf(ours.accountId, spam(1))).not.toContain(wordsOf(theirs.accountId, spam(1))[0])
  })

  it('learns in each world apart', async () => {
    const store = await openStore()
    const live = (await openOffice(store, now)).tenancy
    const test = { ...live, world: 'test' } as const
    await teach(store, test, 10)
    expect(await spamProbability(store.db, live, spam(50))).toBeNull()
    await teach(store, live, 5)
    const before = await spamProbability(store.db, live, work(50))
    await store.transaction(async (tx) => {
      for (let n = 0; n < 50; n++) await learn(tx, { tenancy: test, letter: work(n), label: 'spam', instead: null })
    })
    expect(await spamProbability(store.db, live, work(50))).toBe(before)
  })
})

describe('the weighing', () => {
  it('believes a word the more, the more often it was seen', () => {
    const all = { spam: 100, ham: 100 }
    const weights = [0, 1, 5, 50].map((times) => weight({ spam: times, ham: 0 }, all))
    expect(weights).toEqual([...weights].toSorted((one, other) => one - other))
    expect(weights[0]).toBe(0.5)
    expect(weights[3]).toBeGreaterThan(0.99)
  })

  it('gives a probability whatever it is asked', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true }), { maxLength: 600 }), (weights) => {
        const probability = combine(weights)
        expect(probability).toBeGreaterThanOrEqual(0)
        expect(probability).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('is certain only when most telling words agree', () => {
    expect(combine(Array<number>(30).fill(0.95))).toBeGreaterThan(0.99)
    expect(combine(Array<number>(30).fill(0.05))).toBeLessThan(0.01)
    expect(combine([...Array<number>(15).fill(0.95), ...Array<number>(15).fill(0.05)])).toBeCloseTo(0.5)
    expect(combine([])).toBe(0.5)
  })

  it('has an opinion at both ends and none in between', () => {
    expect([0, 0.02, 0.5, 0.95, 1].map((p) => statisticalReason(p)?.points ?? null)).toEqual([-3, -3, null, 3, 5])
    expect(statisticalReason(null)).toBeNull()
    expect(opinions.map(({ code }) => code)).toEqual([...new Set(opinions.map(({ code }) => code))])
  })
})

describe('the words of an email', () => {
  it('are bounded in number and length, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 3_000 }), (text) => {
        const words = wordsOf('acc_1' as AccountId, { subject: text, fromAddress: text, fromName: text, markdown: text.repeat(20) })
        expect(words.length).toBeLessThanOrEqual(500)
        expect(words.every((word) => word.length === 16)).toBe(true)
      }),
      { numRuns: 50 },
    )
  })

  it('are found in scripts without spaces too', () => {
    const words = (markdown: string) => new Set(wordsOf('acc_1' as AccountId, { ...mixed, markdown }))
    const shared = words('今すぐ購入してください').intersection(words('すぐ購入'))
    expect(shared.size).toBeGreaterThan(words('x').size)
  })
})
