import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { expect, it, onTestFinished } from 'vitest'
import { operations } from '../../server/operations/router.ts'
import { openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

// Those of a sign-up are shown where people sign up; operations/signup.test.ts has them.
const forEverybody = operations.filter(({ meta }) => meta.scope === 'none' && meta.ofSignup !== true).map(({ name }) => name)

describeOnEachEngine('what is for everybody', (openStore) => {
  it('tells who has no key how to begin, on each door', async () => {
    const desk = await openDesk(openStore)
    const text = expect.stringContaining('https://mail.ours.test/mcp') as string
    const help = { base_url: 'https://mail.ours.test', has_key: false, text }
    expect(await desk.call(null, 'GET', '/setup_multimail?limit=5')).toMatchObject({ status: 200, body: help })
    expect(await desk.call(null, 'GET', '/trpc/setup_multimail?input={}')).toMatchObject({ status: 200, body: { result: { data: help } } })
    expect(await desk.call(desk.ours.keys.reader, 'GET', '/setup_multimail')).toMatchObject({ body: { ...help, has_key: true } })

    const client = new Client({ name: 'a test', version: '1' })
    await client.connect(new StreamableHTTPClientTransport(new URL(`${desk.url}/onboard`)))
    onTestFinished(() => client.close())
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(forEverybody)
    expect(await client.callTool({ name: 'setup_multimail', arguments: {} })).toMatchObject({ structuredContent: help })
    const refused = await client.callTool({ name: 'check_inbox', arguments: {} })
    expect(refused).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('UNAUTHENTICATED') }] })
  })

  it('still refuses a key that is no good, and calls that are not for everybody beside those that are', async () => {
    const desk = await openDesk(openStore)
    expect(await desk.call('mm_live_wrong', 'GET', '/setup_multimail')).toMatchObject({ status: 401, body: { code: 'KEY_NOT_ACCEPTED' } })
    expect(await desk.call('mm_live_wrong', 'POST', '/onboard', {})).toMatchObject({ status: 401, body: { code: 'KEY_NOT_ACCEPTED' } })
    for (const path of ['/trpc/setup_multimail,check_inbox?batch=1&input={}', '/trpc/check_inbox', '/trpc/nothing', '/trpc/toString'])
      expect(await desk.call(null, 'GET', path)).toMatchObject({ status: 401 })
  })

  it('reads no large body of somebody without a key', async () => {
    const desk = await openDesk(openStore)
    const large = JSON.stringify({ text: 'x'.repeat(2 * 1024 * 1024) })
    expect(await desk.call(null, 'POST', '/onboard', large)).toMatchObject({ status: 413, body: { code: 'BODY_TOO_LARGE' } })
    expect(await desk.call(null, 'POST', '/trpc/setup_multimail', large)).toMatchObject({ status: 413 })
  })
})
