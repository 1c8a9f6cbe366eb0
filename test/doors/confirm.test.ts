import { expect, it } from 'vitest'
import { type Desk, openDesk } from '../support/desk.ts'
import { activate, forPeople, lastLetter, signUp, wanted } from '../support/signup.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const typed = async (desk: Desk, code: string, headers: Record<string, string> = {}) => {
  const body = new URLSearchParams({ code })
  const answer = await fetch(`${desk.url}/confirm`, { method: 'POST', headers, body, redirect: 'manual' })
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}
const keysIn = (text: string): string[] => [...text.matchAll(/<code>(mm_live_\w+)<\/code>/g)].map(([, key]) => String(key))

describeOnEachEngine('the page for the operator of a new account', (openStore) => {
  it('gives the operator keys that decide and manage, for the code that is theirs, once', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    await signUp(desk, { operator_name: '<b>Ann</b>' })
    const { agent, yours } = await lastLetter(desk)
    const agentKey = String((await activate(desk, agent)).body['api_key'])
    const shown = await typed(desk, yours.toLowerCase())
    expect(shown.status).toBe(200)
    expect(shown.text).toContain('&lt;b&gt;Ann&lt;/b&gt;')
    const [reviewer, admin] = keysIn(shown.text)
    if (reviewer === undefined || admin === undefined) throw new Error('no keys')
    const held = await desk.call(agentKey, 'POST', '/send_email', { to: ['bo@remote.test'], subject: 'Hi', markdown: 'Hello' })
    const decision = { email_id: held.body['id'], action: 'reject' }
    expect((await desk.call(admin, 'POST', '/decide_email', decision)).status).toBe(403)
    expect((await desk.call(agentKey, 'POST', '/decide_email', decision)).status).toBe(403)
    expect(await desk.call(reviewer, 'POST', '/decide_email', decision)).toMatchObject({ status: 200, body: { status: 'rejected' } })
    expect((await desk.call(reviewer, 'POST', '/send_email', { to: ['bo@remote.test'], subject: 'Hi', markdown: 'Me' })).status).toBe(403)
    expect((await desk.call(admin, 'GET', '/list_api_keys')).body['api_keys']).toHaveLength(3)
    expect((await desk.call(desk.ours.keys.admin, 'GET', '/list_api_keys')).body['api_keys']).toHaveLength(5)
    const again = await typed(desk, yours)
    expect([again.status, keysIn(again.text)]).toEqual([404, []])
  })

  it('gives neither side the keys of the other, and works before the agent has come', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    await signUp(desk)
    const { agent, yours } = await lastLetter(desk)
    const wrong = await typed(desk, agent)
    expect([wrong.status, keysIn(wrong.text)]).toEqual([404, []])
    expect((await activate(desk, yours)).status).toBe(404)
    expect(keysIn((await typed(desk, yours)).text)).toHaveLength(2)
    expect(await activate(desk, agent)).toMatchObject({ status: 200, body: { oversight_email: wanted.oversight_email } })
    expect(await desk.store.db.selectFrom('accounts').select('id').where('signed_up_at', 'is not', null).execute()).toHaveLength(1)
  })

  it('changes nothing when it is looked at, whatever looks, and keeps codes out of addresses', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    await signUp(desk)
    const { agent, yours } = await lastLetter(desk)
    for (const path of ['/v1/confirm?limit=100', `/v1/confirm/${agent}`, `/v1/confirm/${yours}`, `/confirm?code=${yours}`]) {
      const answer = await fetch(desk.url + path, { redirect: 'manual', headers: { host: 'evil.example' } })
      expect([path, answer.status]).toEqual([path, path.startsWith('/v1') ? 302 : 200])
      if (path.startsWith('/v1')) expect(answer.headers.get('location')).toBe('/confirm')
      expect(await answer.text()).not.toContain(yours)
    }
    expect(await desk.store.db.selectFrom('accounts').select('id').where('signed_up_at', 'is not', null).execute()).toEqual([])
    expect((await activate(desk, agent)).status).toBe(200)
  })

  it('shows nothing of what was typed, runs nothing, and is in no frame', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    const shown = await typed(desk, '<script>alert(1)</script>')
    expect(shown.status).toBe(404)
    expect(shown.text).not.toContain('script')
    const policy = shown.headers.get('content-security-policy')
    for (const part of ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'"]) expect(policy).toContain(part)
    for (const [name, value] of [
      ['cache-control', 'no-store'],
      ['referrer-policy', 'no-referrer'],
      ['x-content-type-options', 'nosniff'],
      ['set-cookie', null],
    ] as const)
      expect(shown.headers.get(name)).toBe(value)
  })

  it('reads small forms only', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    expect((await typed(desk, 'x'.repeat(10_000))).status).toBe(413)
    const json = await fetch(`${desk.url}/confirm`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"code":"x"}',
    })
    expect(json.status).toBe(415)
    expect((await typed(desk, '')).status).toBe(404)
  })
})
