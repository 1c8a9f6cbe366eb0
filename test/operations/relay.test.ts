import { expect, it } from 'vitest'
import { openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

describeOnEachEngine('the switch, for keys', (openStore) => {
  it('is for reviewers and admin keys, of their account and world, and on the record with the reason', async () => {
    const desk = await openDesk(openStore)
    const { reviewer, admin, bound, agent } = desk.ours.keys
    expect(await desk.call(agent, 'POST', '/stop_sending', {})).toMatchObject({ status: 403, body: { code: 'SCOPE_MISSING' } })
    expect(await desk.call(bound, 'POST', '/stop_sending', {})).toMatchObject({ status: 403 })
    const stopped = await desk.call(reviewer, 'POST', '/stop_sending', { reason: 'The agent runs wild.' })
    expect(stopped).toMatchObject({ status: 200, body: { status: 'stopped', changed: true } })
    expect(await desk.call(admin, 'POST', '/v1/sending/stop', {})).toMatchObject({ status: 200, body: { changed: false } })
    expect(await desk.store.db.selectFrom('sending_stops').selectAll().execute()).toMatchObject([
      { account_id: desk.ours.accountId, world: 'live', mailbox_id: null, domain: null, reason: 'The agent runs wild.' },
    ])
    const log = await desk.call(admin, 'GET', '/get_audit_log')
    expect(log.body['entries']).toContainEqual(
      expect.objectContaining({ action: 'sending.stopped', actor_key_id: expect.stringMatching(/^key_/) }),
    )

    expect(await desk.call(desk.theirs.keys.admin, 'POST', '/resume_sending', {})).toMatchObject({ body: { changed: false } })
    expect(await desk.call(admin, 'POST', '/resume_sending', {})).toMatchObject({ body: { status: 'resumed', changed: true } })
    expect(await desk.store.db.selectFrom('sending_stops').selectAll().execute()).toEqual([])
  })

  it('stops one mailbox, or mail to one domain', async () => {
    const desk = await openDesk(openStore)
    const { reviewer } = desk.ours.keys
    await desk.call(reviewer, 'POST', '/stop_sending', { mailbox_id: desk.ours.free.id, domain: 'Remote.Test' })
    expect(await desk.store.db.selectFrom('sending_stops').selectAll().execute()).toMatchObject([
      { mailbox_id: desk.ours.free.id, domain: 'remote.test' },
    ])
    expect(await desk.call(reviewer, 'POST', '/stop_sending', { domain: 'no domain' })).toMatchObject({ status: 400 })
    expect(await desk.call(reviewer, 'POST', '/resume_sending', { mailbox_id: desk.ours.free.id })).toMatchObject({
      body: { changed: false },
    })
  })
  it('is not used up: not by an account for others, nor for itself', async () => {
    const desk = await openDesk(openStore)
    const [{ admin }, others] = [desk.ours.keys, desk.theirs.keys]
    const stop = (key: string, body: object) => desk.call(key, 'POST', '/stop_sending', body)
    for (let n = 0; n < 50; n += 1) expect(await stop(admin, { domain: `d${n}.test` })).toMatchObject({ status: 200 })
    expect(await stop(admin, { domain: 'one-more.test' })).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } })
    expect(await stop(others.admin, { domain: 'd0.test' })).toMatchObject({ status: 200 })
    for (const key of [admin, others.admin]) expect(await stop(key, {})).toMatchObject({ status: 200, body: { changed: true } })
    // The host's own stops are more; beyond what is kept of narrow ones the wide ones still have room.
    const rows = Array.from({ length: 1_000 }, (_, n) => ({ domain: `h${n}.test`, key: `* * * h${n}.test`, account_id: null, world: null }))
    for (let from = 0; from < rows.length; from += 100)
      await desk.store.db
        .insertInto('sending_stops')
        .values(
          rows.slice(from, from + 100).map((row) => ({ ...row, mailbox_id: null, actor_id: 'system:host', reason: null, created_at: 0 })),
        )
        .execute()
    await desk.call(others.admin, 'POST', '/resume_sending', {})
    expect(await stop(others.admin, {})).toMatchObject({ status: 200, body: { changed: true } })
  })
})
