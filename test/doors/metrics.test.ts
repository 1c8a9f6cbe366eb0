import { expect, it } from 'vitest'
import { openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

describeOnEachEngine('the page of metrics', (openStore) => {
  const token = 'the-token-of-prometheus'
  const read = async (url: string, authorization?: string): Promise<Response> =>
    fetch(`${url}/metrics`, { headers: authorization === undefined ? {} : { authorization } })

  it('is not there without a token, like any page that is not', async () => {
    const desk = await openDesk(openStore)
    for (const authorization of [undefined, `Bearer ${token}`, 'Bearer null', `Bearer ${desk.ours.keys.admin}`]) {
      const [metrics, nothing] = [await read(desk.url, authorization), await fetch(`${desk.url}/nothing`)]
      expect(metrics.status).toBe(404)
      expect(await metrics.json()).toEqual({ ...((await nothing.json()) as object), request_id: expect.any(String) })
    }
  })

  it('is shown to whoever has the token, as text, and to nobody else', async () => {
    const desk = await openDesk(openStore, { metricsToken: token })
    const right = await read(desk.url, `Bearer ${token}`)
    expect(right.status).toBe(200)
    expect(right.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    const wrong = ['', 'Bearer', token, `Basic ${token}`, `Bearer ${token}x`, `Bearer ${token.slice(0, -1)}`, `Bearer ${'x'.repeat(4000)}`]
    for (const authorization of [...wrong, `Bearer ${desk.ours.keys.admin}`]) {
      const answer = await read(desk.url, authorization)
      expect(answer.status).toBe(401)
      expect(await answer.text()).not.toContain(token)
    }
    expect((await read(desk.url)).status).toBe(401)
    expect((await fetch(`${desk.url}/metrics?token=${token}`)).status).toBe(401)
  })
})
