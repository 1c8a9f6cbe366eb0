import { expect, it } from 'vitest'
import { type Desk, openDesk } from '../support/desk.ts'
import { type OldClient, asPython } from '../support/old-clients.ts'
import { describeOnOneEngine } from '../support/stores.ts'

const letter = { to: ['bo@remote.test'], subject: 'Hi', markdown: 'Hello' }
type Item = Record<string, unknown>
const itemsOf = (body: Item, key: string): Item[] => body[key] as Item[]
/** As they index: a key that is missing or null ends the tool. */
const texts = (item: Item | undefined, ...keys: string[]): void => {
  for (const key of keys) expect([key, typeof item?.[key]]).toEqual([key, 'string'])
}
const lists = (item: Item | undefined, ...keys: string[]): void => {
  for (const key of keys) expect([key, item?.[key]]).toEqual([key, expect.arrayContaining([expect.any(String)])])
}

type Bench = { desk: Desk; agent: OldClient; reviewer: OldClient; mailbox: string; email: string; thread: string }

describeOnOneEngine('the toolkits of LangChain, CrewAI and LlamaIndex', (openStore) => {
  const open = async (mail: { subject?: string } = {}): Promise<Bench> => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const attachments = [{ name: 'order.txt', contentType: 'text/plain', content: Buffer.from('1 box') }]
    const { id, thread_id } = await desk.receive(gated, { attachments, ...mail })
    return {
      desk,
      agent: asPython(desk, keys.agent),
      reviewer: asPython(desk, keys.reviewer),
      mailbox: gated.id,
      email: id,
      thread: thread_id,
    }
  }

  it('check_inbox: each email has a direction, a subject, a status and an id, whoever wrote it', async () => {
    const { agent, mailbox } = await open()
    await agent('POST', `/v1/mailboxes/${mailbox}/send`, letter)
    const { body } = await agent('GET', `/v1/mailboxes/${mailbox}/emails?limit=20&offset=0`)
    expect(itemsOf(body, 'emails')).toHaveLength(2)
    for (const item of itemsOf(body, 'emails')) texts(item, 'direction', 'subject', 'status', 'id', 'from_address')
  })

  it('read_email: a direction too, the addresses as texts, the text itself, and the names of attachments', async () => {
    const { agent, mailbox, email } = await open()
    const { body } = await agent('GET', `/v1/mailboxes/${mailbox}/emails/${email}`)
    texts(body, 'subject', 'status', 'direction', 'from_address', 'created_at', 'text_body')
    lists(body, 'to_addresses')
    expect(body).toMatchObject({ has_attachments: true, attachments: [{ name: 'order.txt' }] })
  })

  it('send_email: id, status and thread, of a repetition with the same idempotency key as well', async () => {
    const { agent, mailbox } = await open()
    const again = { ...letter, idempotency_key: 'once' }
    const first = await agent('POST', `/v1/mailboxes/${mailbox}/send`, again)
    const second = await agent('POST', `/v1/mailboxes/${mailbox}/send`, again)
    for (const { body } of [first, second]) texts(body, 'id', 'status', 'thread_id')
    expect(second).toMatchObject({
      status: 200,
      body: { id: first.body['id'], thread_id: first.body['thread_id'], status: 'already_sent' },
    })
  })

  it('reply_email: id and status', async () => {
    const { agent, mailbox, email } = await open()
    texts((await agent('POST', `/v1/mailboxes/${mailbox}/reply/${email}`, { markdown: 'Yes' })).body, 'id', 'status')
  })

  it('search_contacts: each has an email and a name', async () => {
    const { agent } = await open()
    await agent('POST', '/v1/contacts', { email: 'bo@remote.test' })
    const { body } = await agent('GET', '/v1/contacts?q=bo')
    texts(itemsOf(body, 'contacts')[0], 'email', 'name')
  })

  it('list_pending: each has a subject, an id, a status and whom it goes to', async () => {
    const { agent, reviewer, mailbox } = await open()
    await agent('POST', `/v1/mailboxes/${mailbox}/send`, letter)
    const { body } = await reviewer('GET', '/v1/oversight/pending')
    texts(itemsOf(body, 'pending')[0], 'subject', 'id', 'status')
    lists(itemsOf(body, 'pending')[0], 'to_addresses')
  })

  it('decide_email: a status', async () => {
    const { agent, reviewer, mailbox } = await open()
    const { body } = await agent('POST', `/v1/mailboxes/${mailbox}/send`, letter)
    const decided = await reviewer('POST', '/v1/oversight/decide', { email_id: body['id'], action: 'approve' })
    expect(decided.body['status']).toBe('approved_and_sent')
  })

  it('get_thread: each email has a direction and a subject, and its text', async () => {
    const { agent, mailbox, thread, email } = await open()
    await agent('POST', `/v1/mailboxes/${mailbox}/reply/${email}`, { markdown: 'Yes' })
    const { body } = await agent('GET', `/v1/mailboxes/${mailbox}/threads/${thread}`)
    expect(itemsOf(body, 'emails')).toHaveLength(2)
    for (const item of itemsOf(body, 'emails')) texts(item, 'direction', 'subject', 'from_address', 'text_body')
  })

  it('tag_email: takes a map', async () => {
    const { agent, mailbox, email } = await open()
    const answer = await agent('PUT', `/v1/mailboxes/${mailbox}/emails/${email}/tags`, { tags: { topic: 'orders' } })
    expect(answer).toMatchObject({ status: 200, body: { tags: { topic: 'orders' } } })
  })

  it('never meet a subject that is null: where there is none it is empty', async () => {
    const { agent, reviewer, mailbox, email, thread } = await open({ subject: '' })
    await agent('POST', `/v1/mailboxes/${mailbox}/reply/${email}`, { markdown: 'Yes' })
    const listed = itemsOf((await agent('GET', `/v1/mailboxes/${mailbox}/emails`)).body, 'emails')
    const inThread = itemsOf((await agent('GET', `/v1/mailboxes/${mailbox}/threads/${thread}`)).body, 'emails')
    const pending = itemsOf((await reviewer('GET', '/v1/oversight/pending')).body, 'pending')
    for (const item of [...listed, ...inThread, ...pending]) texts(item, 'subject')
    texts((await agent('GET', `/v1/mailboxes/${mailbox}/emails/${email}`)).body, 'subject')
  })

  it('may ask with a status where a direction belongs, as LlamaIndex does', async () => {
    const { agent, mailbox, email } = await open()
    const path = `/v1/mailboxes/${mailbox}/emails?limit=20&offset=0&direction=`
    expect((await agent('GET', `${path}unread`)).body).toMatchObject({ emails: [{ id: email }] })
    expect((await agent('GET', `${path}archived`)).body).toMatchObject({ emails: [] })
  })

  it('find from and received_at, as AutoGen does', async () => {
    const { agent, mailbox } = await open()
    texts(itemsOf((await agent('GET', `/v1/mailboxes/${mailbox}/emails`)).body, 'emails')[0], 'from', 'received_at')
  })
})
