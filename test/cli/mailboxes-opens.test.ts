import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { openStore } from '../../server/store/db.ts'
import { wantsNotices } from '../../server/store/notices.ts'
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

it('multimail mailboxes opens switches one mailbox, says so, and puts it on the record', async () => {
  const first = await store()
  const { mailbox } = await openOffice(first, systemClock.now())
  await first.close()
  const on = await multimail(env, 'mailboxes', 'opens', mailbox.address, 'on')
  expect([on.code, on.out]).toEqual([0, `Mail from ${mailbox.address} tells when it is opened, from now on.\n`])
  await multimail(env, 'mailboxes', 'opens', mailbox.address, 'on')
  await multimail(env, 'mailboxes', 'opens', mailbox.address, 'off')
  const then = await store()
  const entries = await then.db
    .selectFrom('log_entries')
    .select(['actor_id', 'body'])
    .where('action', '=', 'mailbox.opens_set')
    .orderBy('seq')
    .execute()
  await then.close()
  expect(entries.map(({ actor_id, body }) => [actor_id, /"on":(true|false)/.exec(body)?.[1]])).toEqual([
    ['system:host', 'true'],
    ['system:host', 'false'],
  ])
  expect(await multimail(env, 'mailboxes', 'opens', 'nobody@ours.test', 'on')).toMatchObject({
    code: 1,
    err: expect.stringContaining('no mailbox'),
  })
  expect((await multimail(env, 'mailboxes', 'opens', mailbox.address, 'perhaps')).code).toBe(2)
})

it('multimail mailboxes notices does so with notices by mail', async () => {
  const first = await store()
  const { mailbox } = await openOffice(first, systemClock.now())
  await first.close()
  const on = await multimail(env, 'mailboxes', 'notices', mailbox.address, 'on')
  expect([on.code, on.out]).toEqual([0, `${mailbox.address} is told by mail when its mail is late or fails, from now on.\n`])
  const then = await store()
  expect(await wantsNotices(then.db, mailbox.id)).toBe(true)
  expect(await then.db.selectFrom('log_entries').select('actor_id').where('action', '=', 'mailbox.notices_set').execute()).toEqual([
    { actor_id: 'system:host' },
  ])
  await then.close()
})
