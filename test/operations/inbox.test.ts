import { expect, it } from 'vitest'
import { sha256 } from '../../server/model/canonical.ts'
import { viewHash } from '../../server/operations/record.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

type Listing = { messages: { id: string; subject: string; status: string; from_name: string | null }[]; cursor: string | null }
const list = async (desk: Desk, key: string, query = ''): Promise<Listing> =>
  (await desk.call(key, 'GET', `/check_inbox?${query}`)).body as Listing

describeOnEachEngine('the inbox', (openStore) => {
  it('gives page after page, newest first, each email once, while mail arrives', async () => {
    const desk = await openDesk(openStore)
    const { agent } = desk.ours.keys
    const ids: string[] = []
    for (let n = 0; n < 5; n++) ids.unshift((await desk.receive(desk.ours.gated)).id)
    const first = await list(desk, agent, 'limit=2')
    await desk.receive(desk.ours.gated)
    const second = await list(desk, agent, `limit=2&cursor=${first.cursor}`)
    const third = await list(desk, agent, `limit=2&cursor=${second.cursor}`)
    expect([first, second, third].flatMap(({ messages }) => messages.map(({ id }) => id))).toEqual(ids)
    expect(third.cursor).toBeNull()
    expect((await list(desk, agent, `since_id=${ids[1]}`)).messages).toHaveLength(2)
  })

  it('finds behind since_id what a reviewer let in, or took out of quarantine, later', async () => {
    const desk = await openDesk(openStore)
    const { guarded, keys } = desk.ours
    const held = await desk.receive(guarded, { status: 'pending_inbound_approval' })
    const spam = await desk.receive(guarded, { status: 'spam_quarantined' })
    const newest = await desk.receive(guarded)
    const since = async (id: string) => (await list(desk, keys.agent, `since_id=${id}&status=unread`)).messages.map((one) => one.id)
    expect(await since(newest.id)).toEqual([])
    await desk.clock.advance(60_000)
    const at = new Date(desk.clock.now()).toISOString()
    await desk.call(keys.reviewer, 'POST', '/decide_email', { email_id: held.id, action: 'approve' })
    expect(await since(newest.id)).toEqual([held.id])
    await desk.call(keys.agent, 'POST', '/not_spam', { email_id: spam.id })
    expect(await since(newest.id)).toEqual([spam.id, held.id])
    expect(await since(held.id)).toEqual([spam.id])
    expect(await since(spam.id)).toEqual([])
    expect(await since(at)).toEqual([spam.id, held.id])
    const foreign = await desk.receive(desk.theirs.gated)
    expect((await desk.call(keys.agent, 'GET', `/check_inbox?since_id=${foreign.id}`)).status).toBe(404)
  })

  it('keeps from an agent what a reviewer has not let in, or has turned away', async () => {
    const desk = await openDesk(openStore)
    const { guarded, keys } = desk.ours
    const held = await desk.receive(guarded, { status: 'pending_inbound_approval', subject: 'A secret' })
    const refused = await desk.receive(guarded, { status: 'rejected' })
    const spam = await desk.receive(guarded, { status: 'spam_quarantined' })

    expect((await list(desk, keys.agent)).messages).toEqual([])
    expect((await list(desk, keys.agent, 'status=rejected')).messages).toEqual([])
    expect((await list(desk, keys.agent, 'status=spam_quarantined')).messages).toMatchObject([{ id: spam.id }])
    expect((await list(desk, keys.agent, 'status=pending_inbound_approval')).messages).toMatchObject([
      { id: held.id, subject: '', from_name: null },
    ])
    expect((await list(desk, keys.agent, 'status=pending_inbound_approval&subject_contains=secret')).messages).toEqual([])
    for (const id of [held.id, refused.id]) expect((await desk.call(keys.agent, 'GET', `/read_email?email_id=${id}`)).status).toBe(404)
    expect((await desk.call(keys.agent, 'GET', `/get_thread?thread_id=${held.thread_id}`)).status).toBe(404)
    expect((await desk.call(keys.agent, 'POST', '/reply_email', { email_id: held.id, body: 'hi' })).status).toBe(404)
    expect((await desk.call(keys.agent, 'GET', `/download_attachment?email_id=${held.id}&index=0`)).body).toMatchObject({
      code: 'EMAIL_NOT_FOUND',
    })

    expect((await list(desk, keys.reviewer)).messages.map(({ id }) => id)).toEqual([spam.id, refused.id, held.id])
    expect((await desk.call(keys.reviewer, 'GET', '/list_pending')).body).toMatchObject({
      messages: [{ id: held.id, subject: 'A secret', direction: 'inbound', proposed_by: null }],
    })
    expect((await desk.call(keys.reviewer, 'POST', '/decide_email', { email_id: held.id, action: 'approve' })).body).toMatchObject({
      status: 'approved',
      queued_at: null,
    })
    expect((await list(desk, keys.agent)).messages).toMatchObject([{ id: held.id, subject: 'A secret', status: 'unread' }])
  })

  it('marks as read what the agent opens, and not what a reviewer looks at', async () => {
    const desk = await openDesk(openStore)
    const mail = await desk.receive(desk.ours.gated)
    const status = async (key: string) => (await desk.call(key, 'GET', `/read_email?email_id=${mail.id}`)).body['status']
    expect(await status(desk.ours.keys.reviewer)).toBe('unread')
    expect(await status(desk.ours.keys.admin)).toBe('unread')
    expect(await status(desk.ours.keys.reader)).toBe('read')
    expect(await status(desk.ours.keys.reviewer)).toBe('read')
  })

  it('looks for texts with odd characters without failing', async () => {
    const desk = await openDesk(openStore)
    await desk.receive(desk.ours.gated, { subject: '100% _sure_' })
    for (const [text, count] of [
      ['100%', 1],
      ['_SURE_', 1],
      ['0_', 0],
      ["'", 0],
      ['\\', 0],
    ] as const) {
      expect([text, (await list(desk, desk.ours.keys.agent, `subject_contains=${encodeURIComponent(text)}`)).messages.length]).toEqual([
        text,
        count,
      ])
    }
    for (const field of ['subject_contains', 'sender', 'mailbox']) {
      expect(await desk.call(desk.ours.keys.agent, 'GET', `/check_inbox?${field}=a%00b`)).toMatchObject({
        status: 400,
        body: { code: 'BAD_INPUT' },
      })
    }
  })
})

describeOnEachEngine('what can be shown later', (openStore) => {
  it('names in the log the very view the agent was given', async () => {
    const desk = await openDesk(openStore)
    const mail = await desk.receive(desk.ours.gated, {
      attachments: [{ name: 'a.txt', contentType: 'text/plain', content: Buffer.from('a') }],
    })
    const client = (path: string) =>
      desk.call(desk.ours.keys.agent, 'GET', `/trpc/${path}?input=${encodeURIComponent(JSON.stringify(inputs[path] ?? {}))}`)
    const inputs: Record<string, object> = { read_email: { email_id: mail.id }, get_thread: { thread_id: mail.thread_id } }
    for (const [path, action] of [
      ['read_email', 'email.read'],
      ['get_thread', 'thread.read'],
      ['check_inbox', 'inbox.listed'],
      ['list_mailboxes', 'mailboxes.listed'],
    ] as const) {
      const { body } = await client(path)
      const view = (body as { result: { data: Parameters<typeof viewHash>[0] } }).result.data
      const log = await desk.call(desk.ours.keys.admin, 'GET', '/v1/audit-log?limit=1')
      expect(log.body).toMatchObject({ entries: [{ action, metadata: { view_hash: viewHash(view) } }] })
    }
    await desk.call(desk.ours.keys.agent, 'GET', `/download_attachment?email_id=${mail.id}&index=0`)
    expect((await desk.call(desk.ours.keys.admin, 'GET', '/v1/audit-log?limit=1')).body).toMatchObject({
      entries: [{ action: 'attachment.read', metadata: { sha256: sha256('a'), email_id: mail.id } }],
    })
  })

  it('has no words of anybody in what can never be taken back', async () => {
    const desk = await openDesk(openStore)
    const mail = await desk.receive(desk.ours.gated, { subject: 'Unmistakable', text: 'Unforgettable', from: 'nobody@remote.test' })
    for (const path of ['/check_inbox', `/read_email?email_id=${mail.id}`, `/get_thread?thread_id=${mail.thread_id}`])
      await desk.call(desk.ours.keys.agent, 'GET', path)
    const bodies = await desk.store.db.selectFrom('log_entries').select('body').execute()
    expect(JSON.stringify(bodies)).not.toMatch(/Unmistakable|Unforgettable|nobody@/)
  })
})
