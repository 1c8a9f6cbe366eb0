import { afterEach, beforeEach, expect, it } from 'vitest'
import { retryNow } from '../../server/outbound/control/deliveries.ts'
import { everything, stopSending } from '../../server/outbound/control/stops.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { type Store, openStore } from '../../server/store/db.ts'
import { deliveryById } from '../../server/store/queue.ts'
import { listStops } from '../../server/store/stops.ts'
import { multimail } from '../support/cli.ts'
import { claimNext, createLeaving } from '../support/leaving.ts'
import { createScratch } from '../support/scratch.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

// The server has the store open while somebody gives commands.
let scratch: Awaited<ReturnType<typeof createScratch>>
let store: Store
beforeEach(async () => {
  scratch = await createScratch('cli')
  store = await openStore({ databaseUrl: null, dataDir: scratch.path, log: silentLog, clock: systemClock })
})
afterEach(async () => {
  await store.close()
  await scratch.remove()
})

const relay = (...words: string[]) =>
  multimail({ MULTIMAIL_DATA_DIR: scratch.path, MULTIMAIL_HOSTNAME: 'mx.example.net' }, 'relay', ...words)
const host = { kind: 'system', part: 'host' } as const

async function queue(...to: string[]) {
  const leaving = await createLeaving(store, { signed: false, clock: createVirtualClock(systemClock.now()) })
  const email = await leaving.queue({ to })
  const [first, second] = await leaving.deliveries(email)
  if (first === undefined) throw new Error('nothing was queued')
  return { first: first.id, second: second?.id ?? first.id, mailbox: leaving.office.mailbox }
}
const actions = async () =>
  (await store.db.selectFrom('log_entries').select(['action', 'actor_id']).orderBy('seq').execute())
    .filter(({ actor_id }) => actor_id === 'system:host')
    .map(({ action }) => action)

it('multimail relay status says whether mail leaves, what waits, and what is stopped since when, by whom and why', async () => {
  expect(await relay('status')).toMatchObject({ code: 0, out: 'Mail leaves.\n0 deliveries wait.\n' })
  await queue('bo@remote.test')
  await stopSending({ store, clock: systemClock }, { scope: everything, actor: host, reason: 'A key\u001b[31m was stolen' })
  const { out } = await relay('status')
  expect(out).toMatch(/^All leaving mail is stopped\.\n {2}stopped since \S+Z by system:host: everything A key/)
  expect(out).toMatch(/ was stolen\n1 deliveries wait, the next from \S+ on\.\n$/)
  expect(out).not.toContain('\u001b')
  expect(JSON.parse((await relay('status', '--json')).out)).toMatchObject({
    stopped: true,
    queued: 1,
    stops: [{ account_id: null, mailbox_id: null, domain: null, actor_id: 'system:host', since: expect.stringMatching(/Z$/) }],
  })
})

it('multimail relay stop stops everything, once, and resume lets it leave again', async () => {
  expect(await relay('stop', '--reason', 'A key was stolen')).toMatchObject({
    code: 0,
    out: 'Stopped. What waits stays in the queue until it is resumed.\n',
  })
  expect(await relay('stop')).toMatchObject({ code: 0, out: 'It was stopped already.\n' })
  expect(await listStops(store.db)).toMatchObject([{ ...everything, reason: 'A key was stolen' }])
  expect(await relay('resume')).toMatchObject({ code: 0, out: 'Resumed.\n' })
  expect(await relay('resume')).toMatchObject({ code: 0, out: expect.stringContaining('This was not stopped') })
  expect(await listStops(store.db)).toEqual([])
  expect(await actions()).toEqual(['sending.stopped', 'sending.resumed'])
})

it('multimail relay pause stops one mailbox, one domain, or the one to the other, and resume takes the same words', async () => {
  const { mailbox } = await queue('bo@remote.test')
  const both = ['--mailbox', mailbox.address, '--domain', 'remote.test']
  for (const words of [['--mailbox', mailbox.address.toUpperCase()], ['--domain', 'Remote.Test'], both])
    expect(await relay('pause', ...words)).toMatchObject({ code: 0, out: expect.stringMatching(/^Stopped\./) })
  expect(await listStops(store.db)).toMatchObject([
    { mailbox_id: mailbox.id, world: 'live', domain: null },
    { mailbox_id: null, account_id: null, domain: 'remote.test' },
    { mailbox_id: mailbox.id, domain: 'remote.test' },
  ])
  expect((await relay('status')).out).toMatch(/^Mail leaves\.\n {2}stopped since/)
  expect(await relay('resume', '--domain', 'remote.test')).toMatchObject({ out: 'Resumed.\n' })
  expect(await listStops(store.db)).toHaveLength(2)
})

it('multimail relay pause wants the name of something that is there', async () => {
  const { mailbox } = await queue('bo@remote.test')
  expect(await relay('pause')).toMatchObject({ code: 2, err: expect.stringContaining('relay stop') })
  expect(await relay('pause', '--mailbox', 'nobody@ours.test')).toMatchObject({ code: 1, err: expect.stringContaining('no mailbox') })
  expect(await relay('pause', '--mailbox', mailbox.address, '--test')).toMatchObject({ code: 1 })
  expect(await relay('pause', '--domain', 'no domain')).toMatchObject({ code: 2, err: expect.stringContaining('is no domain') })
  expect(await listStops(store.db)).toEqual([])
})

it('multimail relay queue lists what waits, and no word of a stranger moves the cursor', async () => {
  expect(await relay('queue')).toMatchObject({ code: 0, out: 'Nothing waits.\n' })
  const { first, second } = await queue('a@remote.test', 'b@remote.test')
  await store.db.updateTable('deliveries').set({ last_reply: '450 later\u001b[2J\n' }).where('id', '=', first).execute()
  const { out } = await relay('queue')
  expect(out.split('\n')).toHaveLength(3)
  expect(out).toContain(`${first}  a@remote.test  attempts 0`)
  expect(out).not.toContain('\u001b')
  expect(JSON.parse((await relay('queue', '--json')).out)).toMatchObject([
    { id: first, recipient: 'a@remote.test', attempts: 0, last_reply: expect.stringContaining('450 later') },
    { id: second, last_reply: null },
  ])
})

it('multimail relay retry makes a delivery due now', async () => {
  const { first } = await queue('a@remote.test')
  await store.db
    .updateTable('deliveries')
    .set({ next_attempt_at: Date.UTC(2999, 0) })
    .execute()
  expect(await relay('retry', first)).toMatchObject({ code: 0, out: 'It is due now.\n' })
  expect((await deliveryById(store.db, first))?.next_attempt_at).toBeLessThanOrEqual(systemClock.now())
  expect(await relay('retry', `dlv_${'0'.repeat(26)}`)).toMatchObject({ code: 1, err: expect.stringContaining('no such delivery') })
  expect(await relay('retry', 'nonsense')).toMatchObject({ code: 2, err: expect.stringContaining('relay queue') })
  expect(await actions()).toEqual(['delivery.hurried'])
})

it('multimail relay cancel takes a delivery back, once', async () => {
  const { first } = await queue('a@remote.test')
  expect(await relay('cancel', first)).toMatchObject({ code: 0, out: 'It is cancelled.\n' })
  expect(await relay('cancel', first)).toMatchObject({ code: 1, err: expect.stringContaining('It is cancelled.') })
  expect(await retryNow({ store, clock: systemClock }, { id: first, actor: host })).toMatchObject({ ok: false })
  expect(await relay('cancel')).toMatchObject({ code: 2 })
  expect(await actions()).toEqual(['delivery.cancelled'])
})

it('multimail relay cancel and retry say when an attempt is under way', async () => {
  const { first } = await queue('a@remote.test')
  await claimNext(store, { now: systemClock.now(), leaseMs: 600_000, limit: 1, lease: 'of the server' })
  expect(await relay('retry', first)).toMatchObject({ code: 1, err: expect.stringContaining('under way') })
  expect(await relay('cancel', first)).toMatchObject({ code: 0, out: expect.stringContaining('An attempt is under way') })
  expect(await actions()).toEqual(['delivery.cancel_requested'])
})
