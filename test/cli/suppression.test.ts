import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { openStore } from '../../server/store/db.ts'
import { multimail } from '../support/cli.ts'
import { openOffice } from '../support/offices.ts'
import { createScratch } from '../support/scratch.ts'

let scratch: Awaited<ReturnType<typeof createScratch>>
let env: Record<string, string>
beforeEach(async () => {
  scratch = await createScratch('cli')
  env = { MULTIMAIL_DATA_DIR: scratch.path, MULTIMAIL_HOSTNAME: 'mx.example.net' }
})
afterEach(() => scratch.remove())

const store = () => openStore({ databaseUrl: null, dataDir: scratch.path, log: silentLog, clock: systemClock })
const said = (...argv: string[]) => multimail(env, 'suppression', ...argv)

it('the suppression list is kept from the command line, each account and world its own, on the record', async () => {
  expect(await said('list')).toMatchObject({ code: 1, err: expect.stringContaining('multimail setup') })
  const first = await store()
  await openOffice(first, systemClock.now())
  await first.close()
  expect((await said('list')).out).toBe('Nobody is on the list.\n')
  expect((await said('add', 'Bo@Remote.test')).out).toBe('bo@remote.test gets no more mail (manual).\n')
  await said('add', 'cy@remote.test', '--days', '7')
  expect((await said('list')).out).toMatch(
    /^cy@remote\.test {2}manual {2}since .*Z, until .*Z\nbo@remote\.test {2}manual {2}since [^,]*Z\n$/,
  )
  expect((await said('list', '--test')).out).toBe('Nobody is on the list.\n')
  expect(JSON.parse((await said('list', '--address', 'BO@remote.test', '--json')).out)).toMatchObject([
    { address: 'bo@remote.test', reason: 'manual', expires_at: null },
  ])
  expect((await said('remove', 'bo@remote.test')).out).toBe('bo@remote.test gets mail again; it was on the list for manual.\n')
  expect(await said('remove', 'bo@remote.test')).toMatchObject({ code: 1, err: expect.stringContaining('not on the list') })
  expect((await said('add', 'no address')).code).toBe(2)
  expect((await said('add', 'x@remote.test', '--days', '0')).code).toBe(2)
  expect((await said('list', '--account', 'nobody')).code).toBe(1)
  const then = await store()
  const entries = await then.db
    .selectFrom('log_entries')
    .select(['action', 'actor_id'])
    .where('resource_type', '=', 'suppression')
    .orderBy('seq')
    .execute()
  await then.close()
  expect(entries.map(({ action, actor_id }) => `${action} ${actor_id}`)).toEqual([
    'suppression.added system:host',
    'suppression.added system:host',
    'suppression.removed system:host',
  ])
})
