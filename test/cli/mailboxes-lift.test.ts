import { afterEach, beforeEach, expect, it } from 'vitest'
import { noteSending } from '../../server/outbound/standing/standing.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { openStore } from '../../server/store/db.ts'
import { appendLogs } from '../../server/store/log.ts'
import { mailboxById } from '../../server/store/mailboxes.ts'
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

it('multimail mailboxes lift lets a mailbox send again, and gives its autonomy back only when it is told to, with a reason', async () => {
  const first = await store()
  const { mailbox } = await openOffice(first, systemClock.now(), { mode: 'autonomous' })
  await first.transaction(async (tx) =>
    appendLogs(tx, await noteSending(tx, mailbox.id, { delivered: 80, bounced: 20 }, systemClock.now())),
  )
  await first.close()
  const lift = (...more: string[]) => multimail(env, 'mailboxes', 'lift', mailbox.address, ...more)
  expect(await lift()).toMatchObject({ code: 2, err: expect.stringContaining('--reason') })
  expect((await lift('--reason', 'x', '--mode', 'read_only')).code).toBe(2)
  expect((await lift('--reason', 'cleaned')).out).toBe(
    `${mailbox.address} was in suspension and is not any more; its mode is gated_send.\n`,
  )
  expect((await lift('--reason', 'watched', '--mode', 'monitored')).out).toBe(`${mailbox.address} stood well; its mode is monitored.\n`)
  const then = await store()
  expect((await mailboxById(then.db, mailbox.id))?.oversight_mode).toBe('monitored')
  const rows = await then.db
    .selectFrom('log_entries')
    .select(['actor_id', 'details_json'])
    .where('action', '=', 'mailbox.standing_lifted')
    .orderBy('seq')
    .execute()
  await then.close()
  expect(rows.map(({ actor_id, details_json }) => [actor_id, details_json])).toEqual([
    ['system:host', '{"reason":"cleaned"}'],
    ['system:host', '{"reason":"watched"}'],
  ])
  expect((await multimail(env, 'mailboxes', 'lift', 'nobody@ours.test', '--reason', 'x')).code).toBe(1)
})
