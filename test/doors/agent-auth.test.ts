import { expect, it } from 'vitest'
import { signupLifeMs } from '../../server/identity/signup/terms.ts'
import { newId } from '../../server/model/ids.ts'
import { type Answer, type Desk, openDesk } from '../support/desk.ts'
import { forAgents, forPeople, lastLetter, signUp, signupLetters } from '../support/signup.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const registration = (email = 'ann@elsewhere.example', more: object = {}) => ({
  type: 'identity_assertion',
  assertion_type: 'verified_email',
  assertion: { email },
  requested_credential_type: 'api_key',
  ...more,
})
const register = (desk: Desk, email?: string, more?: object) => desk.call(null, 'POST', '/agent/auth', registration(email, more))
const claim = (desk: Desk, { body }: Answer, otp: string) =>
  desk.call(null, 'POST', '/agent/auth/claim/complete', { claim_token: body['claim_token'], otp })
const other = (otp: string): string => String((Number(otp) + 1) % 1_000_000).padStart(6, '0')
const document = async (desk: Desk, path: string) => {
  const answer = await fetch(desk.url + path)
  return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() }
}
const refused = { status: 400, body: { code: 'CLAIM_NOT_ACCEPTED' } }

describeOnEachEngine('agents that register themselves', (openStore) => {
  it('get a key that proposes in one gated mailbox, with six digits that a person got by mail', async () => {
    const desk = await openDesk(openStore, { signup: forAgents })
    const asked = await register(desk, 'ann@elsewhere.example', { operator_name: 'Ann', requested_oversight_mode: 'monitored' })
    expect(asked).toMatchObject({
      status: 200,
      body: {
        registration_id: expect.stringMatching(/^sgn_/),
        registration_type: 'verified_email',
        claim_url: 'https://mail.ours.test/agent/auth/claim/complete',
        claim_token: expect.stringMatching(/^[\w-]{43}$/),
        claim_token_expires: new Date(desk.clock.now() + signupLifeMs).toISOString(),
        post_claim_scopes: ['read', 'send'],
      },
    })
    const { agent: otp, yours, body } = await lastLetter(desk)
    expect([otp, yours]).toEqual([expect.stringMatching(/^\d{6}$/), expect.stringMatching(/-/)])
    expect(body).toContain('An agent asks')
    for (const secret of [otp, yours]) expect(JSON.stringify(asked.body)).not.toContain(secret)
    const claimed = await claim(desk, asked, otp)
    expect(claimed).toMatchObject({
      status: 200,
      body: {
        registration_id: asked.body['registration_id'],
        status: 'claimed',
        credential_type: 'api_key',
        credential_expires: null,
        scopes: ['read', 'send'],
      },
    })
    const key = String(claimed.body['credential'])
    expect((await desk.call(key, 'GET', '/list_mailboxes')).body).toMatchObject({
      mailboxes: [{ address: 'ann@ours.test', oversight_mode: 'gated_send' }],
    })
    expect((await desk.call(key, 'GET', '/list_api_keys')).status).toBe(403)
    expect(await claim(desk, asked, otp)).toMatchObject({ status: 409, body: { code: 'CLAIM_USED' } })
  })

  it('get nothing by guessing: after five wrong digits the right ones are late', async () => {
    const desk = await openDesk(openStore, { signup: forAgents })
    const asked = await register(desk)
    const { agent: otp } = await lastLetter(desk)
    for (let n = 0; n < 5; n++) expect(await claim(desk, asked, other(otp))).toMatchObject(refused)
    expect(await claim(desk, asked, otp)).toMatchObject(refused)
  })

  it('get nothing with somebody else’s digits or token, nor with the person’s own code, nor too late', async () => {
    const desk = await openDesk(openStore, { signup: forAgents })
    const first = await register(desk)
    const { agent: otp, yours } = await lastLetter(desk)
    const second = await register(desk, 'bo@elsewhere.example')
    const { agent: others } = await lastLetter(desk)
    if (others !== otp) expect(await claim(desk, second, otp)).toMatchObject(refused)
    expect(await desk.call(null, 'POST', '/agent/auth/claim/complete', { claim_token: 'x'.repeat(43), otp })).toMatchObject(refused)
    expect(await desk.call(null, 'POST', '/agent/auth/claim/complete', { claim_token: first.body['registration_id'], otp })).toMatchObject(
      refused,
    )
    for (const bad of [yours, '12345', '1234567', 123456, '１２３４５６'])
      expect(
        (await desk.call(null, 'POST', '/agent/auth/claim/complete', { claim_token: first.body['claim_token'], otp: bad })).status,
      ).toBe(400)
    // The digits alone, as if they were a code of a sign-up.
    expect((await desk.call(null, 'POST', '/v1/confirm', { code: otp })).status).toBe(404)
    await desk.clock.advance(signupLifeMs)
    expect(await claim(desk, first, otp)).toMatchObject(refused)
  })

  it('are told the same whether the address has an account, was written to too often, or neither', async () => {
    const desk = await openDesk(openStore, { signup: forAgents })
    const emails = ['new@elsewhere.example', 'boss@ours-test.example', ...Array(4).fill('often@elsewhere.example')]
    const answers = []
    for (const email of emails) answers.push(await register(desk, email))
    const kinds = answers.map(({ status, body }) =>
      JSON.stringify([status, Object.entries(body).map(([name, value]) => [name, String(value).length])]),
    )
    expect(new Set(kinds).size).toBe(1)
    expect((await signupLetters(desk)).filter(({ recipient }) => recipient.startsWith('often'))).toHaveLength(3)
    for (const [n, answer] of answers.entries())
      for (const otp of ['000000', '999999']) if (n !== 0) expect(await claim(desk, answer, otp)).toMatchObject(refused)
    expect(await desk.store.db.selectFrom('accounts').select('id').where('signed_up_at', 'is not', null).execute()).toEqual([])
  })

  it('have letters of the hour for themselves, as people have', async () => {
    for (const by of ['person', 'agent'] as const) {
      const desk = await openDesk(openStore, { signup: forAgents })
      if (by === 'person') await signUp(desk)
      else await register(desk)
      const { db } = desk.store
      const row = await db.selectFrom('signups').selectAll().executeTakeFirstOrThrow()
      for (let n = 0; n < 99; n++) {
        const hashes = { code_hash: `c${n}`, owner_hash: `o${n}`, claim_hash: by === 'agent' ? `h${n}` : null }
        const more = { id: newId('signup', desk.clock.now()), email_key: `${n}@elsewhere.example` }
        await db
          .insertInto('signups')
          .values({ ...row, ...more, ...hashes })
          .execute()
      }
      const person = await signUp(desk, { oversight_email: 'bo@elsewhere.example' })
      const agent = await register(desk, 'di@elsewhere.example')
      expect([by, person.status, agent.status]).toEqual(by === 'person' ? [by, 429, 200] : [by, 200, 429])
    }
  })

  it('say exactly what they want', async () => {
    const desk = await openDesk(openStore, { signup: forAgents })
    for (const body of [
      {},
      { ...registration(), type: 'anonymous' },
      { ...registration(), assertion_type: 'did' },
      { ...registration(), requested_credential_type: 'access_token' },
      { ...registration(), requested_oversight_mode: 'autonomous' },
      { ...registration(), operator_name: 'x'.repeat(101) },
      { ...registration(), scopes: ['admin'] },
      { ...registration('no address') },
      [registration()],
      'text',
    ])
      expect([body, (await desk.call(null, 'POST', '/agent/auth', body)).status]).toEqual([body, 400])
    expect(await register(desk, 'boss@ours.test')).toMatchObject({ status: 400, body: { code: 'BAD_OVERSIGHT_EMAIL' } })
    expect((await desk.call(null, 'POST', '/agent/auth', { ...registration(), operator_name: 'x'.repeat(20_000) })).status).toBe(413)
    expect(await signupLetters(desk)).toEqual([])
    // No page shows a code to whoever has its address.
    expect((await desk.call(null, 'GET', '/agent/auth/claim/view?token=x')).status).toBe(404)
  })

  it('do not, where people sign up only, or nobody does', async () => {
    for (const signup of [forPeople, null]) {
      const desk = await openDesk(openStore, { signup })
      const off = { status: 400, body: { code: 'SIGNUP_NOT_ENABLED' } }
      expect(await register(desk)).toMatchObject(off)
      expect(await desk.call(null, 'POST', '/agent/auth/claim/complete', { claim_token: 'x', otp: '123456' })).toMatchObject(off)
    }
  })
})

describeOnEachEngine('the documents about keys', (openStore) => {
  it('promise no flow that is not there', async () => {
    const desk = await openDesk(openStore)
    const resource = await document(desk, '/.well-known/oauth-protected-resource')
    expect(JSON.parse(resource.text)).toEqual({
      resource: 'https://mail.ours.test',
      resource_name: 'MultiMail',
      resource_documentation: 'https://mail.ours.test/auth.md',
      scopes_supported: ['read', 'send', 'oversight', 'admin'],
      bearer_methods_supported: ['header'],
    })
    expect((await document(desk, '/.well-known/oauth-authorization-server')).status).toBe(404)
    const markdown = await document(desk, '/auth.md')
    expect([markdown.status, markdown.type]).toEqual([200, 'text/markdown; charset=utf-8'])
    expect(markdown.text).toContain('multimail keys create')
    for (const absent of ['/agent/auth', '/v1/account', '/v1/confirm']) expect(markdown.text).not.toContain(absent)
  })

  it('say how people sign up, where they do', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    const { text } = await document(desk, '/auth.md')
    expect(text).toContain('https://mail.ours.test/v1/account/challenge')
    expect(text).not.toContain('/agent/auth')
    expect((await document(desk, '/.well-known/oauth-authorization-server')).status).toBe(404)
  })

  it('name routes that are there, where agents register', async () => {
    const desk = await openDesk(openStore, { signup: forAgents })
    const resource = JSON.parse((await document(desk, '/.well-known/oauth-protected-resource')).text) as { authorization_servers: string[] }
    expect(resource.authorization_servers).toEqual(['https://mail.ours.test'])
    const server = JSON.parse((await document(desk, '/.well-known/oauth-authorization-server')).text) as {
      agent_auth: Record<string, string>
    }
    expect(server).toMatchObject({ issuer: 'https://mail.ours.test', agent_auth: { identity_types_supported: ['identity_assertion'] } })
    // Nobody is sent to an endpoint of OAuth.
    for (const endpoint of ['authorization_endpoint', 'token_endpoint', 'registration_endpoint'])
      expect(server).not.toHaveProperty(endpoint)
    for (const name of ['register_uri', 'claim_uri']) {
      const path = new URL(server.agent_auth[name] ?? '').pathname
      expect((await desk.call(null, 'POST', path, {})).body['code']).toBe('BAD_INPUT')
    }
    expect((await document(desk, new URL(server.agent_auth['skill'] ?? '').pathname)).text).toContain('https://mail.ours.test/agent/auth')
  })

  it('are found from an answer to a call without a key', async () => {
    const desk = await openDesk(openStore)
    const { headers } = await desk.call(null, 'GET', '/check_inbox')
    const [, url = ''] = /resource_metadata="([^"]+)"/.exec(headers.get('www-authenticate') ?? '') ?? []
    expect(url).toBe('https://mail.ours.test/.well-known/oauth-protected-resource')
    const evil = await desk.call(null, 'GET', '/check_inbox', undefined, { 'x-forwarded-host': 'evil.example' })
    expect(evil.headers.get('www-authenticate')).not.toContain('evil')
  })
})
