/** What a server has in its log when it stops is signed, and what it finds changed when it starts again it does not sign. */
import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { loadConfig } from '../../config/load.ts'
import { createZoneResolver } from '../../dns/resolver.ts'
import { createApp } from '../../server/app.ts'
import { setUp } from '../../server/identity/setup.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { createLog } from '../../server/platform/log.ts'
import { multimail } from '../support/cli.ts'
import { createScratch } from '../support/scratch.ts'

it('a server signs its log before it stops, and no other log afterwards', async () => {
  const scratch = await createScratch('checkpoint')
  const env = {
    MULTIMAIL_HOSTNAME: 'mx.ours.test',
    MULTIMAIL_DATA_DIR: scratch.path,
    MULTIMAIL_SMTP_PORT: '0',
    MULTIMAIL_HTTP_PORT: '0',
    MULTIMAIL_TLS_REPORTS: 'false',
  }
  const lines: string[] = []
  const run = async (meanwhile: (app: Awaited<ReturnType<typeof createApp>>) => Promise<unknown>) => {
    const loaded = loadConfig({ env, file: null })
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
    const log = createLog({ level: 'error', destination: { write: (line) => void lines.push(line) } })
    const app = await createApp(loaded.config, { resolver: createZoneResolver({}), log })
    await app.start()
    await meanwhile(app)
    await app.stop()
  }
  try {
    await run(({ store }) => setUp({ store, clock: systemClock }, { domain: 'ours.test', mailbox: 'robot' }))
    const key = (await multimail(env, 'audit', 'key')).out.trim()
    expect(await multimail(env, 'audit', 'verify', '--key', key)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/Signed up to entry \d+ with mx\.ours\.test.*\.\n$/),
    })
    // It was not running, and somebody had the file.
    await run(async ({ store }) => {
      await sql`drop trigger log_entries_unchanged`.execute(store.db)
      await sql`update log_entries set chain_hash = leaf_hash where seq = (select max(size) from log_checkpoints)`.execute(store.db)
    })
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['checkpoint.contradiction', 'alarm.record'])
    expect(await multimail(env, 'alarms')).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^record for log\n.*not the one that was signed/s),
    })
    expect(await multimail(env, 'audit', 'checkpoint')).toMatchObject({ code: 1, err: expect.stringContaining('Nothing is signed') })
    expect(await multimail(env, 'audit', 'verify')).toMatchObject({ code: 1 })
  } finally {
    await scratch.remove()
  }
})
