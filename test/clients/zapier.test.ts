import { request } from 'node:http'
import { expect, it } from 'vitest'
import { openDesk } from '../support/desk.ts'
import { asCrewai, asZapier } from '../support/old-clients.ts'
import { describeOnOneEngine } from '../support/stores.ts'

type Item = Record<string, unknown>
const itemsOf = (body: Item, key: string): Item[] => body[key] as Item[]

describeOnOneEngine('the Zapier app', (openStore) => {
  it('calls api.multimail.dev whatever is set: with its name led here, any Host is answered', async () => {
    const desk = await openDesk(openStore)
    const { port } = new URL(desk.url)
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { host: 'api.multimail.dev', 'x-api-key': desk.ours.keys.agent }
      request({ host: '127.0.0.1', port, path: '/v1/account', headers }, (answer) => resolve(answer.resume().statusCode))
        .on('error', reject)
        .end()
    })
    expect(status).toBe(200)
  })

  it('shows its key as X-API-Key, and a content type with a GET', async () => {
    const desk = await openDesk(openStore)
    expect(await asZapier(desk, desk.ours.keys.agent)('GET', '/v1/account')).toMatchObject({ status: 200 })
  })

  it('is told of a bad key with 401, and of all else with a sentence in error', async () => {
    const desk = await openDesk(openStore)
    const { agent, reader } = desk.ours.keys
    const letter = { to: 'bo@remote.test', subject: 'Hi', body: 'x', mailbox: desk.ours.gated.address }
    expect(await asZapier(desk, 'mm_live_no')('GET', '/v1/account')).toMatchObject({ status: 401, body: { error: expect.any(String) } })
    expect(await asZapier(desk, reader)('POST', '/v1/emails/send', letter)).toMatchObject({
      status: 403,
      body: { error: expect.any(String) },
    })
    expect(await asZapier(desk, agent)('GET', '/v1/emails/em_none')).toMatchObject({ status: 404, body: { error: 'Email not found' } })
    expect(await asZapier(desk, agent)('POST', '/v1/emails/send', {})).toMatchObject({ status: 400, body: { error: expect.any(String) } })
  })

  it('labels its connection with account.name', async () => {
    const desk = await openDesk(openStore)
    expect((await asZapier(desk, desk.ours.keys.agent)('GET', '/v1/account')).body).toMatchObject({ account: { name: 'ours.test' } })
  })

  it('finds lists of emails and contacts, and one email or thread as the object itself', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const agent = asZapier(desk, keys.agent)
    const mail = await desk.receive(gated)
    await agent('POST', '/v1/contacts', { email: 'bo@remote.test', name: 'Bo' })
    expect((await agent('GET', `/v1/emails/inbox?mailbox=${gated.address}`)).body).toMatchObject({ emails: [{ id: mail.id }] })
    expect((await agent('GET', `/v1/contacts?query=bo&mailbox=${gated.address}`)).body).toMatchObject({ contacts: [{ name: 'Bo' }] })
    expect((await asZapier(desk, keys.reviewer)('GET', `/v1/emails/pending?mailbox=${gated.address}`)).body).toMatchObject({ emails: [] })
    expect((await agent('GET', `/v1/emails/${mail.id}`)).body).toMatchObject({ id: mail.id, body: 'Where is my order?', to: gated.address })
    expect((await agent('GET', `/v1/emails/thread/${mail.thread_id}`)).body).toMatchObject({
      thread_id: mail.thread_id,
      emails: [{ id: mail.id, subject: 'An order', from: 'ann@remote.test' }],
    })
  })

  it('polls what is unread, the newest first, each under an id of its own that stays; looking reads nothing', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const agent = asZapier(desk, keys.agent)
    for (const subject of ['one', 'two', 'three']) await desk.receive(gated, { subject })
    await desk.receive(gated, { status: 'read' })
    const poll = async (): Promise<Item[]> =>
      itemsOf((await agent('GET', `/v1/emails/inbox?mailbox=${encodeURIComponent(gated.address)}&status=unread&limit=25`)).body, 'emails')
    const seen = await poll()
    expect(seen.map(({ subject }) => subject)).toEqual(['three', 'two', 'one'])
    expect(new Set(seen.map(({ id }) => id)).size).toBe(3)
    expect(await poll()).toEqual(seen)
  })

  it('lists at most 25 where it names no limit', async () => {
    const desk = await openDesk(openStore)
    for (let count = 0; count < 26; count += 1) await desk.receive(desk.ours.gated)
    const { body } = await asZapier(desk, desk.ours.keys.agent)('GET', `/v1/emails/inbox?mailbox=${desk.ours.gated.address}`)
    expect(itemsOf(body, 'emails')).toHaveLength(25)
  })

  it('sends, replies, decides and tags: each is answered with an id, and the tags are words', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const agent = asZapier(desk, keys.agent)
    const mail = await desk.receive(gated)
    const made = { status: 'pending_approval', id: expect.any(String), message: expect.any(String) }
    const letter = {
      to: 'bo@remote.test, di@remote.test',
      subject: 'Hi',
      body: 'Hello',
      mailbox: gated.address,
      cc: 'cy@remote.test',
      bcc: '',
    }
    const sent = await agent('POST', '/v1/emails/send', letter)
    expect(sent).toMatchObject({ status: 202, body: made })
    expect(await agent('POST', `/v1/emails/${mail.id}/reply`, { body: 'Yes', mailbox: gated.address })).toMatchObject({
      status: 202,
      body: made,
    })
    const decided = await asZapier(desk, keys.reviewer)('POST', `/v1/emails/${String(sent.body['id'])}/decide`, {
      decision: 'reject',
      reason: 'No',
    })
    expect(decided).toMatchObject({ status: 200, body: { id: sent.body['id'], status: 'rejected', message: expect.any(String) } })
    expect(await agent('POST', `/v1/emails/${mail.id}/tag`, { tags: ['urgent', 'order'] })).toMatchObject({
      status: 200,
      body: { id: mail.id, tags: expect.arrayContaining(['urgent', 'order']) },
    })
  })
})

describeOnOneEngine('the tool that comes with crewai', (openStore) => {
  it('shows its key as X-API-Key, without a content type, and its limit as text', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    await desk.receive(gated)
    await desk.receive(gated)
    const { status, body } = await asCrewai(desk, keys.agent)('GET', `/v1/emails/inbox?mailbox=${gated.address}&limit=1`)
    expect([status, itemsOf(body, 'emails').length]).toEqual([200, 1])
  })

  it('sends to, cc and bcc as texts, and reply_to among them', async () => {
    const desk = await openDesk(openStore)
    const { free, keys } = desk.ours
    const letter = { to: 'bo@remote.test', cc: 'cy@remote.test,di@remote.test', bcc: 'ed@remote.test', subject: 'Hi', body: 'Hello' }
    const sent = await asCrewai(desk, keys.agent)('POST', '/v1/emails/send', { ...letter, mailbox: free.address })
    expect(sent.status).toBe(202)
    const email = await desk.call(keys.agent, 'GET', `/read_email?email_id=${String(sent.body['id'])}`)
    expect(email.body).toMatchObject({ to: ['bo@remote.test'], cc: ['cy@remote.test', 'di@remote.test'] })
  })

  it('raises what is no 2xx, so each call that is right is one', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const agent = asCrewai(desk, keys.agent)
    const mail = await desk.receive(gated)
    const statuses = [
      await agent('GET', `/v1/emails/${mail.id}`),
      await agent('GET', `/v1/emails/thread/${mail.thread_id}`),
      await agent('POST', `/v1/emails/${mail.id}/reply`, { body: 'Yes', mailbox: gated.address }),
      await agent('POST', `/v1/emails/${mail.id}/tag`, { tags: ['a'] }),
      await agent('GET', '/v1/contacts?query=x'),
      await asCrewai(desk, keys.reviewer)('GET', '/v1/emails/pending'),
    ].map(({ status }) => status)
    expect(statuses).toEqual([200, 200, 202, 200, 200, 200])
  })
})
