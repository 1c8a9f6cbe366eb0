import { expect, it } from 'vitest'
import { createLookups } from '../../server/doors/lookups.ts'
import { rateBand, ageBand, bounceBands } from '../../server/outbound/identity/bands.ts'
import { reputationHash, reputationSecret } from '../../server/outbound/identity/reputation.ts'
import { countSending } from '../../server/store/standings.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const day = 24 * 60 * 60_000

describeOnEachEngine('the reputation of a mailbox', (openStore) => {
  const hashOf = async (desk: Desk, id = desk.ours.free.id) => reputationHash(await reputationSecret(desk.store, 0), id)
  const ask = (desk: Desk, hash: string) => desk.call(null, 'GET', `/.well-known/reputation/${hash}`)

  it('is told to everybody in bands, of days that are over', async () => {
    const desk = await openDesk(openStore)
    const hash = await hashOf(desk)
    await desk.store.transaction((tx) => countSending(tx, desk.ours.free.id, { delivered: 90, bounced: 10 }, desk.clock.now()))
    expect((await ask(desk, hash)).body).toMatchObject({ bounce_rate_band: 'unknown', updated_at: '2026-03-02T00:00:00.000Z' })
    await desk.clock.advance(day)
    const answer = await ask(desk, hash)
    expect(answer).toMatchObject({ status: 200 })
    expect(answer.headers.get('access-control-allow-origin')).toBe('*')
    expect(answer.body).toEqual({
      hash,
      bounce_rate_band: 'high',
      complaint_rate_band: 'low',
      rejection_rate_band: 'unknown',
      account_age_band: 'under-30-days',
      oversight_mode: 'autonomous',
      verified_operator: false,
      updated_at: '2026-03-03T00:00:00.000Z',
    })
  })

  it('is not there for what is no mailbox, is deleted, or of the test world, and ten are told an hour', async () => {
    const desk = await openDesk(openStore)
    const gone = desk.ours.gated.id
    await desk.store.db.updateTable('mailboxes').set({ is_active: 0, deleted_at: 1 }).where('id', '=', gone).execute()
    const names = [
      '0'.repeat(64),
      'nonsense',
      (await hashOf(desk)).toUpperCase(),
      await hashOf(desk, gone),
      await hashOf(desk, desk.ours.test.id),
    ]
    for (const name of names) expect(await ask(desk, name)).toMatchObject({ status: 404, body: { code: 'REPUTATION_NOT_FOUND' } })
  })
})

it('one address looks up ten times an hour, a household of IPv6 is one address, and a proxy of our own is many', () => {
  const clock = createVirtualClock(0)
  const lookups = createLookups(clock)
  const taken = (ips: readonly string[]) => ips.filter((ip) => lookups.take(ip)).length
  const times = (count: number, ip: (at: number) => string) => Array.from({ length: count }, (_, at) => ip(at))
  expect(taken(times(20, () => '192.0.2.1').map(() => '198.41.0.4'))).toBe(10)
  expect(taken(times(20, (at) => `2600:1:2:3::${at + 1}`))).toBe(10)
  expect(taken(times(20, (at) => `::ffff:199.9.14.${at % 2}`))).toBe(20)
  expect(taken(times(100, () => '127.0.0.1'))).toBe(100)
  expect(lookups.take('198.41.0.4')).toBe(false)
  expect(lookups.nextAt()).toBe(3_600_000)
  // What was given back does not count, and nobody gets more by it.
  lookups.giveBack('198.41.0.4')
  expect(taken(times(3, () => '198.41.0.4'))).toBe(1)
  for (let n = 0; n < 20; n += 1) lookups.giveBack('198.41.0.4')
  expect(taken(times(20, () => '198.41.0.4'))).toBe(10)
  // Who is new while a flood lasts waits; memory does not grow.
  expect(taken(times(20_000, (at) => `45.${at >> 16}.${(at >> 8) & 255}.${at & 255}`))).toBeLessThan(10_000)
})

it.each([
  [0, 9, 'unknown'],
  [0, 10, 'low'],
  [2, 100, 'low'],
  [3, 100, 'medium'],
  [6, 100, 'high'],
])('of %d bounces in %d messages the band is %s', (part, all, band) => expect(rateBand(bounceBands, part, all)).toBe(band))

it.each([
  [29, 'under-30-days'],
  [30, '1-to-6-months'],
  [180, '6-to-12-months'],
  [365, 'over-1-year'],
])('a mailbox of %d days is %s', (days, band) => expect(ageBand(days * day)).toBe(band))
