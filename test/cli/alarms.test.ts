import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { raiseAlarm } from '../../server/store/alarms.ts'
import { openStore } from '../../server/store/db.ts'
import { multimail } from '../support/cli.ts'
import { createScratch } from '../support/scratch.ts'

let scratch: Awaited<ReturnType<typeof createScratch>>
let env: Record<string, string>
beforeEach(async () => {
  scratch = await createScratch('cli')
  env = { MULTIMAIL_DATA_DIR: scratch.path, MULTIMAIL_HOSTNAME: 'mx.example.net' }
})
afterEach(() => scratch.remove())

it('multimail alarms says what is wrong, who says so and what to do, and ends with 1 while something is', async () => {
  expect(await multimail(env, 'alarms')).toMatchObject({ code: 0, out: 'There are no alarms.\n' })
  const store = await openStore({ databaseUrl: null, dataDir: scratch.path, log: silentLog, clock: systemClock })
  const alarm = { class: 'ptr', source: '', provider: 'remote.test', reply: '450 4.7.1 no PTR\u001b[31m', link: null }
  await store.transaction((tx) => raiseAlarm(tx, alarm, Date.UTC(2026, 10, 22)))
  await store.close()
  const told = await multimail(env, 'alarms')
  expect(told.code).toBe(1)
  expect(told.out).toContain('ptr at remote.test\n  1 times from 2026-11-22T00:00:00.000Z')
  expect(told.out).toContain('PTR record that matches the host name')
  expect(told.out).not.toContain('\u001b')
  const listed = await multimail(env, 'alarms', '--json')
  expect(JSON.parse(listed.out)).toMatchObject([{ class: 'ptr', provider: 'remote.test', count: 1, link: null }])
})
