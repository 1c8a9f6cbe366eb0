import { expect, it } from 'vitest'
import { createKeys } from '../../server/identity/keys.ts'
import { recoverPerson, removePerson } from '../../server/identity/people/on-host.ts'
import type { EmailId } from '../../server/model/ids.ts'
import { createApprovals } from '../../server/oversight/approvals.ts'
import { silentLog } from '../../server/platform/log.ts'
import { keysOwnedBy } from '../../server/store/keys.ts'
import { type Browser, ann, signedIn } from '../support/browser.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const letter = { to: ['bo@remote.test'], cc: ['cy@remote.test'], bcc: ['di@remote.test'], subject: 'An offer', markdown: 'It costs **5**.' }

const held = async (desk: Desk, key = desk.ours.keys.agent, mailbox = desk.ours.gated, subject = letter.subject) =>
  String((await desk.call(key, 'POST', '/send_email', { mailbox_id: mailbox.id, ...letter, subject })).body['id'])

async function personOf(desk: Desk, browser: Browser) {
  const who = await desk.people.who(browser.cookies.get('__Host-multimail-session'))
  return who?.person ?? expect.fail('nobody')
}

describeOnEachEngine('a person who has signed in', (openStore) => {
  it('sees all of what waits, and decides on it', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    const id = await held(desk)
    const listed = (await browser.get('/session/pending')).body['emails'] as Record<string, unknown>[]
    const waiting = { id, ...letter, to: letter.to, reason: expect.stringContaining('gated_send'), attachments: [] }
    const { markdown, ...rest } = waiting
    expect(listed).toMatchObject([{ ...rest, body_markdown: expect.stringContaining(markdown) }])
    const one = (await browser.get(`/session/pending/${id}`)).body
    expect(one).toEqual(listed[0])
    const decide = (input: object) => browser.post('/session/decide', { email_id: id, content_hash: one['content_hash'], ...input })
    expect(await decide({ action: 'reject', reason: ' ' })).toMatchObject({ status: 400, body: { code: 'BAD_INPUT' } })
    expect(await decide({ action: 'approve', content_hash: '0'.repeat(64) })).toMatchObject({
      status: 409,
      body: { code: 'CONTENT_CHANGED' },
    })
    expect(await decide({ action: 'approve' })).toMatchObject({ status: 200, body: { status: 'approved_and_sent', self_approved: false } })
    expect(await decide({ action: 'approve' })).toMatchObject({ status: 409, body: { code: 'NOT_PENDING' } })
    expect(await browser.get(`/session/pending/${id}`)).toMatchObject({ status: 409, body: { code: 'NOT_PENDING' } })
    const { actor_id } = await desk.store.db.selectFrom('decisions').select('actor_id').executeTakeFirstOrThrow()
    const person = await desk.store.db.selectFrom('people').select('id').executeTakeFirstOrThrow()
    expect(actor_id).toBe(person.id)
    const log = await desk.store.db.selectFrom('log_entries').selectAll().where('body', 'like', `%${person.id}%`).orderBy('seq').execute()
    expect(log.map(({ action }) => action)).toEqual(expect.arrayContaining(['pending.listed', 'pending.read', 'email.approved']))
    // What is hashed for ever says nothing of who it is.
    expect(log.map(({ body }) => body).join()).not.toMatch(/Ann|elsewhere/)
  })

  it('decides on nothing any more once the session has ended, though it was looked at before', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    const id = (await held(desk)) as EmailId
    const who = await desk.people.who(browser.cookies.get('__Host-multimail-session'))
    if (who === null) throw new Error('nobody')
    await recoverPerson(desk, desk.ours.accountId, ann)
    const deps = {
      store: desk.store,
      clock: desk.clock,
      log: silentLog,
      onReleased: () => undefined,
      giveUpAfterMs: 1,
      allowTestSelfApproval: false,
    }
    for (const action of ['approve', 'reject'] as const)
      expect(await createApprovals(deps).decide(desk.people.actorOf(who, 'live'), { email: id, action })).toMatchObject({
        ok: false,
        code: 'NOT_SIGNED_IN',
      })
    expect(await desk.store.db.selectFrom('decisions').select('id').execute()).toEqual([])
    expect((await desk.call(desk.ours.keys.reviewer, 'POST', '/decide_email', { email_id: id, action: 'approve' })).status).toBe(200)
  })

  it('sees the very bytes, what the agent had read, and the receipt afterwards, as a key that decides does', async () => {
    const desk = await openDesk(openStore)
    const { agent, reviewer } = desk.ours.keys
    const browser = await signedIn(desk, desk.ours.accountId)
    const arrived = await desk.receive(desk.ours.gated)
    await desk.call(agent, 'GET', `/read_email?email_id=${arrived.id}`)
    const id = await held(desk)
    const reviewed = (await browser.get(`/session/review/${id}`)).body
    expect(reviewed).toMatchObject({ is_unchanged: true, as_sent: { recipients: [{}, {}, { address: 'di@remote.test', field: 'bcc' }] } })
    expect(reviewed).toEqual((await desk.call(reviewer, 'GET', `/review_email?email_id=${id}`)).body)
    const seen = (await browser.get(`/session/seen/${id}?with_views=true`)).body
    expect(seen).toMatchObject({ views: [{ action: 'email.read', state: 'kept', view: expect.stringContaining('Where is my order?') }] })
    expect((await browser.get(`/session/seen/${id}`)).body).toMatchObject({ views: [{ state: 'kept', view: null }] })
    expect((await browser.get(`/session/receipts/${id}`)).body['code']).toBe('NOT_RELEASED')
    await browser.post('/session/decide', { email_id: id, action: 'approve', content_hash: reviewed['content_hash'] })
    await desk.checkpoints.make()
    const receipt = (await browser.get(`/session/receipts/${id}`)).body
    expect(receipt).toMatchObject({ email_id: id, approval: { decision_id: expect.any(String) } })
    const { id: personId } = await personOf(desk, browser)
    const log = await desk.store.db
      .selectFrom('log_entries')
      .select('action')
      .where('body', 'like', `%"${personId}"%`)
      .where('resource_id', '=', id)
      .orderBy('seq')
      .execute()
    expect(log.map(({ action }) => action)).toEqual([
      'email.reviewed',
      'views.listed',
      'views.listed',
      'email.approved',
      'email.released',
      'receipt.read',
    ])
    // Nobody of another account, of nobody, or of the other world.
    const stranger = await signedIn(desk, desk.theirs.accountId, 'bo@elsewhere.example')
    for (const what of ['review', 'seen', 'receipts']) {
      expect(await stranger.get(`/session/${what}/${id}`)).toMatchObject({ status: 404, body: { code: 'EMAIL_NOT_FOUND' } })
      expect(await browser.get(`/session/${what}/${id}?world=test`)).toMatchObject({ status: 404, body: { code: 'EMAIL_NOT_FOUND' } })
      expect(await desk.call(reviewer, 'GET', `/session/${what}/${id}`)).toMatchObject({ status: 403, body: { code: 'NOT_SIGNED_IN' } })
    }
  })

  it('gives what waits another three days', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    const id = await held(desk)
    await desk.clock.advance(3_600_000)
    const until = new Date(desk.clock.now() + 72 * 3_600_000).toISOString()
    const renewed = { status: 'renewed', expires_at: until, renewals_left: 4 }
    expect(await browser.post('/session/renew', { email_id: id })).toMatchObject({ status: 200, body: renewed })
    expect(await browser.post('/session/renew', { email_id: id })).toMatchObject({ status: 409, body: { code: 'NOT_RENEWABLE' } })
    expect((await desk.call(desk.ours.keys.agent, 'GET', `/read_email?email_id=${id}`)).body).toMatchObject({ held_until: until })
    await recoverPerson(desk, desk.ours.accountId, ann)
    expect(await browser.post('/session/renew', { email_id: id })).toMatchObject({ status: 403, body: { code: 'NOT_SIGNED_IN' } })
  })

  it('tells the agent why not', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    const id = await held(desk)
    const { content_hash } = (await browser.get(`/session/pending/${id}`)).body
    const input = { email_id: id, content_hash, action: 'reject', reason: 'The price is wrong.' }
    expect(await browser.post('/session/decide', input)).toMatchObject({ status: 200, body: { status: 'rejected' } })
    expect((await desk.call(desk.ours.keys.agent, 'GET', `/read_email?email_id=${id}`)).body).toMatchObject({ status: 'rejected' })
  })

  it('decides on nothing that a key of theirs wrote, however it came to be', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    const { accountId } = desk.ours
    const { id: ownerId } = await desk.store.db.selectFrom('people').select('id').executeTakeFirstOrThrow()
    const issued = await createKeys(desk).issue({ tenancy: { accountId, world: 'live' }, name: 'hers', scopes: ['read', 'send'], ownerId })
    if (!issued.ok) throw new Error(issued.code)
    const id = await held(desk, issued.value.key)
    const { content_hash } = (await browser.get(`/session/pending/${id}`)).body
    const own = { status: 403, body: { code: 'SELF_APPROVAL' } }
    for (const action of ['approve', 'reject'])
      expect(await browser.post('/session/decide', { email_id: id, content_hash, action, reason: 'mine' })).toMatchObject(own)
    const theirReviewer = await createKeys(desk).issue({
      tenancy: { accountId, world: 'live' },
      name: 'too',
      scopes: ['oversight'],
      ownerId,
    })
    if (!theirReviewer.ok) throw new Error(theirReviewer.code)
    const byKey = { email_id: id, action: 'approve' }
    expect(await desk.call(theirReviewer.value.key, 'POST', '/decide_email', byKey)).toMatchObject(own)
    const bo = await signedIn(desk, accountId, 'bo@elsewhere.example')
    expect((await bo.post('/session/decide', { email_id: id, content_hash, action: 'approve' })).status).toBe(200)
  })

  it('still decides on nothing that a key of theirs wrote, when they were removed and come back', async () => {
    const desk = await openDesk(openStore)
    const { accountId } = desk.ours
    const { id: ownerId } = await personOf(desk, await signedIn(desk, accountId))
    const tenancy = { accountId, world: 'live' } as const
    const issued = await createKeys(desk).issue({ tenancy, name: 'hers', scopes: ['read', 'send'], ownerId })
    if (!issued.ok) throw new Error(issued.code)
    const id = await held(desk, issued.value.key)
    const bo = await signedIn(desk, accountId, 'bo@elsewhere.example')
    // Twice, and by way of another account, whose keys those are not.
    for (let n = 0; n < 2; n += 1) {
      await removePerson(desk, accountId, ann)
      const elsewhere = await personOf(desk, await signedIn(desk, desk.theirs.accountId))
      expect(await keysOwnedBy(desk.store.db, elsewhere.id)).toEqual([])
      await removePerson(desk, desk.theirs.accountId, ann)
      const again = await signedIn(desk, accountId, 'Ann@Elsewhere.example')
      expect(await keysOwnedBy(desk.store.db, (await personOf(desk, again)).id)).toHaveLength(1)
      const { content_hash } = (await again.get(`/session/pending/${id}`)).body
      const decide = { email_id: id, content_hash, action: 'approve' }
      expect(await again.post('/session/decide', decide)).toMatchObject({ status: 403, body: { code: 'SELF_APPROVAL' } })
    }
    const rows = JSON.stringify(await desk.store.db.selectFrom('people').selectAll().where('removed_at', 'is not', null).execute())
    expect(rows).not.toMatch(/elsewhere|Ann/i)
    const { content_hash } = (await bo.get(`/session/pending/${id}`)).body
    expect((await bo.post('/session/decide', { email_id: id, content_hash, action: 'approve' })).status).toBe(200)
  })

  it('owns what a key of theirs makes', async () => {
    const desk = await openDesk(openStore, { adminApproval: 'off' })
    await signedIn(desk, desk.ours.accountId)
    const { id: ownerId } = await desk.store.db.selectFrom('people').select('id').executeTakeFirstOrThrow()
    const tenancy = { accountId: desk.ours.accountId, world: 'live' } as const
    const admin = await createKeys(desk).issue({ tenancy, name: 'admin', scopes: ['admin'], ownerId })
    if (!admin.ok) throw new Error(admin.code)
    const { body } = await desk.call(admin.value.key, 'POST', '/create_api_key', { name: 'agent', scopes: ['read', 'send'] })
    const made = await desk.store.db
      .selectFrom('api_keys')
      .select('owner_id')
      .where('id', '=', String(body['id']) as never)
      .execute()
    expect(made).toEqual([{ owner_id: ownerId }])
  })

  it('knows of nothing in another account, and of each world by its name', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.theirs.accountId)
    const id = await held(desk)
    expect((await browser.get('/session/pending')).body).toEqual({ emails: [], cursor: null })
    expect(await browser.get(`/session/pending/${id}`)).toMatchObject({ status: 404, body: { code: 'EMAIL_NOT_FOUND' } })
    const decide = { email_id: id, content_hash: 'x', action: 'approve' }
    expect(await browser.post('/session/decide', decide)).toMatchObject({ status: 404, body: { code: 'EMAIL_NOT_FOUND' } })
    const ours = await signedIn(desk, desk.ours.accountId, 'bo@elsewhere.example')
    const test = await held(desk, desk.ours.keys.test, desk.ours.test)
    expect(await ours.get(`/session/pending/${test}`)).toMatchObject({ status: 404 })
    const { content_hash } = (await ours.get(`/session/pending/${test}?world=test`)).body
    expect((await ours.post('/session/decide', { world: 'test', email_id: test, content_hash, action: 'approve' })).status).toBe(200)
  })

  it('gets nothing done with their cookie but that', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    for (const [path, body] of [
      ['/send_email', letter],
      ['/decide_email', { email_id: 'em_1', action: 'approve' }],
      ['/create_api_key', { name: 'x' }],
    ] as const)
      expect((await browser.post(path, body)).status).toBe(401)
    expect((await browser.get('/check_inbox')).status).toBe(401)
    // No key is somebody who has signed in.
    expect(await desk.call(desk.ours.keys.reviewer, 'GET', '/session/pending')).toMatchObject({
      status: 403,
      body: { code: 'NOT_SIGNED_IN' },
    })
  })

  it('meets one who cancels at the same moment: one of them gets their way', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    for (let n = 0; n < 4; n += 1) {
      const id = await held(desk, desk.ours.keys.agent, desk.ours.gated, `Offer ${n}`)
      const { content_hash } = (await browser.get(`/session/pending/${id}`)).body
      const both = await Promise.all([
        browser.post('/session/decide', { email_id: id, content_hash, action: 'approve' }),
        desk.call(desk.ours.keys.agent, 'POST', '/cancel_message', { email_id: id }),
      ])
      const [approved, cancelled] = both.map(({ status }) => status)
      const { state } = await desk.store.db
        .selectFrom('holds')
        .select('state')
        .where('email_id', '=', id as never)
        .executeTakeFirstOrThrow()
      expect(state).toBe(approved === 200 ? 'approved' : 'cancelled')
      if (approved !== 200) expect([approved, cancelled]).toEqual([409, 200])
    }
  })
})
