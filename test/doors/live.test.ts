import { createTRPCClient, httpSubscriptionLink } from '@trpc/client'
import { expect, it, onTestFinished } from 'vitest'
import type { AppRouter } from '../../server/doors/trpc.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { eventSourceWith, messagesOf } from '../support/event-source.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const client = (desk: Desk, key: string) =>
  createTRPCClient<AppRouter>({
    links: [httpSubscriptionLink({ url: `${desk.url}/trpc`, EventSource: eventSourceWith({ authorization: `Bearer ${key}` }) })],
  })
type Item = { id: string; data: Record<string, unknown> }

/** What a subscription gives, one after the other; an error in the place of an item. */
function inbox() {
  const come: unknown[] = []
  const asking: ((item: unknown) => void)[] = []
  const put = (item: unknown): void => {
    const first = asking.shift()
    if (first === undefined) come.push(item)
    else first(item)
  }
  return {
    on: { onData: put, onError: put },
    next: () => (come.length > 0 ? Promise.resolve(come.shift() as Item) : new Promise<Item>((resolve) => asking.push(resolve as never))),
  }
}

/** GET /v1/events, as curl would. */
async function curl(desk: Desk, key: string, query = '', headers: Record<string, string> = {}) {
  const ended = new AbortController()
  onTestFinished(() => ended.abort())
  const response = await fetch(`${desk.url}/v1/events${query}`, {
    headers: { authorization: `Bearer ${key}`, ...headers },
    signal: ended.signal,
  })
  if (response.body === null) throw new Error('no body')
  const messages = messagesOf(response.body)
  return { response, next: async () => (await messages.next()).value, end: () => ended.abort() }
}

describeOnEachEngine('what happens, over HTTP', (openStore) => {
  it('reaches a tRPC client: what its agent may see, when it comes into sight, and what it missed when it comes back', async () => {
    const desk = await openDesk(openStore)
    const { guarded, gated, keys } = desk.ours
    const [agent, first] = [client(desk, keys.agent), inbox()]
    const subscription = agent.on_email.subscribe({}, first.on)
    expect(await first.next()).toMatchObject({ data: { kind: 'ready' } })
    const held = await desk.receive(guarded, { status: 'pending_inbound_approval' })
    await desk.receive(desk.theirs.gated)
    await desk.receive(desk.ours.test)
    await desk.call(keys.reviewer, 'POST', '/decide_email', { email_id: held.id, action: 'approve' })
    const released = await first.next()
    expect(released).toMatchObject({ data: { kind: 'email', email: { id: held.id, status: 'unread' } } })
    subscription.unsubscribe()
    const missed = await desk.receive(gated)
    const second = inbox()
    const again = agent.on_email.subscribe({ lastEventId: released.id }, second.on)
    expect(await second.next()).toMatchObject({ data: { kind: 'email', email: { id: missed.id } } })
    expect(await second.next()).toMatchObject({ data: { kind: 'ready' } })
    again.unsubscribe()
    const log = await desk.store.db.selectFrom('log_entries').select('body').where('action', '=', 'inbox.listed').execute()
    expect(log.filter(({ body }) => body.includes(missed.id))).toHaveLength(1)
  })

  it('is for keys that may: a bound one gets its own mailbox, a reviewer what waits, an agent no events', async () => {
    const desk = await openDesk(openStore)
    const { gated, free, keys } = desk.ours
    const bound = inbox()
    const one = client(desk, keys.bound).on_email.subscribe({}, bound.on)
    await bound.next()
    await desk.receive(free)
    const own = await desk.receive(gated)
    expect(await bound.next()).toMatchObject({ data: { email: { id: own.id } } })
    const reviewer = inbox()
    const two = client(desk, keys.reviewer).on_pending.subscribe({}, reviewer.on)
    await reviewer.next()
    const sent = await desk.call(keys.agent, 'POST', '/send_email', {
      mailbox_id: gated.id,
      to: ['bo@remote.test'],
      subject: 's',
      markdown: 'm',
    })
    expect(await reviewer.next()).toMatchObject({ data: { kind: 'pending', data: { email_id: sent.body['id'] } } })
    for (const subscription of [one, two]) subscription.unsubscribe()
    for (const query of [`/trpc/on_event`, `/trpc/on_pending`, `/v1/events`]) {
      const response = await fetch(desk.url + query, { headers: { authorization: `Bearer ${keys.agent}` } })
      expect(await response.text()).toContain('SCOPE_MISSING')
    }
    const foreign = await fetch(`${desk.url}/v1/events?mailbox_id=${desk.theirs.gated.id}`, {
      headers: { authorization: `Bearer ${keys.admin}` },
    })
    expect(foreign.status).toBe(404)
    expect((await desk.call(null, 'GET', '/v1/events')).status).toBe(401)
  })

  it('reaches whoever has only HTTP, and goes on from Last-Event-ID', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const first = await curl(desk, keys.admin, '?types=message.received')
    expect(first.response.headers.get('content-type')).toBe('text/event-stream')
    const ready = await first.next()
    expect(ready).toMatchObject({ event: 'ready' })
    const mail = await desk.receive(gated)
    const told = await first.next()
    expect(JSON.parse(told?.data ?? '')).toMatchObject({ kind: 'event', type: 'message.received', data: { email_id: mail.id } })
    first.end()
    const second = await curl(desk, keys.admin, '', { 'last-event-id': ready?.id ?? '' })
    expect(await second.next()).toEqual(told)
    expect(await (await curl(desk, keys.admin, '', { 'last-event-id': 'nonsense' })).next()).toMatchObject({ event: 'resync' })
    expect((await desk.call(keys.admin, 'GET', '/v1/events?types=nothing')).status).toBe(400)
  })

  it('ends with its key, and with the server', async () => {
    const desk = await openDesk(openStore)
    const key = await desk.key({ scopes: ['admin'] })
    const stream = await curl(desk, key)
    await stream.next()
    const actor = await desk.keys.identify(key)
    if (actor !== null) await desk.keys.revoke(actor.keyId)
    await desk.clock.advance(30_000)
    expect(JSON.parse((await stream.next())?.data ?? '')).toMatchObject({ code: 'KEY_NOT_ACCEPTED' })
    expect(await stream.next()).toBeUndefined()
    const other = await curl(desk, desk.ours.keys.admin)
    await other.next()
    desk.live.close()
    expect(JSON.parse((await other.next())?.data ?? '')).toMatchObject({ code: 'UNAVAILABLE' })
    expect(await other.next()).toBeUndefined()
  })
})
