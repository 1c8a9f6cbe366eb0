import { afterEach, beforeEach, expect, it } from 'vitest'
import { setUp } from '../../server/identity/setup.ts'
import { type AccountId, newId } from '../../server/model/ids.ts'
import { systemClock as clock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { insertAccount } from '../../server/store/accounts.ts'
import { type Store, openStore } from '../../server/store/db.ts'
import { multimail } from '../support/cli.ts'
import { knownDkim } from '../support/known-dkim.ts'
import { createScratch } from '../support/scratch.ts'

let scratch: Awaited<ReturnType<typeof createScratch>>
let store: Store
let said: (...argv: string[]) => ReturnType<typeof multimail>
let stranger: AccountId
beforeEach(async () => {
  scratch = await createScratch('cli')
  const env = { MULTIMAIL_DATA_DIR: scratch.path, MULTIMAIL_HOSTNAME: 'mx.example.net' }
  said = (...argv) => multimail(env, ...argv)
  store = await openStore({ databaseUrl: null, dataDir: scratch.path, log: silentLog, clock })
  // First, so that who is taken by age or by what they call themselves is the wrong one.
  stranger = newId('account', 0)
  await store.transaction((tx) =>
    insertAccount(tx, {
      id: stranger,
      name: 'Host',
      slug: 'host',
      created_at: 0,
      signed_up_at: 0,
      oversight_email: 'ann@elsewhere.example',
    }),
  )
})
afterEach(async () => {
  await store.close()
  await scratch.remove()
})

const commands = [
  ['keys', 'create', '--name', 'more'],
  ['operator', 'email', 'boss@elsewhere.example'],
  ['operator', 'sessions'],
  ['suppression', 'add', 'bo@remote.test'],
]
const keysOf = (id: AccountId) =>
  store.db.selectFrom('api_keys').select('id').where('account_id', '=', id).where('name', '=', 'more').execute()
const stoppedBy = (id: AccountId) => store.db.selectFrom('suppressions').select('id').where('account_id', '=', id).execute()
const addressOf = async (id: AccountId) =>
  (await store.db.selectFrom('accounts').select('oversight_email').where('id', '=', id).executeTakeFirstOrThrow()).oversight_email

it('no command means an account that somebody signed up for, but by its id', async () => {
  for (const command of commands) expect([command, (await said(...command)).code]).not.toEqual([command, 0])
  const made = await setUp({ store, clock, makeDkim: knownDkim }, { domain: 'example.com', mailbox: 'agent' })
  const own = made.ok ? made.value.account.id : expect.fail(made.code)
  for (const command of commands) expect(await said(...command)).toMatchObject({ code: 0 })
  for (const command of commands) expect((await said(...command, '--account', 'host')).code).not.toBe(0)
  expect([await keysOf(stranger), await stoppedBy(stranger), await addressOf(stranger)]).toEqual([[], [], 'ann@elsewhere.example'])
  expect([(await keysOf(own)).length, (await stoppedBy(own)).length, await addressOf(own)]).toEqual([1, 1, 'boss@elsewhere.example'])
  expect(await said('keys', 'create', '--name', 'more', '--account', stranger)).toMatchObject({ code: 0 })
  expect(await keysOf(stranger)).toHaveLength(1)
})
