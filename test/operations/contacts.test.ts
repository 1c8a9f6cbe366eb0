import { expect, it } from 'vitest'
import { openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

describeOnEachEngine('the address book', (openStore) => {
  it('keeps one contact for an address, and changes only what it is told', async () => {
    const desk = await openDesk(openStore)
    const { agent } = desk.ours.keys
    const added = await desk.call(agent, 'POST', '/v1/contacts', {
      email: 'Ann@Remote.test',
      tags: ['vip', 'vip'],
      metadata: { age: 7, ok: true },
    })
    const made = { email: 'Ann@remote.test', name: 'Ann', tags: ['vip'], metadata: { age: 7, ok: true }, created_at: desk.clock.now() }
    expect(added).toMatchObject({ status: 201, body: made })
    await desk.clock.advance(1000)
    const again = await desk.call(agent, 'POST', '/add_contact', { email: 'ann@remote.test', name: 'Ann Lee' })
    expect(again.body).toEqual({
      ...made,
      id: added.body['id'],
      email: 'ann@remote.test',
      name: 'Ann Lee',
      created_at: new Date(made.created_at).toISOString(),
      updated_at: new Date(desk.clock.now()).toISOString(),
    })
    expect((await desk.call(agent, 'GET', '/v1/contacts')).body['contacts']).toHaveLength(1)
  })

  it('is searched in any case, literally, page by page, and is the account’s in one world', async () => {
    const desk = await openDesk(openStore)
    const { agent, bound, test } = desk.ours.keys
    for (const [email, name, tags] of [
      ['ann@remote.test', 'Ann Élan', ['vip']],
      ['bo@remote.test', '100%_sure', []],
      ['cy@other.test', 'Cy', ['press']],
    ])
      await desk.call(agent, 'POST', '/add_contact', { email, name, tags })
    const found = async (query: string, key = agent) =>
      ((await desk.call(key, 'GET', `/v1/contacts?${query}`)).body['contacts'] as { email: string }[]).map(({ email }) => email)
    expect(await found('q=éLAN')).toEqual(['ann@remote.test'])
    expect(await found('query=%25_')).toEqual(['bo@remote.test'])
    expect(await found('q=PRESS&mailbox=x&offset=0')).toEqual(['cy@other.test'])
    expect(await found('q=remote', bound)).toEqual(['bo@remote.test', 'ann@remote.test'])
    expect(await found('', test)).toEqual([])
    expect(await found('', desk.theirs.keys.agent)).toEqual([])
    const first = await desk.call(agent, 'GET', '/search_contacts?limit=2')
    expect(await found(`cursor=${String(first.body['cursor'])}`)).toEqual(['ann@remote.test'])
    expect((await desk.call(agent, 'GET', '/v1/contacts?q=a&query=b')).status).toBe(400)
  })

  it('is bounded, and forgets whom an admin deletes', async () => {
    const desk = await openDesk(openStore)
    const { agent, admin } = desk.ours.keys
    const refused = [
      { email: 'no address' },
      { email: 'a@b.test', tags: Array.from({ length: 21 }, String) },
      { email: 'a@b.test', metadata: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`k${n}`, 1])) },
      { email: 'a@b.test', metadata: { deep: { er: 1 } } },
      { email: 'a@b.test', name: 'x'.repeat(201) },
    ]
    for (const body of refused) expect(await desk.call(agent, 'POST', '/add_contact', body)).toMatchObject({ status: 400 })
    const { body } = await desk.call(agent, 'POST', '/add_contact', { email: 'a@b.test' })
    const path = `/v1/contacts/${String(body['id'])}`
    expect((await desk.call(agent, 'DELETE', path)).status).toBe(403)
    expect(await desk.call(admin, 'DELETE', path)).toMatchObject({ status: 200, body: { deleted: true } })
    expect(await desk.call(admin, 'DELETE', path)).toMatchObject({ status: 404, body: { code: 'CONTACT_NOT_FOUND' } })
    const hashed = await desk.store.db.selectFrom('log_entries').select('body').execute()
    expect(JSON.stringify(hashed)).not.toContain('a@b.test')
  })
})
