import { request } from 'node:http'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { expect, it, onTestFinished } from 'vitest'
import { createAddresses } from '../../server/identity/addresses.ts'
import { challengeLifeMs } from '../../server/identity/signup/challenge.ts'
import { signupLifeMs, whyClosed } from '../../server/identity/signup/terms.ts'
import { newId } from '../../server/model/ids.ts'
import { takersOf } from '../../server/store/recipients.ts'
import { type Answer, type Desk, openDesk } from '../support/desk.ts'
import { activate, challenge, forPeople, lastLetter, nextHour, signUp, signupLetters, solved, wanted } from '../support/signup.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const minute = 60_000
const everySignup = ({ store }: Desk) => store.db.selectFrom('signups').selectAll().orderBy('id').execute()
const accounts = ({ store }: Desk) =>
  store.db.selectFrom('accounts').selectAll().where('signed_up_at', 'is not', null).orderBy('id').execute()
const actions = async ({ store }: Desk, like: string): Promise<string[]> =>
  (await store.db.selectFrom('log_entries').select('action').where('action', 'like', like).orderBy('seq').execute()).map(
    ({ action }) => action,
  )
/** What a caller can tell two answers apart by. */
const shown = ({ status, body, headers }: Answer) => ({ status, body: { ...body, request_id: '' }, type: headers.get('content-type') })

describeOnEachEngine('signing up', (openStore) => {
  it('is off unless the operator of the server says otherwise', async () => {
    const desk = await openDesk(openStore)
    const off = { status: 400, body: { code: 'SIGNUP_NOT_ENABLED', fix: expect.stringContaining('MULTIMAIL_SIGNUP') } }
    expect(await desk.call(null, 'POST', '/v1/account/challenge', {})).toMatchObject(off)
    expect(await desk.call(null, 'GET', '/v1/slug-check/ann')).toMatchObject(off)
    expect(
      await signUp(desk, {
        pow_solution: { algorithm: 'SHA-256', challenge: 'a'.repeat(64), number: 1, salt: 'x', signature: 'b'.repeat(64) },
      }),
    ).toMatchObject(off)
    expect(await desk.call(null, 'POST', '/v1/account/resend-confirmation', { oversight_email: 'a@b.example' })).toMatchObject(off)
    expect(await activate(desk, 'AAA-BBB-CCC')).toMatchObject(off)
    for (const path of ['/confirm', '/v1/confirm', '/v1/confirm/AAA-BBB-CCC'])
      expect(await desk.call(null, 'GET', path)).toMatchObject({ status: 404 })
    expect(await everySignup(desk)).toEqual([])
  })

  it('takes a proof of work and a code from the operator’s mail, and gives the agent a gated mailbox and a key for it alone', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    const sent = await signUp(desk, { slug: 'ann-s-shop', use_case: 'orders', physical_address: '1 Main St' })
    expect(sent).toMatchObject({ status: 200, body: { status: 'confirmation_sent', message: expect.any(String) } })
    expect(await accounts(desk)).toEqual([])
    const [letter] = await signupLetters(desk)
    expect(letter).toMatchObject({ recipient: 'ann@elsewhere.example', agent: expect.stringMatching(/^([2-9A-Z]{3}-){2}[2-9A-Z]{3}$/) })
    const made = await activate(desk, (letter?.agent ?? '').toLowerCase().replaceAll('-', ' '))
    expect(made).toMatchObject({
      status: 200,
      body: {
        status: 'activated',
        name: 'Ann',
        oversight_mode: 'gated_send',
        mailbox_address: 'ann-s-shop@ours.test',
        oversight_email: 'ann@elsewhere.example',
        use_case: 'orders',
      },
    })
    const key = String(made.body['api_key'])
    expect(await desk.call(key, 'GET', '/v1/account')).toMatchObject({
      body: { name: 'Ann', slug: 'ann-s-shop', physical_address: '1 Main St' },
    })
    expect((await desk.call(key, 'GET', '/list_mailboxes')).body).toMatchObject({
      mailboxes: [{ id: made.body['mailbox_id'], oversight_mode: 'gated_send' }],
    })
    const letterOut = { to: ['bo@remote.test'], subject: 'Hi', markdown: 'Hello' }
    expect((await desk.call(key, 'POST', '/send_email', letterOut)).body).toMatchObject({ status: 'pending_approval' })
    for (const [method, path] of [
      ['GET', '/v1/api-keys'],
      ['GET', '/v1/oversight/pending'],
      ['POST', '/v1/operator/start-session'],
    ] as const)
      expect((await desk.call(key, method, path, method === 'POST' ? {} : undefined)).status).toBe(403)
    expect(await actions(desk, 'signup.%')).toEqual(['signup.requested', 'signup.confirmed'])
    expect(await actions(desk, 'account.created')).toEqual(['account.created'])
  })

  it('makes a tenant that sees nothing of the others at the same domain, nor they of it', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    await signUp(desk, { slug: 'ann-s-shop' })
    const { agent } = await lastLetter(desk)
    const { body } = await activate(desk, agent)
    const key = String(body['api_key'])
    const email = await desk.receive(desk.ours.gated)
    for (const path of [`/read_email?email_id=${email.id}`, `/check_inbox?mailbox=${desk.ours.gated.address}`])
      expect((await desk.call(key, 'GET', path)).status).toBe(404)
    for (const { keys } of [desk.ours, desk.theirs]) {
      expect((await desk.call(keys.agent, 'GET', `/check_inbox?mailbox=${String(body['mailbox_address'])}`)).status).toBe(404)
      expect(JSON.stringify((await desk.call(keys.admin, 'GET', '/list_mailboxes')).body)).not.toContain('ann-s-shop')
      expect(JSON.stringify((await desk.call(keys.admin, 'GET', '/get_audit_log')).body)).not.toContain('signup')
    }
  })

  it('makes a tenant that does not answer for the domain, also when nobody else does', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    await signUp(desk, { slug: 'ann-s-shop' })
    await activate(desk, (await lastLetter(desk)).agent)
    const forPostmaster = () => takersOf(desk.store.db, { domain: forPeople.domain, keys: ['postmaster@ours.test'], role: true })
    expect(await forPostmaster()).toMatchObject([{ found: 'role', id: desk.ours.gated.id }])
    await desk.store.db.updateTable('mailboxes').set({ deleted_at: 1 }).where('account_id', '=', desk.ours.accountId).execute()
    expect(await forPostmaster()).toEqual([])
  })

  it('says the same whether the address has an account or not, and writes to it either way', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    const fresh = await signUp(desk, { oversight_email: 'new@elsewhere.example' })
    const known = await signUp(desk, { oversight_email: 'Boss@ours-test.example' })
    expect(shown(known)).toEqual(shown(fresh))
    const [toNew, toKnown] = await signupLetters(desk)
    expect([toNew?.agent, toKnown?.agent, toKnown?.yours]).toEqual([expect.any(String), undefined, undefined])
    expect(toKnown?.body).toContain('has one already')
    const rows = await everySignup(desk)
    expect(rows.map(({ kind }) => kind)).toEqual(['person', 'known'])
    const again = (oversight_email: string) => desk.call(null, 'POST', '/v1/account/resend-confirmation', { oversight_email })
    const answers = []
    for (const email of ['new@elsewhere.example', 'boss@ours-test.example', 'nobody@elsewhere.example']) answers.push(await again(email))
    expect(answers.map(shown)).toEqual(Array(3).fill(shown(answers[0] ?? expect.fail())))
    expect(answers[0]).toMatchObject({ status: 200, body: { status: 'confirmation_resent' } })
    for (const email of ['boss@ours-test.example', 'nobody@elsewhere.example'])
      expect(await again(email)).toMatchObject({ status: 429, body: { retry_after_seconds: 300 } })
  })

  it('takes each proof of work once, and that before its time is over', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    const pow_solution = solved(await challenge(desk, wanted.oversight_email))
    expect(await signUp(desk, { pow_solution })).toMatchObject({ status: 200 })
    expect(await signUp(desk, { pow_solution })).toMatchObject({ status: 400, body: { code: 'CHALLENGE_SPENT' } })
    expect(await signUp(desk, { pow_solution, operator_name: 'Eve' })).toMatchObject({ status: 400, body: { code: 'CHALLENGE_SPENT' } })
    const late = solved(await challenge(desk, wanted.oversight_email))
    await desk.clock.advance(challengeLifeMs)
    const refused = { status: 400, body: { code: 'CHALLENGE_NOT_ACCEPTED' } }
    expect(await signUp(desk, { pow_solution: late })).toMatchObject(refused)
    const own = solved(await challenge(desk, wanted.oversight_email))
    expect(await signUp(desk, { pow_solution: own, oversight_email: 'eve@elsewhere.example' })).toMatchObject(refused)
    expect(await signUp(desk, { pow_solution: { ...own, maxnumber: 1 } })).toMatchObject({ status: 400, body: { code: 'BAD_INPUT' } })
    expect(await signUp(desk, { pow_solution: { ...own, algorithm: 'SHA-1' } })).toMatchObject({ status: 400 })
    for (const number of [-1, 1.5, 2 ** 60, '7', null])
      expect(await signUp(desk, { pow_solution: { ...own, number } })).toMatchObject({ status: 400 })
    expect(await signupLetters(desk)).toHaveLength(1)
    expect((await signUp(desk, { pow_solution: own, slug: 'another' })).status).toBe(200)
  })

  it('lets one of two make an account of one proof that are sent at once', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    const pow_solution = solved(await challenge(desk, wanted.oversight_email))
    const both = await Promise.all([signUp(desk, { pow_solution }), signUp(desk, { pow_solution })])
    expect(new Set(both.map(({ status }) => status))).toEqual(new Set([200, 400]))
    expect(await signupLetters(desk)).toHaveLength(1)
  })

  it('remembers what was used up for an hour, and no longer', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    const spent = () => desk.store.db.selectFrom('spent_challenges').selectAll().execute()
    await signUp(desk)
    expect(await spent()).toHaveLength(1)
    await nextHour(desk)
    await signUp(desk, { oversight_email: 'bo@elsewhere.example' })
    expect(await spent()).toHaveLength(1)
  })

  it('answers a repetition with the same idempotency key as the first call, and no other call by it', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    const pow_solution = solved(await challenge(desk, wanted.oversight_email))
    const key = { 'idempotency-key': 'a-b-c' }
    const first = await signUp(desk, { pow_solution, slug: 'ann-s-shop' }, key)
    const again = await signUp(desk, { pow_solution, slug: 'ann-s-shop' }, key)
    expect(shown(again)).toEqual(shown(first))
    expect([first.headers.get('idempotency-replayed'), again.headers.get('idempotency-replayed')]).toEqual([null, 'true'])
    for (const [more, headers] of [
      [{ operator_name: 'Eve', slug: 'ann-s-shop' }, key],
      [{ slug: 'ann-s-shop' }, { 'idempotency-key': 'other' }],
      [{ slug: 'ann-s-shop' }, {}],
    ] as const)
      expect(await signUp(desk, { pow_solution, ...more }, headers)).toMatchObject({ status: 400, body: { code: 'CHALLENGE_SPENT' } })
    expect(await signUp(desk, { pow_solution }, { 'idempotency-key': 'x'.repeat(201) })).toMatchObject({
      status: 400,
      body: { code: 'BAD_INPUT' },
    })
    await desk.clock.advance(59 * minute)
    expect(shown(await signUp(desk, { pow_solution, slug: 'ann-s-shop' }, key))).toEqual(shown(first))
    expect(await signUp(desk, { pow_solution }, key)).toMatchObject({ status: 400, body: { code: 'CHALLENGE_NOT_ACCEPTED' } })
    expect(await signupLetters(desk)).toHaveLength(1)
  })

  it('says which slugs are free, and takes none that somebody has or waits for; the proof is not used up by that', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    const look = async (slug: string) => (await desk.call(null, 'GET', `/v1/slug-check/${slug}?limit=5`)).body
    expect(await look('ann-s-shop')).toEqual({
      available: true,
      slug: 'ann-s-shop',
      reason: null,
      suggestions: [],
      address_preview: 'ann-s-shop@ours.test',
    })
    expect(await look('postmaster')).toMatchObject({ available: false, reason: 'reserved' })
    expect(await look('A')).toMatchObject({ available: false, reason: 'invalid' })
    // A mailbox of the account that has the domain, and an account of this slug.
    for (const taken of ['robot', 'ours-test']) expect(await look(taken)).toMatchObject({ available: false, reason: 'taken' })
    await signUp(desk, { slug: 'ann-s-shop' })
    expect(await look('ann-s-shop')).toMatchObject({
      available: false,
      reason: 'taken',
      suggestions: ['ann-s-shop-2', 'ann-s-shop-3', 'ann-s-shop-4'],
    })
    const pow_solution = solved(await challenge(desk, 'bo@elsewhere.example'))
    const bo = { oversight_email: 'bo@elsewhere.example', pow_solution }
    expect(await signUp(desk, { ...bo, slug: 'ann-s-shop' })).toMatchObject({
      status: 409,
      body: { code: 'SLUG_TAKEN', suggestions: ['ann-s-shop-2', 'ann-s-shop-3', 'ann-s-shop-4'] },
    })
    expect(await signUp(desk, { ...bo, slug: 'Ann!' })).toMatchObject({ status: 400, body: { code: 'BAD_SLUG' } })
    expect(await signUp(desk, { ...bo, slug: 'ann-s-shop-2' })).toMatchObject({ status: 200 })
  })

  it('finds a slug by itself, also when somebody was faster meanwhile', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    await signUp(desk)
    const first = await lastLetter(desk)
    await signUp(desk, { oversight_email: 'other@elsewhere.example' })
    const second = await lastLetter(desk)
    expect((await activate(desk, second.agent)).body).toMatchObject({ mailbox_address: 'ann-2@ours.test' })
    await desk.store.db.updateTable('accounts').set({ slug: 'ann' }).where('id', '=', desk.theirs.accountId).execute()
    expect((await activate(desk, first.agent)).body).toMatchObject({ mailbox_address: 'ann-3@ours.test' })
  })

  it('wants all that it asks for, and never more autonomy than a gated mailbox has', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    for (const bad of [
      { accepted_tos: false },
      { accepted_anti_spam_policy: 'true' },
      { operator_name: '' },
      { operator_name: 'Ann\nEve' },
      { operator_name: 'x'.repeat(201) },
      { oversight_mode: 'autonomous' },
      { email_use_type: 'marketing' },
      { is_admin: true },
      { scopes: ['admin'] },
    ])
      expect([bad, (await signUp(desk, bad)).status]).toEqual([bad, 400])
    for (const here of ['boss@ours.test', 'boss@THEIRS.test'])
      expect(await signUp(desk, { oversight_email: here })).toMatchObject({ status: 400, body: { code: 'BAD_OVERSIGHT_EMAIL' } })
    const whole = {
      email_use_type: 'transactional',
      payment_method: 'stripe',
      fingerprint: 'x',
      form_open_at: 1,
      attribution: { utm: 'y' },
    }
    await signUp(desk, { ...whole, oversight_mode: 'monitored' })
    expect((await activate(desk, (await lastLetter(desk)).agent)).body).toMatchObject({ oversight_mode: 'gated_send' })
    await signUp(desk, { oversight_email: 'bo@elsewhere.example', oversight_mode: 'gated_all' })
    expect((await activate(desk, (await lastLetter(desk)).agent)).body).toMatchObject({ oversight_mode: 'gated_all' })
  })

  it('gives nothing for a code that is wrong, used, replaced, too old, or somebody else’s', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    await signUp(desk)
    const { agent, yours } = await lastLetter(desk)
    const nothing = { status: 404, body: { code: 'SIGNUP_NOT_FOUND' } }
    for (const code of ['AAA-BBB-CCC', '', yours, `${agent}2`, agent.slice(0, -1), 'x'.repeat(33), '---', '000000'])
      expect([code, (await activate(desk, code)).status]).toEqual([code, code === '' || code.length > 32 ? 400 : 404])
    expect(await activate(desk, agent)).toMatchObject({ status: 200 })
    await desk.clock.advance(10 * minute)
    expect(await activate(desk, agent)).toMatchObject(nothing)
    await signUp(desk, { oversight_email: 'bo@elsewhere.example' })
    const before = await lastLetter(desk)
    await desk.clock.advance(5 * minute)
    await desk.call(null, 'POST', '/v1/account/resend-confirmation', { oversight_email: 'bo@elsewhere.example' })
    const after = await lastLetter(desk)
    expect(after.agent).not.toBe(before.agent)
    expect(await activate(desk, before.agent)).toMatchObject(nothing)
    await desk.clock.advance(signupLifeMs - 5 * minute)
    expect(await activate(desk, after.agent)).toMatchObject(nothing)
    expect(await accounts(desk)).toHaveLength(1)
  })

  it('makes one account of two codes that are used at once, and one of an address', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    await signUp(desk)
    const { agent } = await lastLetter(desk)
    await signUp(desk, { slug: 'second' })
    const second = await lastLetter(desk)
    const both = await Promise.all([activate(desk, agent), activate(desk, agent)])
    // The later one takes back what the other was given.
    expect(both.map(({ status }) => status)).toEqual([200, 200])
    const good = both.map(async ({ body }) => (await desk.call(String(body['api_key']), 'GET', '/v1/account')).status)
    expect(new Set(await Promise.all(good))).toEqual(new Set([200, 401]))
    expect(await activate(desk, second.agent)).toMatchObject({ status: 400, body: { code: 'ALREADY_CONFIRMED' } })
    expect(await accounts(desk)).toHaveLength(1)
  })

  it('keeps no code and no proof in the clear, and forgets who wanted an account when its time is over', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    await signUp(desk)
    const { agent, yours } = await lastLetter(desk)
    const kept = JSON.stringify([await everySignup(desk), await desk.store.db.selectFrom('log_entries').selectAll().execute()])
    for (const secret of [agent, yours, agent.replaceAll('-', ''), yours.replaceAll('-', '')]) expect(kept).not.toContain(secret)
    const log = JSON.stringify(await desk.store.db.selectFrom('log_entries').select('body').execute())
    expect(log).not.toContain('elsewhere')
    await desk.clock.advance(signupLifeMs)
    await signUp(desk, { oversight_email: 'bo@elsewhere.example' })
    expect((await everySignup(desk)).map(({ email }) => email)).toEqual(['bo@elsewhere.example'])
  })

  it('writes no more than three letters a day to one address, whoever asks, and does not tell', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    const answers = []
    for (let n = 0; n < 5; n++) answers.push(shown(await signUp(desk, { slug: `shop-${n}` })))
    expect(new Set(answers.map((one) => JSON.stringify(one))).size).toBe(1)
    expect(await signupLetters(desk)).toHaveLength(3)
  })

  it('writes no more to one address when it is asked by many at once', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    const proofs = []
    for (let n = 0; n < 8; n++) proofs.push(solved(await challenge(desk, wanted.oversight_email)))
    const answers = await Promise.all(proofs.map((pow_solution, n) => signUp(desk, { pow_solution, slug: `shop-${n}` })))
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200))
    expect(await signupLetters(desk)).toHaveLength(3)
  })

  it('writes no more than a hundred letters an hour, and makes no more accounts than it may', async () => {
    const desk = await openDesk(openStore, { signup: { ...forPeople, mostAccounts: 1 } })
    await signUp(desk)
    const row = (await everySignup(desk))[0] ?? expect.fail()
    for (let n = 0; n < 99; n++) {
      const more = { id: newId('signup', row.created_at), code_hash: `c${n}`, owner_hash: `o${n}` }
      await desk.store.db
        .insertInto('signups')
        .values({ ...row, ...more, email_key: `${n}@elsewhere.example` })
        .execute()
    }
    const bo = { oversight_email: 'bo@elsewhere.example' }
    expect(await signUp(desk, bo)).toMatchObject({ status: 429, body: { code: 'TOO_MANY_SIGNUPS', retry_after_seconds: 3600 } })
    await nextHour(desk)
    expect(await signUp(desk, bo)).toMatchObject({ status: 200 })
    const { agent } = await lastLetter(desk)
    expect(await activate(desk, agent)).toMatchObject({ status: 200 })
    expect(await signUp(desk, { oversight_email: 'di@elsewhere.example' })).toMatchObject({ status: 503, body: { code: 'SIGNUPS_FULL' } })
  })

  it('asks for patience when letters are wanted again and again', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    await signUp(desk)
    const again = () => desk.call(null, 'POST', '/v1/account/resend-confirmation', { oversight_email: wanted.oversight_email })
    // Too soon after the first letter: said yes to, and nothing is written.
    expect([(await again()).status, (await signupLetters(desk)).length]).toEqual([200, 1])
    for (let n = 0; n < 8; n++) {
      await desk.clock.advance(5 * minute)
      expect((await again()).status).toBe(200)
    }
    expect(await signupLetters(desk)).toHaveLength(5)
  })

  it('links to this server’s own address, whatever the request says it is', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    const pow_solution = solved(await challenge(desk, wanted.oversight_email))
    const headers = {
      host: 'evil.example',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'gopher',
      forwarded: 'host=evil.example',
      origin: 'https://evil.example',
      referer: 'https://evil.example/',
      'content-type': 'application/json',
    }
    const status = await posted(
      `${desk.url}/v1/account`,
      headers,
      JSON.stringify({ ...wanted, pow_solution, operator_name: 'see http://evil.example now' }),
    )
    expect(status).toBe(200)
    const [letter] = await signupLetters(desk)
    expect(letter?.body).toContain('https://mail.ours.test/confirm')
    expect(letter?.body).not.toMatch(/evil\.example|http:|gopher/)
  })

  it('is done by tools without a key, where it is on', async () => {
    for (const signup of [forPeople, null]) {
      const desk = await openDesk(openStore, { signup })
      const client = new Client({ name: 'a test', version: '1' })
      await client.connect(new StreamableHTTPClientTransport(new URL(`${desk.url}/onboard`)))
      onTestFinished(() => client.close())
      const tools = (await client.listTools()).tools.map(({ name }) => name)
      if (signup === null) {
        expect(tools).toEqual(['setup_multimail'])
        continue
      }
      expect(tools).toEqual([
        'setup_multimail',
        'request_challenge',
        'check_slug',
        'create_account',
        'resend_confirmation',
        'activate_account',
      ])
      const asked = await client.callTool({ name: 'request_challenge', arguments: { oversight_email: wanted.oversight_email } })
      const pow_solution = solved(asked.structuredContent as Parameters<typeof solved>[0])
      const sent = await client.callTool({ name: 'create_account', arguments: { ...wanted, pow_solution } })
      expect(sent.structuredContent).toMatchObject({ status: 'confirmation_sent' })
      const made = await client.callTool({ name: 'activate_account', arguments: { code: (await lastLetter(desk)).agent } })
      expect(made.structuredContent).toMatchObject({ status: 'activated', api_key: expect.stringMatching(/^mm_live_/) })
    }
  })

  it('takes no address that a catch-all takes today', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    const { store, ours } = desk
    const addresses = createAddresses(desk)
    const takeAll = (mailbox: string | null) => addresses.setCatchAll({ domain: 'ours.test', mailbox })
    await signUp(desk)
    const { agent } = await lastLetter(desk)
    expect(await whyClosed(store.db, forPeople.domain)).toBeNull()
    await takeAll(ours.free.address)
    expect(await whyClosed(store.db, forPeople.domain)).toBe('domain-has-catch-all')
    const off = { status: 400, body: { code: 'SIGNUP_NOT_ENABLED', fix: expect.stringContaining('catch-all') } }
    expect(await signUp(desk, { oversight_email: 'bo@elsewhere.example' })).toMatchObject(off)
    expect(await activate(desk, agent)).toMatchObject(off)
    expect(await accounts(desk)).toEqual([])
    expect(await signupLetters(desk)).toHaveLength(1)
    await takeAll(null)
    expect(await activate(desk, agent)).toMatchObject({ status: 200 })
  })

  it('ends with the account whose domain it is, also for who has a code already', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    await signUp(desk)
    const { agent, yours } = await lastLetter(desk)
    await desk.store.transaction((tx) => desk.accountRemoval.close(tx, desk.ours.accountId, { kind: 'system', part: 'host' }))
    const off = { status: 400, body: { code: 'SIGNUP_NOT_ENABLED' } }
    expect(await signUp(desk, { oversight_email: 'bo@elsewhere.example' })).toMatchObject(off)
    for (const code of [agent, yours]) expect((await activate(desk, code)).status).toBeGreaterThanOrEqual(400)
    expect(await activate(desk, agent)).toMatchObject(off)
    expect(await accounts(desk)).toEqual([])
    // The letter that had not left yet ended with the account which would have sent it.
    expect(await signupLetters(desk)).toEqual([])
    expect(await whyClosed(desk.store.db, forPeople.domain)).toBe('domain-not-set-up')
  })

  it('does nothing where its domain is not this server’s', async () => {
    const desk = await openDesk(openStore, { signup: { ...forPeople, domain: 'gone.test' as typeof forPeople.domain } })
    expect(await signUp(desk)).toMatchObject({ status: 400, body: { code: 'SIGNUP_NOT_ENABLED' } })
    expect(await signupLetters(desk)).toEqual([])
    expect(await whyClosed(desk.store.db, 'gone.test' as typeof forPeople.domain)).toBe('domain-not-set-up')
  })
})

/** fetch sends no Host but its own. */
const posted = (url: string, headers: Record<string, string>, body: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers }, (answer) => {
      answer.resume()
      answer.once('end', () => resolve(answer.statusCode))
    })
    sent.once('error', reject)
    sent.end(body)
  })
