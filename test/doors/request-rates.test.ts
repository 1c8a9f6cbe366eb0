import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createAttempts } from '../../server/doors/attempts.ts'
import { createRequestRates } from '../../server/doors/request-rates.ts'
import type { KeyActor } from '../../server/model/actor.ts'
import { newId } from '../../server/model/ids.ts'
import { openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

describeOnEachEngine('requests within a minute', (openStore) => {
  it('are told in the headers, and refused when there are too many, until the minute is over', async () => {
    const desk = await openDesk(openStore, { rates: { key: 3, account: 100 } })
    const ask = () => desk.call(desk.ours.keys.agent, 'GET', '/list_mailboxes')
    const first = await ask()
    expect(Object.fromEntries(first.headers)).toMatchObject({
      'ratelimit-policy': '"key";q=3;w=60, "account";q=100;w=60',
      ratelimit: '"key";r=2;t=60, "account";r=99;t=60',
      'ratelimit-limit': '3',
      'ratelimit-remaining': '2',
      'ratelimit-reset': '60',
    })
    await desk.clock.advance(20_000)
    await ask()
    await ask()
    const refused = await ask()
    expect(refused).toMatchObject({
      status: 429,
      body: {
        code: 'TOO_MANY_REQUESTS',
        error: 'This key has made the 3 requests that it may make in a minute',
        retry_after_seconds: 40,
        remaining: 0,
        rate_limit: { limit: 3, remaining: 0, reset_seconds: 40 },
      },
    })
    expect(refused.headers.get('retry-after')).toBe('40')
    expect(refused.headers.get('ratelimit-remaining')).toBe('0')
    // Clients of the public service tell the kinds of 429 apart by these.
    expect(JSON.stringify(refused.body)).not.toMatch(/quota|warmup/)
    expect((await desk.call(desk.ours.keys.reader, 'GET', '/list_mailboxes')).status).toBe(200)
    await desk.clock.advance(40_000)
    expect((await ask()).status).toBe(200)
  })

  it('count for all keys of an account together, and each call of a batch', async () => {
    const desk = await openDesk(openStore, { rates: { key: null, account: 3 } })
    const input = encodeURIComponent(JSON.stringify({ 0: {}, 1: {} }))
    const batch = (key: string) => desk.call(key, 'GET', `/trpc/list_mailboxes,list_mailboxes?batch=1&input=${input}`)
    expect((await batch(desk.ours.keys.agent)).headers.get('ratelimit-remaining')).toBe('1')
    const refused = await batch(desk.ours.keys.reader)
    expect(refused).toMatchObject({ status: 429, body: { error: { data: { code: 'TOO_MANY_REQUESTS', remaining: 0 } } } })
    expect((await desk.call(desk.ours.keys.reader, 'GET', '/list_mailboxes')).status).toBe(200)
    expect((await desk.call(desk.ours.keys.admin, 'GET', '/list_mailboxes')).status).toBe(429)
    expect((await desk.call(desk.theirs.keys.admin, 'GET', '/list_mailboxes')).status).toBe(200)
  })

  it('of test keys are counted apart from those of live keys', async () => {
    const desk = await openDesk(openStore, { rates: { key: null, account: 2 } })
    const { test, testAdmin, agent } = desk.ours.keys
    const ask = async (key: string) => (await desk.call(key, 'GET', '/list_mailboxes')).status
    expect([await ask(test), await ask(testAdmin), await ask(test)]).toEqual([200, 200, 429])
    expect([await ask(agent), await ask(agent), await ask(agent)]).toEqual([200, 200, 429])
  })

  it('are told by MCP beside the answer, and nowhere where there is no limit', async () => {
    const desk = await openDesk(openStore, { rates: { key: 50, account: null } })
    const client = new Client({ name: 'a test', version: '1' })
    const headers = { authorization: `Bearer ${desk.ours.keys.agent}` }
    await client.connect(new StreamableHTTPClientTransport(new URL(`${desk.url}/mcp`), { requestInit: { headers } }))
    onTestFinished(() => client.close())
    const result = await client.callTool({ name: 'list_mailboxes', arguments: {} })
    expect(result._meta).toEqual({ 'multimail/rate-limit': { limit: 50, remaining: expect.any(Number), reset_seconds: 60 } })
    const free = await openDesk(openStore)
    expect(
      [...(await free.call(free.ours.keys.agent, 'GET', '/list_mailboxes')).headers.keys()].filter((name) => /ratelimit/.test(name)),
    ).toEqual([])
  })
})

describe('counting', () => {
  const actor = (): KeyActor => ({
    kind: 'key',
    keyId: newId('key', 0),
    accountId: newId('account', 0),
    world: 'live',
    name: 'k',
    scopes: [],
    mailboxIds: null,
  })

  it('does not count what is refused, and never says less than nothing is left', () => {
    const rates = createRequestRates(createVirtualClock(0), { key: 5, account: 8 })
    const one = actor()
    expect(rates.take(one, 4)).toMatchObject({
      isAllowed: true,
      allowances: [
        { policy: 'key', remaining: 1 },
        { policy: 'account', remaining: 4 },
      ],
    })
    expect(rates.take(one, 2)).toMatchObject({ isAllowed: false, allowances: [{ policy: 'key', remaining: 1 }, { remaining: 4 }] })
    expect(rates.take({ ...actor(), accountId: one.accountId }, 5)).toMatchObject({
      isAllowed: false,
      allowances: [{ policy: 'account', remaining: 4 }, {}],
    })
    expect(rates.take(one, 1)).toMatchObject({ isAllowed: true, allowances: [{ remaining: 0 }, { remaining: 3 }] })
  })

  it('lets nobody try keys without end, and holds up no neighbour with a good one', async () => {
    const clock = createVirtualClock(0)
    let looks = 0
    const good = actor()
    const attempts = createAttempts(clock, (key) => {
      looks += 1
      return Promise.resolve(key === 'good' ? good : null)
    })
    expect(await attempts.identify('9.1.2.3', 'good')).toBe(good)
    for (let count = 0; count < 60; count += 1) expect(await attempts.identify('9.1.2.3', `bad-${count}`)).toBeNull()
    await expect(attempts.identify('9.1.2.3', 'bad')).rejects.toMatchObject({ code: 'TOO_MANY_ATTEMPTS', retryAfterMs: 60_000 })
    expect(() => attempts.nobody('9.1.2.3')).toThrow('Too many calls')
    expect(looks).toBe(61)
    expect(await attempts.identify('9.1.2.3', 'good')).toBe(good)
    expect(await attempts.identify('9.1.2.4', 'bad')).toBeNull()
    // A household of IPv6 is one network, a proxy many people.
    for (let count = 0; count < 60; count += 1) attempts.nobody(`2a00:1:2:3::${count.toString(16)}`)
    expect(() => attempts.nobody('2a00:1:2:3::ffff')).toThrow('Too many calls')
    for (let count = 0; count < 61; count += 1) attempts.nobody('127.0.0.1')
    await clock.advance(60_000)
    expect(await attempts.identify('9.1.2.3', 'bad')).toBeNull()
  })
})
