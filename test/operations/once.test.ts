import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import type { KeyActor } from '../../server/model/actor.ts'
import { OperationError } from '../../server/operations/errors.ts'
import { forgetting } from '../../server/operations/once.ts'
import { type Context, type OperationMeta, type Rooms, callerFor, operation, router } from '../../server/operations/procedure.ts'
import { silentLog } from '../../server/platform/log.ts'
import type { Store } from '../../server/store/db.ts'
import { hasCalls } from '../../server/store/idempotent-calls.ts'
import { type Answer, type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const day = 86_400_000
const key = (text: string) => ({ 'idempotency-key': text })
const isReplayed = (answer: Answer): boolean => answer.headers.get('idempotency-replayed') === 'true'

describeOnEachEngine('a call with an idempotency key', (openStore) => {
  const openWithMail = async (): Promise<{ desk: Desk; draft: (headers?: Record<string, string>, more?: object) => Promise<Answer> }> => {
    const desk = await openDesk(openStore)
    const mail = await desk.receive(desk.ours.gated)
    const body = { email_id: mail.id, markdown: 'Soon.' }
    return { desk, draft: (headers, more = {}) => desk.call(desk.ours.keys.agent, 'POST', '/draft_reply', { ...body, ...more }, headers) }
  }
  const drafts = async ({ store }: Desk): Promise<number> =>
    (await store.db.selectFrom('emails').select('id').where('status', '=', 'draft').execute()).length
  const remembered = ({ store }: Desk) => store.db.selectFrom('idempotent_calls').selectAll().execute()

  it('is done once; whoever repeats it gets the first answer, and is told so', async () => {
    const { desk, draft } = await openWithMail()
    const first = await draft(key('k-1'))
    expect([first.status, first.body['idempotent'], isReplayed(first)]).toEqual([200, false, false])
    const again = await draft(key('k-1'))
    expect(again).toMatchObject({ status: 200, body: { ...first.body, idempotent: true } })
    expect(isReplayed(again)).toBe(true)
    expect(await drafts(desk)).toBe(1)
    const entries = await desk.store.db.selectFrom('log_entries').select('id').where('action', '=', 'email.drafted').execute()
    expect(entries).toHaveLength(1)
  })

  it('takes the key in the body as well, on every route, by tRPC and by MCP', async () => {
    const { desk, draft } = await openWithMail()
    const first = await draft({}, { idempotency_key: 'k-1' })
    expect(isReplayed(await draft(key('k-1')))).toBe(true)
    expect(isReplayed(await draft(key('k-1'), { idempotency_key: 'k-1' }))).toBe(true)
    expect(await draft(key('k-1'), { idempotency_key: 'k-2' })).toMatchObject({ status: 400, body: { code: 'BAD_INPUT' } })
    const mail = await desk.receive(desk.ours.gated)
    const input = { email_id: mail.id, markdown: 'Later.' }
    const trpc = () => desk.call(desk.ours.keys.agent, 'POST', '/trpc/draft_reply', input, key('k-3'))
    await trpc()
    const repeated = await trpc()
    expect(isReplayed(repeated)).toBe(true)
    expect(repeated.body).toMatchObject({ result: { data: { idempotent: true } } })
    const batch = await desk.call(desk.ours.keys.agent, 'POST', '/trpc/draft_reply,draft_reply?batch=1', { 0: input, 1: input }, key('k-4'))
    expect(batch).toMatchObject({ status: 400, body: { error: { data: { code: 'BAD_INPUT' } } } })
    const client = new Client({ name: 'a test', version: '1' })
    const headers = { authorization: `Bearer ${desk.ours.keys.agent}` }
    await client.connect(new StreamableHTTPClientTransport(new URL(`${desk.url}/mcp`), { requestInit: { headers } }))
    onTestFinished(() => client.close())
    const tool = await client.callTool({ name: 'draft_reply', arguments: { ...input, idempotency_key: 'k-3' } })
    expect(tool).toMatchObject({
      structuredContent: { idempotent: true },
      _meta: { 'multimail/idempotency-replayed': true },
    })
    expect(first.body['id']).not.toBe((tool.structuredContent as { id: string }).id)
    expect(await drafts(desk)).toBe(2)
  })

  it('is a conflict when it is another call, and nobody’s business when it is another key’s', async () => {
    const { desk, draft } = await openWithMail()
    await draft(key('k'))
    expect(await draft(key('k'), { markdown: 'Never.' })).toMatchObject({ status: 409, body: { code: 'IDEMPOTENCY_CONFLICT' } })
    const other = await desk.call(desk.ours.keys.agent, 'POST', '/cancel_message', { email_id: 'em_0' }, key('k'))
    expect(other).toMatchObject({ status: 409, body: { code: 'IDEMPOTENCY_CONFLICT' } })
    const mail = await desk.receive(desk.ours.gated)
    const theirs = await desk.call(desk.ours.keys.bound, 'POST', '/draft_reply', { email_id: mail.id, markdown: 'Soon.' }, key('k'))
    expect([theirs.status, isReplayed(theirs)]).toEqual([200, false])
    for (const bad of ['two words', 'x'.repeat(201)])
      expect(await draft(key(bad))).toMatchObject({ status: 400, body: { code: 'BAD_INPUT' } })
    expect(await draft({}, { idempotency_key: 7 })).toMatchObject({ status: 400 })
  })

  it('is done once when it comes eight times at once', async () => {
    const { desk, draft } = await openWithMail()
    const answers = await Promise.all(Array.from({ length: 8 }, () => draft(key('k'))))
    expect(await drafts(desk)).toBe(1)
    const done = answers.filter(({ status, body }) => status === 200 && body['idempotent'] === false)
    expect(done).toHaveLength(1)
    for (const answer of answers.filter((one) => !done.includes(one))) {
      if (answer.status === 200) expect([isReplayed(answer), answer.body['id']]).toEqual([true, done[0]?.body['id']])
      else expect(answer).toMatchObject({ status: 409, body: { code: 'IDEMPOTENCY_IN_FLIGHT', retry_after_seconds: 1 } })
    }
    expect(isReplayed(await draft(key('k')))).toBe(true)
  })

  it('can be repeated when it was refused, inside a transaction or before one', async () => {
    const { desk, draft } = await openWithMail()
    expect(await draft(key('k'), { email_id: 'em_0' })).toMatchObject({ status: 404 })
    expect(await draft(key('k'), { markdown: 7 })).toMatchObject({ status: 400 })
    const letter = { mailbox_id: desk.ours.free.id, to: ['bo@remote.test'], subject: 's', markdown: 'm' }
    const sent = await desk.call(desk.ours.keys.agent, 'POST', '/send_email', letter)
    const cancel = () => desk.call(desk.ours.keys.agent, 'POST', '/cancel_message', { email_id: sent.body['id'] }, key('k'))
    expect(await cancel()).toMatchObject({ status: 409, body: { code: 'NOT_CANCELLABLE' } })
    expect(await cancel()).toMatchObject({ status: 409, body: { code: 'NOT_CANCELLABLE' } })
    expect(await remembered(desk)).toEqual([])
    expect(isReplayed(await draft(key('k')))).toBe(false)
    expect(await drafts(desk)).toBe(1)
  })

  it('does not pretend to know an answer that a crash took away, and does nothing again', async () => {
    const { desk, draft } = await openWithMail()
    await draft(key('k'))
    // As it is on disk between the commit of the draft and that of the answer.
    await desk.store.db.updateTable('idempotent_calls').set({ answered_at: null, answer_json: null }).execute()
    expect(await draft(key('k'))).toMatchObject({ status: 409, body: { code: 'IDEMPOTENCY_IN_FLIGHT' } })
    await desk.clock.advance(121_000)
    expect(await draft(key('k'))).toMatchObject({ status: 409, body: { code: 'IDEMPOTENCY_ANSWER_LOST' } })
    expect(await drafts(desk)).toBe(1)
  })

  it('is remembered for 24 hours, then forgotten and swept', async () => {
    const { desk, draft } = await openWithMail()
    await draft(key('k'))
    await desk.clock.advance(day - 1)
    expect(isReplayed(await draft(key('k')))).toBe(true)
    await forgetting(desk.store.db).work(desk.clock.now())
    expect(await remembered(desk)).toHaveLength(1)
    await desk.clock.advance(1)
    expect(isReplayed(await draft(key('k')))).toBe(false)
    expect(await drafts(desk)).toBe(2)
    await desk.clock.advance(day)
    await forgetting(desk.store.db).work(desk.clock.now())
    expect(await remembered(desk)).toEqual([])
  })

  it('is the key of the email where there is one: known for good, whatever happened between', async () => {
    const desk = await openDesk(openStore)
    const letter = { mailbox_id: desk.ours.free.id, to: ['bo@remote.test'], subject: 's', markdown: 'm' }
    const send = (headers: Record<string, string>, more = {}) =>
      desk.call(desk.ours.keys.agent, 'POST', '/send_email', { ...letter, ...more }, headers)
    const first = await send(key('k'))
    expect([first.status, isReplayed(first)]).toEqual([200, false])
    await desk.clock.advance(7 * day)
    for (const again of [await send(key('k')), await send({}, { idempotency_key: 'k' })]) {
      expect(again).toMatchObject({ status: 200, body: { id: first.body['id'], status: 'already_sent', idempotent: true } })
      expect(isReplayed(again)).toBe(true)
    }
    expect(await send(key('k'), { subject: 'other' })).toMatchObject({ status: 409, body: { code: 'IDEMPOTENCY_CONFLICT' } })
    expect(await remembered(desk)).toEqual([])
  })

  it('is bounded in number for each API key, and never keeps anybody from stopping mail', async () => {
    const { desk, draft } = await openWithMail()
    const { accountId, keys } = desk.ours
    const { id } = await desk.store.db
      .selectFrom('api_keys')
      .select('id')
      .where('name', '=', 'admin')
      .where('account_id', '=', accountId)
      .where('world', '=', 'live')
      .executeTakeFirstOrThrow()
    const now = desk.clock.now()
    const known = { key_id: id, account_id: accountId, world: 'live', operation: 'x', request_hash: 'x', created_at: now } as const
    const rows = Array.from({ length: 20_000 }, (_, count) => ({
      ...known,
      idempotency_key: `n-${count}`,
      expires_at: now + day,
      answered_at: now,
      answer_json: null,
    }))
    for (let at = 0; at < rows.length; at += 1000)
      await desk.store.db
        .insertInto('idempotent_calls')
        .values(rows.slice(at, at + 1000))
        .execute()
    expect([await hasCalls(desk.store.db, id, 20_000), await hasCalls(desk.store.db, id, 20_001)]).toEqual([true, false])
    const add = await desk.call(keys.admin, 'POST', '/add_suppression', { email_address: 'bo@remote.test' }, key('a'))
    expect(add.body['code']).toBe('TOO_MANY_IDEMPOTENCY_KEYS')
    expect((await draft(key('a'))).status).toBe(200)
    expect((await desk.call(keys.admin, 'POST', '/stop_sending', { reason: 'Stop.' }, key('a'))).status).toBe(200)
  })
})

const described = {
  scope: 'send',
  title: 'A deed',
  description: 'Does something.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  rest: [],
} as const satisfies OperationMeta

describeOnEachEngine('an operation of any kind, done once', (openStore) => {
  const open = async () => {
    const desk = await openDesk(openStore)
    const { store, clock } = desk
    const row = await store.db
      .selectFrom('api_keys')
      .selectAll()
      .where('name', '=', 'read,send')
      .where('world', '=', 'live')
      .executeTakeFirstOrThrow()
    const actor: KeyActor = {
      kind: 'key',
      keyId: row.id,
      name: 'k',
      scopes: ['send'],
      mailboxIds: null,
      accountId: row.account_id,
      world: 'live',
    }
    const rooms = { store, clock, log: silentLog } as Partial<Rooms> as Rooms
    const context = (): Context => ({ rooms, actor, requestId: 'req', idempotency: { key: 'k', replayed: false } })
    return { store, context }
  }
  const note = (store: Store, slug: string) =>
    store.transaction(async (tx) => void (await tx.updateTable('accounts').set({ name: slug }).execute()))

  it('keeps no secret: a repetition hears that it was done', async () => {
    const { store, context } = await open()
    let times = 0
    const deeds = router({
      deed: operation({ ...described, secretOutput: true })
        .input(z.strictObject({}))
        .output(z.strictObject({ secret: z.string() }))
        .mutation(async ({ ctx }) => {
          await note(ctx.rooms.store, `${++times}`)
          return { secret: 'mm_live_secret' }
        }),
    })
    const call = () => callerFor(deeds)(context()).deed({})
    expect(await call()).toEqual({ secret: 'mm_live_secret' })
    await expect(call()).rejects.toMatchObject({ cause: { code: 'ALREADY_DONE', message: expect.stringContaining('secret') } })
    expect(times).toBe(1)
    expect(JSON.stringify(await store.db.selectFrom('idempotent_calls').selectAll().execute())).not.toContain('mm_live_secret')
  })

  it('is remembered without a transaction too, forgotten after a refusal, and uncertain after a fault', async () => {
    const { store, context } = await open()
    const end = { now: 'well' as 'well' | 'refused' | 'broken' | 'idle' }
    let times = 0
    const deeds = router({
      deed: operation(described)
        .input(z.strictObject({}))
        .output(z.strictObject({ times: z.int() }))
        .mutation(async ({ ctx }) => {
          times += 1
          if (end.now !== 'idle') await note(ctx.rooms.store, end.now)
          if (end.now === 'refused') throw new OperationError('NOT_PENDING')
          if (end.now === 'broken') throw new Error('a bug')
          return { times }
        }),
    })
    const call = () => callerFor(deeds)(context()).deed({})
    const forget = () => store.db.deleteFrom('idempotent_calls').execute()
    end.now = 'refused'
    for (const _ of [1, 2]) await expect(call()).rejects.toMatchObject({ cause: { code: 'NOT_PENDING' } })
    expect(times).toBe(2)
    end.now = 'idle'
    for (const _ of [1, 2]) expect(await call()).toEqual({ times: 3 })
    await forget()
    end.now = 'broken'
    await expect(call()).rejects.toThrow('a bug')
    await expect(call()).rejects.toMatchObject({ cause: { code: 'IDEMPOTENCY_IN_FLIGHT' } })
    expect(times).toBe(4)
  })
})
