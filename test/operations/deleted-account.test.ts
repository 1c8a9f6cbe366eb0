import { expect, it, onTestFinished } from 'vitest'
import { createAccountRemoval } from '../../server/identity/account-removal.ts'
import { createAddresses } from '../../server/identity/addresses.ts'
import { changeMailbox } from '../../server/identity/mailboxes.ts'
import { setUp } from '../../server/identity/setup.ts'
import { judgeRecipient, recipientFacts } from '../../server/inbound/recipients.ts'
import type { AccountId, DeliveryId, KeyId } from '../../server/model/ids.ts'
import { endMail } from '../../server/outbound/control/end-mail.ts'
import { silentLog } from '../../server/platform/log.ts'
import { listAccounts } from '../../server/store/accounts.ts'
import { hostedDomains } from '../../server/store/domains.ts'
import { listLog, verifyLog } from '../../server/store/log.ts'
import { everyMailbox } from '../../server/store/mailboxes.ts'
import { isStopped, listStops } from '../../server/store/stops.ts'
import { listWaiting } from '../../server/store/waiting.ts'
import { addTo, signedIn } from '../support/browser.ts'
import { type Desk, type Mailbox, openDesk } from '../support/desk.ts'
import { knownDkim } from '../support/known-dkim.ts'
import { furnishScene } from '../support/scene.ts'
import { activate, forPeople, lastLetter, signUp } from '../support/signup.ts'
import { logKey } from '../support/recorded.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { addWebhook } from '../support/webhooks.ts'

const minute = 60_000
const hour = 60 * minute

/** The code of the letter that was written last. */
async function codeOf({ store }: Desk): Promise<string> {
  const letter = await store.db.selectFrom('operator_mails').select('body').orderBy('id', 'desc').executeTakeFirstOrThrow()
  return /^ {2}([A-Z2-9]{4}-[A-Z2-9]{4})$/m.exec(letter.body)?.[1] ?? expect.fail('there is no code in it')
}

async function deleteOurs(desk: Desk): Promise<void> {
  const { admin } = desk.ours.keys
  const asked = await desk.call(admin, 'DELETE', '/v1/account')
  expect(asked).toMatchObject({ status: 202, body: { status: 'pending_approval', action: 'delete_account' } })
  const done = await desk.call(admin, 'DELETE', '/v1/account', undefined, { 'x-approval-code': await codeOf(desk) })
  expect(done).toMatchObject({ status: 200, body: { status: 'deleted', id: desk.ours.accountId } })
}

/** Every row that names an account, or one of its mailboxes, table by table: also of tables that are yet to come. */
async function rowsOf({ store }: Desk, accountId: AccountId): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { name, columns } of await store.db.introspection.getTables()) {
    const has = (column: string): boolean => columns.some((one) => one.name === column)
    const of = has('account_id') ? 'account_id' : has('mailbox_id') ? 'mailbox_id' : null
    if (of === null || name === 'log_entries') continue
    const mailboxes = store.db.selectFrom('mailboxes').select('id').where('account_id', '=', accountId)
    const all = store.db.selectFrom(name as 'holds')
    const own = of === 'account_id' ? all.where('account_id', '=', accountId) : all.where('mailbox_id', 'in', mailboxes)
    const { count } = await own.select((row) => row.fn.countAll().as('count')).executeTakeFirstOrThrow()
    if (Number(count) > 0) counts[name] = Number(count)
  }
  return counts
}

/** What is kept of contents, and hangs on emails without naming a tenant. */
async function restOf({ store }: Desk): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const table of ['blobs', 'attachments', 'attempts', 'decisions', 'releases', 'opens', 'dkim_keys', 'search_entries'] as const) {
    const all = store.db.selectFrom(table as 'holds').select((row) => row.fn.countAll().as('count'))
    counts[table] = Number((await all.executeTakeFirstOrThrow()).count)
  }
  return counts
}

/** Both accounts with something of every kind. */
async function fill(desk: Desk): Promise<void> {
  for (const office of [desk.ours, desk.theirs]) {
    await furnishScene(desk, office)
    await desk.receive(office.test)
    await addWebhook(desk, office, { mailboxId: office.free.id })
    await desk.call(office.keys.test, 'POST', '/send_email', { to: ['bo@remote.test'], subject: 'Hi', markdown: 'Hello' })
    await desk.clock.advance(minute + 1)
  }
  await desk.usage.catchUp()
}

describeOnEachEngine('people of a deleted account', (openStore) => {
  it('are nobody from that moment on, and nothing says who they were', async () => {
    const desk = await openDesk(openStore)
    const { accountId } = desk.ours
    const browser = await signedIn(desk, accountId)
    const secret = (await browser.post('/session/totp')).body['secret']
    expect(secret).toBeTypeOf('string')
    await addTo(desk, accountId, 'bo@elsewhere.example')
    await deleteOurs(desk)
    const rows = await desk.store.db.selectFrom('people').selectAll().where('account_id', '=', accountId).execute()
    const blank = { name: '', address: '', totp_secret: null, totp_new_secret: null, removed_at: desk.clock.now() }
    expect(rows).toMatchObject(rows.map(({ id }) => ({ ...blank, address_key: id })))
    expect(rows).toHaveLength(2)
    for (const table of ['person_sessions', 'person_codes', 'passkeys'] as const)
      expect(await desk.store.db.selectFrom(table).select('id').where('account_id', '=', accountId).execute()).toEqual([])
    // Their address is free at once.
    await addTo(desk, desk.theirs.accountId)
  })
})

const removeAll = async (desk: Desk): Promise<void> => {
  await desk.accountRemoval.drain()
  await desk.clock.advance(hour)
  await desk.accountRemoval.drain()
}

describeOnEachEngine('an account that is deleted', (openStore) => {
  it('is asked for by a live admin key of the whole account, and the operator has to agree', async () => {
    const desk = await openDesk(openStore)
    const { ours, theirs } = desk
    const bound = await desk.key({ scopes: ['admin'], mailboxIds: [ours.gated.id] })
    expect(await desk.call(bound, 'DELETE', '/v1/account')).toMatchObject({ status: 403, body: { code: 'KEY_BOUND' } })
    expect(await desk.call(ours.keys.testAdmin, 'DELETE', '/v1/account')).toMatchObject({ status: 403, body: { code: 'LIVE_KEY_NEEDED' } })
    expect((await desk.call(ours.keys.admin, 'DELETE', '/v1/account')).status).toBe(202)
    const letter = await desk.store.db.selectFrom('operator_mails').selectAll().executeTakeFirstOrThrow()
    expect(letter).toMatchObject({ recipient: 'boss@ours-test.example', body: expect.stringContaining('"slug": "ours-test"') })
    const approval_code = await codeOf(desk)
    expect((await desk.call(theirs.keys.admin, 'POST', '/delete_account', { approval_code })).status).toBe(404)
    expect((await desk.call(ours.keys.admin, 'POST', '/delete_account', { approval_code: 'AAAA-AAAA' })).status).toBe(403)
    expect((await desk.call(ours.keys.reader, 'GET', '/get_account')).status).toBe(200)
  })

  it('has no key, no address, no webhook and no name from that moment on, and sends nothing', async () => {
    const desk = await openDesk(openStore)
    await fill(desk)
    const { ours, theirs, store } = desk
    const waiting = await listWaiting(store.db, { tenancy: ours.free.tenancy, limit: 50 })
    expect(waiting.length).toBeGreaterThan(0)
    await deleteOurs(desk)
    for (const key of Object.values(ours.keys))
      expect(await desk.call(key, 'GET', '/list_mailboxes')).toMatchObject({ status: 401, body: { code: 'KEY_NOT_ACCEPTED' } })
    for (const { address } of [ours.gated, ours.free, ours.guarded]) {
      const facts = await recipientFacts(store.db, 'mx.ours.test', address)
      expect(judgeRecipient(facts)).toMatchObject({ ok: false, reply: { code: 550, status: '5.1.1' } })
    }
    const stops = await listStops(store.db)
    for (const one of waiting) expect(isStopped(stops, { ...one, account_id: ours.accountId, world: 'live' })).toBe(true)
    expect(await store.db.selectFrom('webhooks').select('id').where('account_id', '=', ours.accountId).execute()).toEqual([])
    const mails = await store.db.selectFrom('operator_mails').selectAll().where('account_id', '=', ours.accountId).execute()
    for (const mail of mails) expect(mail).toMatchObject({ state: 'failed', subject: '', body: '' })
    const left = await store.db.selectFrom('accounts').selectAll().where('id', '=', ours.accountId).executeTakeFirstOrThrow()
    expect(JSON.stringify(left)).not.toMatch(/ours-test|ours\.test|boss/)
    expect((await everyMailbox(store.db)).map(({ account_id }) => account_id)).not.toContain(ours.accountId)
    expect((await hostedDomains(store.db)).map(({ name }) => name)).not.toContain('ours.test')
    expect((await desk.call(theirs.keys.reader, 'GET', '/list_mailboxes')).status).toBe(200)
  })

  it('is removed with everything that is in it, and nothing of anybody else', { timeout: 60_000 }, async () => {
    const desk = await openDesk(openStore)
    await fill(desk)
    const before = { theirs: await rowsOf(desk, desk.theirs.accountId), ours: await rowsOf(desk, desk.ours.accountId) }
    for (const table of ['emails', 'holds', 'deliveries', 'contacts', 'email_tags', 'issues', 'usage_days', 'suppressions', 'events'])
      if (table !== 'issues') expect([table, before.ours[table] ?? 0]).not.toEqual([table, 0])
    await deleteOurs(desk)
    await removeAll(desk)
    expect(await rowsOf(desk, desk.ours.accountId)).toEqual({ mailboxes: before.ours['mailboxes'], domains: 1 })
    expect(await rowsOf(desk, desk.theirs.accountId)).toEqual(before.theirs)
    const rest = await restOf(desk)
    await desk.store.transaction(async (tx) => desk.accountRemoval.close(tx, desk.theirs.accountId, { kind: 'system', part: 'host' }))
    await removeAll(desk)
    expect(rest).not.toEqual(await restOf(desk))
    expect(Object.values(await restOf(desk)).every((count) => count === 0)).toBe(true)
  })

  it('keeps on the record that it was, and that everything that waited ended, without a word of what anybody wrote', async () => {
    const desk = await openDesk(openStore)
    await fill(desk)
    const waiting = await listWaiting(desk.store.db, { tenancy: desk.ours.free.tenancy, limit: 50 })
    await deleteOurs(desk)
    await removeAll(desk)
    expect(await verifyLog(desk.store.db, { key: logKey })).toMatchObject({ ok: true })
    const entries = await listLog(desk.store.db, { accountId: desk.ours.accountId, world: 'live' }, { limit: 1000 })
    const actions = entries.map(({ action }) => action)
    expect(actions).toEqual(expect.arrayContaining(['email.received', 'account.deleted', 'account.removed', 'email.cancelled']))
    expect(entries.find(({ action }) => action === 'account.deleted')).toMatchObject({ metadata: { mailboxes: 4, domains: 1 } })
    const ended = entries.filter(({ action }) => action === 'delivery.cancelled').map(({ resourceId }) => resourceId)
    expect(ended.toSorted()).toEqual(waiting.map(({ id }) => String(id)).toSorted())
    expect(entries.every(({ details }) => details === null)).toBe(true)
    const theirs = await listLog(desk.store.db, { accountId: desk.theirs.accountId, world: 'live' }, { limit: 1000 })
    expect(theirs.some(({ details }) => details !== null)).toBe(true)
  })

  it('keeps a content that another account has as well, and takes files away that nobody has', async () => {
    const desk = await openDesk(openStore)
    const file = (text: string) => ({ name: 'a.txt', contentType: 'text/plain', content: Buffer.from(text.repeat(70_000)) })
    const [shared, own] = [file('s'), file('o')]
    await desk.receive(desk.ours.gated, { attachments: [shared, own] })
    const theirs = await desk.receive(desk.theirs.gated, { attachments: [shared] })
    const hashes = (await desk.store.db.selectFrom('attachments').select('blob_hash').orderBy('position').execute()).map(
      (row) => row.blob_hash,
    )
    await deleteOurs(desk)
    await removeAll(desk)
    const read = await desk.call(desk.theirs.keys.reader, 'GET', `/download_attachment?email_id=${theirs.id}&index=0`)
    expect(read).toMatchObject({ status: 200, body: { size: 70_000 } })
    expect(await desk.store.blobs.read(desk.store.db, hashes.at(-1) ?? '')).toBeNull()
    // Whoever stages it now, and is filed after it was taken away, is not told that it is there.
    const staged = await desk.store.blobs.stage(own.content)
    await desk.store.blobs.removeFile(staged.hash)
    await expect(desk.store.transaction((tx) => desk.store.blobs.put(tx, staged, desk.clock.now()))).rejects.toThrow('removed')
    expect(await desk.store.blobs.read(desk.store.db, staged.hash)).toBeNull()
  })

  it('waits for an attempt that is under way, and removes nothing under it', async () => {
    const desk = await openDesk(openStore)
    await fill(desk)
    const [delivery] = await listWaiting(desk.store.db, { tenancy: desk.ours.free.tenancy, limit: 1 })
    const id = delivery?.id as DeliveryId
    const lease = { lease: 'somebody', leased_until: desk.clock.now() + 5 * minute }
    await desk.store.db.updateTable('deliveries').set(lease).where('id', '=', id).execute()
    await deleteOurs(desk)
    await desk.accountRemoval.drain()
    const row = await desk.store.db.selectFrom('deliveries').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
    expect(row).toMatchObject({ state: 'queued', cancel_requested_at: expect.any(Number) })
    expect(Object.keys(await rowsOf(desk, desk.ours.accountId))).toContain('emails')
    // It came to an end after all.
    const end = { state: 'delivered', lease: null, leased_until: null, settled_at: desk.clock.now() } as const
    await desk.store.db.updateTable('deliveries').set(end).where('id', '=', id).execute()
    await removeAll(desk)
    expect(Object.keys(await rowsOf(desk, desk.ours.accountId)).toSorted()).toEqual(['domains', 'mailboxes'])
  })

  it('goes on being removed where another process stopped, and with what a call left that was under way', async () => {
    const desk = await openDesk(openStore)
    await fill(desk)
    await deleteOurs(desk)
    let left = 3
    const broken: typeof endMail = (...args) => ((left -= 1) < 0 ? Promise.reject(new Error('the power went')) : endMail(...args))
    const { store, clock } = desk
    await createAccountRemoval({ store, clock, log: silentLog, endMail: broken }).drain()
    expect(left).toBeLessThan(0)
    expect(Object.keys(await rowsOf(desk, desk.ours.accountId))).toContain('emails')
    await desk.accountRemoval.drain()
    expect(Object.keys(await rowsOf(desk, desk.ours.accountId))).not.toContain('emails')
    const late = {
      id: 'iss_late' as never,
      account_id: desk.ours.accountId,
      world: 'live',
      key_id: 'key_x' as KeyId,
      title: 'late',
    } as const
    await store.db
      .insertInto('issues')
      .values({ ...late, body_json: '{}', created_at: clock.now() })
      .execute()
    await removeAll(desk)
    expect(Object.keys(await rowsOf(desk, desk.ours.accountId)).toSorted()).toEqual(['domains', 'mailboxes'])
    const row = await store.db.selectFrom('accounts').selectAll().where('id', '=', desk.ours.accountId).executeTakeFirstOrThrow()
    expect(row.removed_at).toBe(clock.now())
    // Once is enough.
    await desk.accountRemoval.drain()
    const removed = await store.db.selectFrom('log_entries').select('id').where('action', '=', 'account.removed').execute()
    expect(removed).toHaveLength(1)
  })

  it('is seen within a minute when a command or another process deleted it, also while another waits for its last call', async () => {
    const desk = await openDesk(openStore)
    await fill(desk)
    const { ours, theirs, store } = desk
    let ended = Promise.withResolvers<void>()
    const clock = {
      now: desk.clock.now,
      at: (time: number, work: () => void) => {
        ended.resolve()
        ended = Promise.withResolvers()
        return desk.clock.at(time, work)
      },
    }
    const running = createAccountRemoval({ store, clock, log: silentLog, endMail })
    onTestFinished(() => running.stop())
    const firstRound = ended.promise
    running.start()
    await firstRound
    for (const { accountId } of [theirs, ours]) {
      await store.transaction((tx) => desk.accountRemoval.close(tx, accountId, { kind: 'system', part: 'host' }))
      const round = ended.promise
      await desk.clock.advance(minute)
      await round
      expect(Object.keys(await rowsOf(desk, accountId))).not.toContain('api_keys')
    }
    expect(Object.keys(await rowsOf(desk, ours.accountId))).not.toContain('emails')
  })

  it('is removed once, and once on the record, though two processes come to its end at the same time', async () => {
    const desk = await openDesk(openStore)
    const { store, clock } = desk
    await store.transaction((tx) => desk.accountRemoval.close(tx, desk.ours.accountId, { kind: 'system', part: 'host' }))
    const both = [1, 2].map(() => createAccountRemoval({ store, clock, log: silentLog, endMail }))
    await both[0]?.drain()
    await clock.advance(hour)
    await Promise.all(both.map((one) => one.drain()))
    const removed = await store.db.selectFrom('log_entries').select('id').where('action', '=', 'account.removed').execute()
    expect(removed).toHaveLength(1)
  })

  it('keeps no other that is being removed, while it waits or when something is wrong with it', async () => {
    const desk = await openDesk(openStore)
    const { ours, theirs, store } = desk
    await fill(desk)
    for (const { accountId } of [ours, theirs])
      await store.transaction((tx) => desk.accountRemoval.close(tx, accountId, { kind: 'system', part: 'host' }))
    const [delivery] = await listWaiting(store.db, { tenancy: ours.free.tenancy, limit: 1 })
    const lease = { lease: 'somebody', leased_until: desk.clock.now() + 5 * minute }
    await store.db
      .updateTable('deliveries')
      .set(lease)
      .where('id', '=', delivery?.id as DeliveryId)
      .execute()
    const times: number[] = []
    const clock = { now: desk.clock.now, at: (time: number) => (times.push(time), { cancel: () => undefined }) }
    const waiting = createAccountRemoval({ store, clock, log: silentLog, endMail })
    waiting.start()
    await waiting.drain()
    await waiting.stop()
    expect(Object.keys(await rowsOf(desk, theirs.accountId))).not.toContain('emails')
    expect(times.at(-1)).toBe(desk.clock.now() + 2_000)
  })

  it('can be set up anew at once, as if it had never been, without waiting for what is being removed', async () => {
    const desk = await openDesk(openStore)
    await fill(desk)
    const { store, clock, ours } = desk
    await deleteOurs(desk)
    const made = await setUp({ store, clock, makeDkim: knownDkim }, { domain: 'ours.test', mailbox: 'support', accountName: 'ours.test' })
    if (!made.ok) return expect.fail(made.detail)
    expect(made.value).toMatchObject({ created: ['account', 'domain', 'mailbox'], account: { name: 'ours.test' } })
    expect(made.value.account.id).not.toBe(ours.accountId)
    const agent = made.value.keys.agent?.key ?? ''
    expect((await desk.call(agent, 'GET', '/check_inbox')).body).toMatchObject({ messages: [] })
    expect(judgeRecipient(await recipientFacts(store.db, 'mx.ours.test', ours.gated.address))).toMatchObject({ ok: true })
    expect(judgeRecipient(await recipientFacts(store.db, 'mx.ours.test', ours.free.address))).toMatchObject({ reply: { status: '5.1.1' } })
    const mail = {
      id: made.value.mailbox.id,
      address: ours.gated.address,
      tenancy: { accountId: made.value.account.id, world: 'live' },
    } as Mailbox
    const kept = await desk.receive(mail)
    await removeAll(desk)
    expect((await desk.call(agent, 'GET', '/check_inbox')).body).toMatchObject({ messages: [{ id: kept.id }] })
    expect((await hostedDomains(store.db)).map(({ name }) => name)).toContain('ours.test')
  })

  it('may be the last one: nothing is left but what setup makes', async () => {
    const desk = await openDesk(openStore)
    const { store, clock } = desk
    for (const { accountId } of [desk.theirs, desk.ours])
      await store.transaction((tx) => desk.accountRemoval.close(tx, accountId, { kind: 'system', part: 'host' }))
    expect(await listAccounts(store.db)).toEqual([])
    await removeAll(desk)
    const made = await setUp({ store, clock, makeDkim: knownDkim }, { domain: 'new.test', mailbox: 'agent' })
    expect(made).toMatchObject({ ok: true, value: { created: ['account', 'domain', 'mailbox'] } })
    expect((await listAccounts(store.db)).map(({ name }) => name)).toEqual(['new.test'])
  })

  it('leaves its domain to another account that proves it', async () => {
    const desk = await openDesk(openStore)
    const add = () => desk.call(desk.theirs.keys.admin, 'POST', '/add_domain', { domain: 'ours.test' })
    expect((await add()).body).toMatchObject({ code: 'DOMAIN_NOT_FREE' })
    await deleteOurs(desk)
    expect(await add()).toMatchObject({ status: 200, body: { status: 'pending', domain: 'ours.test' } })
    // Not before it is proved.
    const address_local = desk.ours.gated.address
    const made = await desk.call(desk.theirs.keys.admin, 'POST', '/create_mailbox', { address_local })
    expect(made).toMatchObject({ status: 400, body: { code: 'BAD_MAILBOX_ADDRESS' } })
    for (const path of [address_local, 'postmaster@ours.test', 'anybody@ours.test'])
      expect(judgeRecipient(await recipientFacts(desk.store.db, 'mx.theirs.test', path))).toMatchObject({ reply: { status: '5.1.1' } })
    expect((await hostedDomains(desk.store.db)).map(({ name }) => name)).toEqual(['theirs.test'])
    expect((await add()).body).toMatchObject({ code: 'DOMAIN_NOT_FREE' })
    await removeAll(desk)
    const { body } = await desk.call(desk.theirs.keys.admin, 'GET', '/list_domains')
    expect((body['domains'] as { domain: string }[]).map(({ domain }) => domain).toSorted()).toEqual(['ours.test', 'theirs.test'])
    const own = await setUp({ store: desk.store, clock: desk.clock }, { domain: 'ours.test', mailbox: 'x', accountName: 'mine' })
    expect(own).toMatchObject({ ok: false, code: 'DOMAIN_TAKEN' })
  })

  it('leaves a domain at which others have mailboxes to nobody but who runs the server', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    const { store, clock, ours, theirs } = desk
    await signUp(desk, { slug: 'ann-s-shop' })
    await activate(desk, (await lastLetter(desk)).agent)
    const ann = 'ann-s-shop@ours.test'
    await deleteOurs(desk)
    await removeAll(desk)
    const add = () => desk.call(theirs.keys.admin, 'POST', '/add_domain', { domain: 'ours.test' })
    expect(await add()).toMatchObject({ status: 409, body: { code: 'DOMAIN_NOT_FREE' } })
    expect(judgeRecipient(await recipientFacts(store.db, 'mx.ours.test', ann))).toMatchObject({ ok: true })
    const life = { store, clock, endMail, endWebhooks: () => Promise.resolve([]) }
    await changeMailbox(life, 'suspend', ann, 'live')
    expect(await add()).toMatchObject({ status: 409, body: { code: 'DOMAIN_NOT_FREE' } })
    const made = await setUp({ store, clock, makeDkim: knownDkim }, { domain: 'ours.test', mailbox: 'support', accountName: 'New' })
    expect(made).toMatchObject({ ok: true, value: { created: ['account', 'domain', 'mailbox'] } })
    expect(made.ok && made.value.account.id).not.toBe(ours.accountId)
    await changeMailbox(life, 'resume', ann, 'live')
    expect(judgeRecipient(await recipientFacts(store.db, 'mx.ours.test', ann))).toMatchObject({ ok: true })
  })

  it('keeps its address at the domain of another account: nobody gets it, nor its mail', async () => {
    const desk = await openDesk(openStore, { signup: forPeople })
    const { store, clock, ours } = desk
    const host = { kind: 'system', part: 'host' } as const
    await signUp(desk, { slug: 'ann-s-shop' })
    await activate(desk, (await lastLetter(desk)).agent)
    const address = 'ann-s-shop@ours.test'
    const { account_id } = await store.db.selectFrom('mailboxes').selectAll().where('address', '=', address).executeTakeFirstOrThrow()
    await store.transaction((tx) => desk.accountRemoval.close(tx, account_id, host))
    await removeAll(desk)
    expect(await desk.call(null, 'GET', '/v1/slug-check/ann-s-shop')).toMatchObject({ body: { available: false, reason: 'taken' } })
    const bo = { oversight_email: 'bo@elsewhere.example' }
    expect(await signUp(desk, { ...bo, slug: 'ann-s-shop' })).toMatchObject({ status: 409, body: { code: 'SLUG_TAKEN' } })
    await signUp(desk, { ...bo, operator_name: 'Ann’s Shop' })
    const next = await activate(desk, (await lastLetter(desk)).agent)
    expect(next.body['mailbox_address']).toBe('ann-s-shop-2@ours.test')
    const life = { store, clock, endMail, endWebhooks: () => Promise.resolve([]) }
    expect(await changeMailbox(life, 'resume', address, 'live')).toMatchObject({ ok: false, code: 'MAILBOX_NOT_FOUND' })
    await createAddresses({ store, clock }).setCatchAll({ domain: 'ours.test', mailbox: ours.free.address })
    const answer = async (path: string) => judgeRecipient(await recipientFacts(store.db, 'mx.ours.test', path))
    for (const path of [address, 'Ann-S-Shop+orders@ours.test'])
      expect([path, await answer(path)]).toMatchObject([path, { ok: false, reply: { code: 550, status: '5.1.1' } }])
    expect(await answer('anybody@ours.test')).toMatchObject({ ok: true, recipient: { via: 'catch-all' } })
  })

  it('makes nothing any more, whoever had begun to', async () => {
    const desk = await openDesk(openStore, { adminApproval: 'off' })
    const { admin } = desk.ours.keys
    const all = await Promise.all([
      desk.call(admin, 'POST', '/delete_account', {}),
      ...Array.from({ length: 4 }, (_, n) => desk.call(admin, 'POST', '/create_api_key', { name: `k${n}`, scopes: ['read'] })),
      ...Array.from({ length: 4 }, (_, n) => desk.call(admin, 'POST', '/create_mailbox', { address_local: `m${n}` })),
    ])
    expect(all[0]?.status).toBe(200)
    const good = desk.store.db
      .selectFrom('api_keys')
      .select('id')
      .where('account_id', '=', desk.ours.accountId)
      .where('revoked_at', 'is', null)
    expect(await good.execute()).toEqual([])
    const open = desk.store.db
      .selectFrom('mailboxes')
      .select('id')
      .where('account_id', '=', desk.ours.accountId)
      .where('deleted_at', 'is', null)
    expect(await open.execute()).toEqual([])
  })
})
