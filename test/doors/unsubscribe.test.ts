import { describe, expect, it, onTestFinished } from 'vitest'
import { createHttpServer } from '../../server/doors/http.ts'
import { silentLog } from '../../server/platform/log.ts'
import { createMetrics } from '../../server/platform/metrics.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

describe('the page of an unsubscribe link', () => {
  const open = async () => {
    const asked: string[] = []
    const clock = createVirtualClock(0)
    const http = createHttpServer({
      // Nothing but the link is asked for here.
      rooms: { clock, log: silentLog, signups: { kind: 'off' } } as never,
      identify: () => Promise.resolve(null),
      config: { http: { host: '127.0.0.1', port: 0, publicUrl: 'https://mail.ours.test', metricsToken: null } },
      metrics: createMetrics(),
      unsubscribe: async (token) => void asked.push(token),
      log: silentLog,
      clock,
    })
    const { port } = await http.listen()
    onTestFinished(() => http.close())
    const call = (token: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}/v1/unsubscribe/${token}`, init)
    return { asked, call }
  }

  it('asks when it is opened, without a key, and changes nothing', async () => {
    const { asked, call } = await open()
    const answer = await call('some-token')
    const text = await answer.text()
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer')
    expect(text).toContain('<form method="post">')
    // Nothing of the address is repeated in the page.
    expect(await (await call('%3Cscript%3Ealert(1)%3C%2Fscript%3E')).text()).toBe(text)
    expect(asked).toEqual([])
  })

  it('does it when somebody posts, whatever kind of form it is, and says the same to everybody', async () => {
    const { asked, call } = await open()
    const body = 'List-Unsubscribe=One-Click'
    const form = { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body }
    const first = await (await call('one', form)).text()
    expect(first).toContain('Done')
    const multipart = new FormData()
    multipart.set('List-Unsubscribe', 'One-Click')
    expect(await (await call('two', { method: 'POST', body: multipart })).text()).toBe(first)
    expect(await (await call('three', { method: 'POST' })).text()).toBe(first)
    expect(await (await call('x'.repeat(1_000), form)).text()).toBe(first)
    expect(asked).toEqual(['one', 'two', 'three'])
    expect((await call('four', { ...form, body: 'x'.repeat(5_000) })).status).toBe(413)
    expect(asked).toHaveLength(3)
  })
})
