import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { liftOnHost } from '../../../server/outbound/standing/lift.ts'
import { mailboxById, mailboxToChange } from '../../../server/store/mailboxes.ts'
import { openDesk } from '../../support/desk.ts'
import { describeOnPostgres } from '../../support/stores.ts'
import { putMode } from '../../support/put-mode.ts'

describeOnPostgres('lifting on the host', (openStore) => {
  it('gives no autonomy back that somebody takes away meanwhile', { timeout: 30_000 }, async () => {
    const desk = await openDesk(openStore)
    const { store, ours } = desk
    const [locked, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const pausing = store.transaction(async (tx) => {
      await mailboxToChange(tx, ours.gated.id)
      await putMode(tx, ours.gated.id, 'gated_send', 'read_only')
      locked.resolve()
      await mayEnd.promise
    })
    await locked.promise
    const lifting = liftOnHost(desk, ours.gated.address, 'live', { reason: 'looked into it', autonomy: 'autonomous' })
    const waits = sql`select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    while ((await waits.execute(store.db)).rows.length < 1);
    mayEnd.resolve()
    await pausing
    expect(await lifting).toMatchObject({ ok: true, value: { mode: 'read_only' } })
    expect((await mailboxById(store.db, ours.gated.id))?.oversight_mode).toBe('read_only')
  })
})
