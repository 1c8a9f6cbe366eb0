import { expect, it } from 'vitest'
import { openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

describeOnEachEngine('tags', (openStore) => {
  it('and contacts are not read by writing them', async () => {
    const desk = await openDesk(openStore)
    const mail = await desk.receive(desk.ours.gated)
    const { agent } = desk.ours.keys
    const writer = await desk.key({ scopes: ['send'] })
    const email_id = mail.id
    await desk.call(agent, 'POST', '/set_tags', { email_id, tags: { secret: 'apollo' } })
    expect((await desk.call(writer, 'POST', '/set_tags', { email_id, tags: { mine: 'x' } })).body).toEqual({
      email_id,
      tags: { mine: 'x' },
    })
    expect((await desk.call(agent, 'GET', `/get_tags?email_id=${email_id}`)).body['tags']).toEqual({ secret: 'apollo', mine: 'x' })
    const email = 'ann@remote.test'
    await desk.call(agent, 'POST', '/add_contact', { email, name: 'Ann Lee', tags: ['vip'], metadata: { age: 7 } })
    await desk.clock.advance(1000)
    const answer = await desk.call(writer, 'POST', '/add_contact', { email })
    const [now, nothing] = [new Date(desk.clock.now()).toISOString(), { tags: [], metadata: {} }]
    expect(answer.body).toEqual({ id: answer.body['id'], email, name: 'ann', ...nothing, created_at: now, updated_at: now })
  })

  it('are merged, replaced when asked, taken off, and shown with the email', async () => {
    const desk = await openDesk(openStore)
    const mail = await desk.receive(desk.ours.gated)
    const { agent, admin } = desk.ours.keys
    const tags = `/v1/mailboxes/${desk.ours.gated.id}/emails/${mail.id}/tags`
    expect((await desk.call(agent, 'GET', tags)).body).toEqual({ email_id: mail.id, tags: {} })
    await desk.call(agent, 'PUT', tags, { tags: { project: 'apollo', 'due by': 'May 1', constructor: 'x', toString: '' } })
    const all = { project: 'zeus', 'due by': 'May 1', constructor: 'x', toString: '' }
    expect(await desk.call(agent, 'PUT', tags, { tags: { project: 'zeus' } })).toMatchObject({ status: 200, body: { tags: all } })
    expect((await desk.call(agent, 'GET', `/read_email?email_id=${mail.id}`)).body['tags']).toEqual(all)

    expect((await desk.call(agent, 'DELETE', `${tags}/due%20by`)).body).toEqual({ deleted: true })
    for (const key of ['due%20by', '__proto__', 'hasOwnProperty'])
      expect((await desk.call(agent, 'DELETE', `${tags}/${key}`, {})).body).toEqual({ deleted: false })
    expect((await desk.call(agent, 'PUT', `${tags}?replace=true`, { tags: { last: '1' } })).body['tags']).toEqual({ last: '1' })
    expect((await desk.call(agent, 'PUT', `${tags}?replace=true`, { tags: {} })).body['tags']).toEqual({})

    const log = await desk.call(admin, 'GET', '/get_audit_log')
    expect((log.body['entries'] as { action: string }[]).map(({ action }) => action).slice(0, 7)).toEqual([
      'email.tagged',
      'email.tagged',
      'email.untagged',
      'email.read',
      'email.tagged',
      'email.tagged',
      'tags.read',
    ])
    const hashed = await desk.store.db.selectFrom('log_entries').select('body').execute()
    expect(JSON.stringify(hashed)).not.toMatch(/apollo|zeus/)
  })

  it('are words for the Zapier app and crewai-tools', async () => {
    const desk = await openDesk(openStore)
    const mail = await desk.receive(desk.ours.gated)
    const { agent } = desk.ours.keys
    const send = (tags: unknown) => desk.call(agent, 'POST', `/v1/emails/${mail.id}/tag`, { tags })
    expect(await send(['urgent', 'order 7'])).toMatchObject({ status: 200, body: { id: mail.id, tags: ['order 7', 'urgent'] } })
    expect((await send('later, urgent')).body['tags']).toEqual(['later', 'order 7', 'urgent'])
    expect((await desk.call(agent, 'GET', `/get_tags?email_id=${mail.id}`)).body['tags']).toEqual({
      later: 'true',
      'order 7': 'true',
      urgent: 'true',
    })
    expect(await send(['__proto__'])).toMatchObject({ status: 400, body: { code: 'BAD_INPUT' } })
    expect(await send([7])).toMatchObject({ status: 400, body: { code: 'BAD_INPUT' } })
  })

  it('are bounded, also for two who tag at one time', async () => {
    const desk = await openDesk(openStore)
    const mail = await desk.receive(desk.ours.gated)
    const { agent } = desk.ours.keys
    const some = (from: number, count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${from + n}`, 'v']))
    const send = (tags: object) => desk.call(agent, 'POST', '/set_tags', { email_id: mail.id, tags })
    const both = await Promise.all([send(some(0, 30)), send(some(30, 30))])
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 400])
    expect(both.find(({ status }) => status === 400)?.body['code']).toBe('TOO_MANY_TAGS')
    for (const tags of [{ ['k'.repeat(65)]: 'v' }, { k: 'v'.repeat(257) }, { '': 'v' }, { k: 'a\0' }, { k: 7 }, { k: '\ud800' }])
      expect(await send(tags)).toMatchObject({ status: 400, body: { code: 'BAD_INPUT' } })
  })

  it('find emails', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const [one, two] = [await desk.receive(gated), await desk.receive(gated)]
    await desk.receive(gated)
    await desk.call(keys.agent, 'POST', '/set_tags', { email_id: one.id, tags: { project: 'apollo' } })
    await desk.call(keys.agent, 'POST', '/set_tags', { email_id: two.id, tags: { project: 'zeus' } })
    const ids = async (query: string) =>
      ((await desk.call(keys.agent, 'GET', `/check_inbox?${query}`)).body['messages'] as { id: string }[]).map(({ id }) => id)
    expect(await ids('tag=project')).toEqual([two.id, one.id])
    expect(await ids('tag=project&tag_value=apollo')).toEqual([one.id])
    expect(await ids('tag=nothing')).toEqual([])
  })
})
