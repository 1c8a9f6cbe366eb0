import { expect, it } from 'vitest'
import { listIssues } from '../../server/store/issues.ts'
import { openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

describeOnEachEngine('the account', (openStore) => {
  it('tells what it sent this month and stores, of its own world, and that there are no limits', async () => {
    const desk = await openDesk(openStore)
    const { reader, agent, test } = desk.ours.keys
    const mail = await desk.receive(desk.ours.gated)
    await desk.receive(desk.theirs.gated, { text: 'x'.repeat(1000) })
    const reply = { markdown: 'Soon.', cc: ['cy@remote.test'] }
    expect((await desk.call(agent, 'POST', '/reply_email', { email_id: mail.id, ...reply })).status).toBe(200)
    const account = { id: desk.ours.accountId, name: 'ours.test', slug: 'ours-test', emails_sent_this_month: 2 }
    const { body } = await desk.call(reader, 'GET', '/get_account')
    expect(body).toMatchObject({ ...account, plan: 'self-hosted', monthly_email_quota: null })
    const own = desk.store.db.selectFrom('emails').where('account_id', '=', desk.ours.accountId)
    const { bytes } = await own.select((row) => row.fn.sum('raw_size').as('bytes')).executeTakeFirstOrThrow()
    expect(body['storage_used_bytes']).toBe(Number(bytes))
    expect((await desk.call(reader, 'GET', '/v1/account?limit=1')).body).toMatchObject({
      ...account,
      account: { name: 'ours.test' },
      plan: 'scale',
      monthly_email_quota: 2_147_483_647,
      max_mailboxes: 2_147_483_647,
      is_active: true,
    })
    expect((await desk.call(test, 'GET', '/get_account')).body).toMatchObject({ emails_sent_this_month: 0, storage_used_bytes: 0 })
  })

  it('tells the limits that the operator has set', async () => {
    const desk = await openDesk(openStore, { monthly: 500, mostMailboxes: 7 })
    const { reader, test } = desk.ours.keys
    expect((await desk.call(reader, 'GET', '/v1/account')).body).toMatchObject({ monthly_email_quota: 500, max_mailboxes: 7 })
    expect((await desk.call(test, 'GET', '/get_account')).body).toMatchObject({ monthly_email_quota: null, max_mailboxes: 7 })
  })

  it('changes its name and postal address, and nothing that is left out', async () => {
    const desk = await openDesk(openStore)
    const { admin } = desk.ours.keys
    const change = (body: object) => desk.call(admin, 'PATCH', '/v1/account', body)
    expect((await change({ physical_address: '1 Main St' })).body).toMatchObject({ status: 'updated', name: 'ours.test' })
    expect((await change({ name: 'Ours' })).body).toMatchObject({ name: 'Ours', physical_address: '1 Main St' })
    expect((await change({ physical_address: '' })).body).toMatchObject({ name: 'Ours', physical_address: null })
    for (const body of [{ name: '' }, { name: 'x'.repeat(201) }, { plan: 'pro' }]) expect((await change(body)).status).toBe(400)
    expect((await desk.call(desk.theirs.keys.admin, 'GET', '/get_account')).body).toMatchObject({ name: 'theirs.test' })
    const hashed = await desk.store.db.selectFrom('log_entries').select('body').execute()
    expect(JSON.stringify(hashed)).not.toContain('Main St')
  })

  it('asks the operator at another address only when they agree at the one they have', async () => {
    const desk = await openDesk(openStore)
    const { admin, reader, testAdmin } = desk.ours.keys
    const change = (body: object, key = admin) => desk.call(key, 'PATCH', '/v1/account', body)
    const asked = async () => (await desk.call(reader, 'GET', '/v1/account')).body['oversight_email']
    const wanted = { oversight_email: 'new@elsewhere.example', name: 'Ours' }
    expect(await change(wanted)).toMatchObject({ status: 202, body: { action: 'change_oversight_email' } })
    expect(await asked()).toBe('boss@ours-test.example')
    const letter = await desk.store.db.selectFrom('operator_mails').select(['recipient', 'body']).executeTakeFirstOrThrow()
    expect(letter.recipient).toBe('boss@ours-test.example')
    const code = /^ {2}([A-Z2-9]{4}-[A-Z2-9]{4})$/m.exec(letter.body)?.[1]
    const other = { ...wanted, oversight_email: 'mine@elsewhere.example', approval_code: code }
    expect((await change(other)).status).toBe(404)
    expect((await change({ ...wanted, approval_code: code }, desk.theirs.keys.admin)).status).toBe(404)
    expect(await change({ ...wanted, approval_code: code })).toMatchObject({ status: 200, body: { status: 'updated', ...wanted } })
    expect(await asked()).toBe('new@elsewhere.example')
    for (const address of [desk.ours.gated.address, 'any@ours.test', 'any@theirs.test', 'nonsense', ''])
      expect(await change({ oversight_email: address })).toMatchObject({ status: 400, body: { code: 'BAD_OVERSIGHT_EMAIL' } })
    expect(await change({ oversight_email: 'mine@elsewhere.example' }, testAdmin)).toMatchObject({ status: 403 })
    expect(await change(wanted)).toMatchObject({ status: 200 })
  })

  it('is billed by nobody', async () => {
    const desk = await openDesk(openStore)
    const { admin } = desk.ours.keys
    const refused = { status: 400, body: { code: 'BILLING_NOT_ENABLED', fix: expect.stringContaining('MULTIMAIL_MAILBOX_DAILY') } }
    expect(await desk.call(admin, 'POST', '/v1/billing/checkout', { plan: 'pro' })).toMatchObject(refused)
    expect(await desk.call(admin, 'POST', '/v1/billing/cancel')).toMatchObject(refused)
    expect(await desk.call(admin, 'POST', '/v1/billing/portal', {})).toMatchObject(refused)
  })
})

describeOnEachEngine('issues', (openStore) => {
  it('are kept whatever they look like, bounded in size and number', async () => {
    const desk = await openDesk(openStore)
    const { reader, agent } = desk.ours.keys
    const report = (body: unknown) => desk.call(reader, 'POST', '/v1/feedback', body)
    const kept = await report({ type: 'bug', subject: 'It broke', description: 'Here', tool: { name: 'x' } })
    expect(kept).toMatchObject({ status: 201, body: { status: 'received', id: expect.stringMatching(/^iss_/) } })
    const [issue] = await listIssues(desk.store.db, 1)
    expect(issue).toMatchObject({ id: kept.body['id'], title: 'It broke', account_id: desk.ours.accountId })
    expect(JSON.parse(issue?.body_json ?? '')).toEqual({ message: 'Here', details: { type: 'bug', tool: { name: 'x' } } })
    for (const body of [{}, { message: 7 }, { more: 'x'.repeat(17_000) }]) expect((await report(body)).status).toBe(400)
    for (let n = 1; n < 50; n++) expect((await report({ title: String(n) })).status).toBe(201)
    expect(await desk.call(agent, 'POST', '/report_issue', { title: 'one more' })).toMatchObject({
      status: 429,
      body: { code: 'TOO_MANY_ISSUES' },
    })
    expect((await desk.call(desk.theirs.keys.agent, 'POST', '/report_issue', { title: 'theirs' })).status).toBe(200)
  })

  it('are told beside a state of proofs that claims nothing, and spam that is reported under either name', async () => {
    const desk = await openDesk(openStore)
    expect(await desk.call(null, 'GET', '/v1/proof-status')).toMatchObject({ status: 200, body: { status: 'not_applicable' } })
    const mail = await desk.receive(desk.ours.gated)
    const act = (action: string) => desk.call(desk.ours.keys.agent, 'POST', '/manage_spam_status', { email_id: mail.id, action })
    expect((await act('report')).body).toMatchObject({ status: 'spam_quarantined', user_label: 'spam' })
    expect((await act('clear')).body).toMatchObject({ status: 'unread', user_label: 'not_spam' })
    expect((await act('other')).status).toBe(400)
  })
})
