import { expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { openStore } from '../../server/store/db.ts'
import { saveMeasure } from '../../server/store/pace-measures.ts'
import { multimail } from '../support/cli.ts'
import { createScratch } from '../support/scratch.ts'

it('multimail relay pace shows which mail servers get nothing, or less, for now', async () => {
  const scratch = await createScratch('cli')
  onTestFinished(() => scratch.remove())
  const env = { MULTIMAIL_DATA_DIR: scratch.path, MULTIMAIL_HOSTNAME: 'mx.example.net' }
  expect(await multimail(env, 'relay', 'pace')).toMatchObject({ code: 0, out: 'Every destination gets its mail.\n' })

  const store = await openStore({ databaseUrl: null, dataDir: scratch.path, log: silentLog, clock: systemClock })
  const until_at = Date.UTC(2999, 0, 1)
  const about = { until_at, per_minute: null, connections: null }
  await saveMeasure(store, { ...about, destination: 'yahoo', provider: 'yahoo', kind: 'hold', because: 'tss04' }, 0)
  const slow = { destination: 'evil\u202e.example', provider: 'other', kind: 'slow' as const, because: 'ip-reputation', until_at }
  await saveMeasure(store, { ...slow, per_minute: 1, connections: 1 }, 0)
  await store.close()

  const { code, out } = await multimail(env, 'relay', 'pace')
  expect(code).toBe(0)
  expect(out).toContain('yahoo  nothing until 2999-01-01T00:00:00.000Z  (tss04)\n')
  expect(out).toContain('at most 1 a minute over 1 at a time until 2999-01-01T00:00:00.000Z  (ip-reputation)\n')
  expect(out).not.toContain('\u202e')
  const json = JSON.parse((await multimail(env, 'relay', 'pace', '--json')).out)
  expect(json).toMatchObject([
    { destination: expect.any(String) },
    { destination: 'yahoo', until: '2999-01-01T00:00:00.000Z', kind: 'hold' },
  ])
})
