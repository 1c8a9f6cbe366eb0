import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { expect, it, onTestFinished } from 'vitest'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

// Half past the hour: nothing is close to the edge of a window.
const wait = 24 * 3600 + 300

describeOnEachEngine('more than a mailbox may send', (openStore) => {
  const openFullDesk = async (): Promise<{ desk: Desk; letter: Record<string, unknown> }> => {
    const desk = await openDesk(openStore, { caps: { hour: null, day: 1, new: null } })
    const letter = { mailbox_id: desk.ours.free.id, to: ['bo@remote.test'], subject: 'Hello', markdown: 'Hi' }
    expect(await desk.call(desk.ours.keys.agent, 'POST', '/send_email', letter)).toMatchObject({ status: 200 })
    return { desk, letter }
  }
  const told = {
    code: 'RATE_LIMITED',
    error: 'This is more than may be sent right now. This mailbox may send at most 1 messages in a day, one for each recipient; 1 are used',
    retry_after_seconds: wait,
    fix: expect.stringContaining('retry_after_seconds'),
  }

  it('is answered 429 over REST, with a plain number of seconds in the header', async () => {
    const { desk, letter } = await openFullDesk()
    for (const path of ['/send_email', `/v1/mailboxes/${desk.ours.free.id}/send`]) {
      const { mailbox_id: _, ...rest } = letter
      const answer = await desk.call(desk.ours.keys.agent, 'POST', path, path === '/send_email' ? letter : rest)
      expect(answer).toMatchObject({ status: 429, body: told })
      expect(answer.headers.get('retry-after')).toBe(String(wait))
      // The MCP client of the public service tells its kinds of 429 apart by these.
      expect(answer.body).not.toHaveProperty('warmup_stage')
      expect(answer.body['error']).not.toContain('quota')
    }
  })

  it('is answered 429 over tRPC, in a batch too', async () => {
    const { desk, letter } = await openFullDesk()
    const one = await desk.call(desk.ours.keys.agent, 'POST', '/trpc/send_email', letter)
    expect(one).toMatchObject({ status: 429, body: { error: { data: { ...told, httpStatus: 429 } } } })
    expect(one.headers.get('retry-after')).toBe(String(wait))
    const batch = await desk.call(desk.ours.keys.agent, 'POST', '/trpc/send_email,send_email?batch=1', { 0: letter, 1: letter })
    expect(batch.headers.get('retry-after')).toBe(String(wait))
    expect(batch.body).toMatchObject([{ error: { data: told } }, { error: { data: told } }])
  })

  it('is an error that a model can read over MCP', async () => {
    const { desk, letter } = await openFullDesk()
    const client = new Client({ name: 'a test', version: '1' })
    const headers = { authorization: `Bearer ${desk.ours.keys.agent}` }
    await client.connect(new StreamableHTTPClientTransport(new URL(`${desk.url}/mcp`), { requestInit: { headers } }))
    onTestFinished(() => client.close())
    const result = await client.callTool({ name: 'send_email', arguments: letter })
    expect(result).toMatchObject({ isError: true, content: [{ type: 'text' }] })
    expect(JSON.parse((result.content as { text: string }[])[0]?.text ?? '')).toMatchObject(told)
  })

  it('leaves reading, drafting and what is already decided alone', async () => {
    const { desk } = await openFullDesk()
    const question = await desk.receive(desk.ours.free)
    expect(await desk.call(desk.ours.keys.agent, 'GET', '/check_inbox')).toMatchObject({ status: 200 })
    expect(await desk.call(desk.ours.keys.agent, 'POST', '/draft_reply', { email_id: question.id, markdown: 'Yes' })).toMatchObject({
      status: 200,
    })
    expect(await desk.call(desk.ours.keys.agent, 'POST', '/reply_email', { email_id: question.id, markdown: 'Yes' })).toMatchObject({
      status: 429,
    })
  })
})
