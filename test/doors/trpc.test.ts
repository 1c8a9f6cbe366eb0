import { TRPCClientError, createTRPCClient, httpBatchLink, httpLink } from '@trpc/client'
import { expect, it } from 'vitest'
import type { AppRouter } from '../../server/doors/trpc.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const client = (desk: Desk, key: string, batch = false) => {
  const options = { url: `${desk.url}/trpc`, headers: { authorization: `Bearer ${key}` } }
  return createTRPCClient<AppRouter>({ links: [batch ? httpBatchLink(options) : httpLink(options)] })
}

describeOnEachEngine('tRPC', (openStore) => {
  it('is the same story with types', async () => {
    const desk = await openDesk(openStore)
    const question = await desk.receive(desk.ours.gated)
    const agent = client(desk, desk.ours.keys.agent)
    const reviewer = client(desk, desk.ours.keys.reviewer)
    const { emails } = await agent.check_inbox.query({ status: 'unread' })
    expect(emails.map(({ id }) => id)).toEqual([question.id])
    const draft = await agent.draft_reply.mutate({ email_id: question.id, markdown: 'It is on its way.' })
    expect(draft.status).toBe('draft')
    const sent = await agent.send_email.mutate({ draft_id: draft.id })
    expect(sent).toMatchObject({ id: draft.id, status: 'pending_send_approval', thread_id: question.thread_id })
    const { emails: pending } = await reviewer.list_pending.query({})
    expect(pending).toMatchObject([
      { id: draft.id, content_hash: sent.content_hash, to: ['ann@remote.test'], proposed_by: expect.stringMatching(/^key_/) },
    ])
    const decided = await reviewer.decide_email.mutate({
      email_id: draft.id,
      action: 'approve',
      content_hash: pending[0]?.content_hash ?? '',
    })
    expect(decided).toMatchObject({ status: 'approved_and_sent', self_approved: false })
    expect((await agent.read_email.query({ email_id: draft.id })).deliveries).toMatchObject([
      { recipient: 'ann@remote.test', state: 'queued' },
    ])
  })

  it('carries code, fix and request_id with an error', async () => {
    const desk = await openDesk(openStore)
    const told = async (work: Promise<unknown>): Promise<unknown> =>
      work.catch((error: unknown) => (error instanceof TRPCClientError ? error.data : error))
    const agent = client(desk, desk.ours.keys.agent)
    const common = { fix: expect.any(String), request_id: expect.stringMatching(/^req_/) }
    expect(await told(agent.read_email.query({ email_id: 'em_none' }))).toMatchObject({
      ...common,
      code: 'EMAIL_NOT_FOUND',
      httpStatus: 404,
      error: 'Email not found',
    })
    expect(await told(agent.list_pending.query({}))).toMatchObject({
      ...common,
      code: 'SCOPE_MISSING',
      httpStatus: 403,
      error: 'Requires oversight scope',
    })
    expect(await told(agent.check_inbox.query({ limit: 101 }))).toMatchObject({ ...common, code: 'BAD_INPUT', errors: [{ path: 'limit' }] })
    expect(await told(client(desk, 'nobody').check_inbox.query({}))).toMatchObject({ ...common, code: 'KEY_NOT_ACCEPTED', httpStatus: 401 })
    expect(await told(client(desk, 'nobody', true).check_inbox.query({}))).toMatchObject({
      ...common,
      code: 'KEY_NOT_ACCEPTED',
      httpStatus: 401,
    })
  })

  it('answers bad calls in JSON: unknown procedure, wrong method, broken input', async () => {
    const desk = await openDesk(openStore)
    const { agent } = desk.ours.keys
    const code = async (method: 'GET' | 'POST', path: string, body?: unknown) => {
      const answer = await desk.call(agent, method, path, body)
      return [answer.status, (answer.body as { error?: { data?: { code?: string } } }).error?.data?.code]
    }
    expect(await code('GET', '/trpc/nothing')).toEqual([404, 'UNKNOWN_ROUTE'])
    expect(await code('GET', '/trpc/send_email')).toEqual([405, 'METHOD_NOT_ALLOWED'])
    expect(await code('GET', '/trpc/check_inbox?input=%7Bbad')).toEqual([400, 'BAD_JSON'])
    expect(await code('POST', '/trpc/send_email', '{bad')).toEqual([400, 'BAD_JSON'])
    expect(await code('POST', '/trpc/send_email', '')).toEqual([400, 'BAD_INPUT'])
    expect(await code('GET', `/trpc/${Array.from({ length: 11 }, () => 'check_inbox').join()}?batch=1&input={}`)).toEqual([
      400,
      'BATCH_TOO_LARGE',
    ])
  })

  it('does several calls in one request', async () => {
    const desk = await openDesk(openStore)
    const agent = client(desk, desk.ours.keys.agent, true)
    const [mailboxes, inbox] = await Promise.all([agent.list_mailboxes.query({}), agent.check_inbox.query({})])
    expect([mailboxes.mailboxes.length, inbox.emails.length]).toEqual([3, 0])
  })
})
