/** What somebody who sets the clock of the host can bring about, forward by days and back by hours. docs/clock.md has the table of which this is the proof. */
import { expect, it, vi } from 'vitest'
import type { Zone } from '../../dns/resolver.ts'
import { setReviewerTurns } from '../../server/identity/people/on-host.ts'
import { fromBase32, hotp, totpStep } from '../../server/identity/people/totp.ts'
import type { EmailId, HoldId } from '../../server/model/ids.ts'
import { lowerAfterBounces } from '../../server/outbound/standing/bounce-run.ts'
import { findLogKey } from '../../server/record/log-key.ts'
import { insertHold } from '../../server/store/holds.ts'
import { noteModeFinding } from '../../server/store/mode-findings.ts'
import { setTimedReviews } from '../../server/store/review-times.ts'
import { countSending } from '../../server/store/standings.ts'
import { verifyLog } from '../../server/store/log-verify.ts'
import { addTo, ann, lettersTo, mailedCode, openBrowser, signedIn } from '../support/browser.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { startInProcess } from '../support/in-process.ts'
import { beginSession, sessionCode } from '../support/operator-session.ts'
import { createRemoteMx } from '../support/remote-mx.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

// A busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 })

const start = Date.UTC(2026, 10, 22, 12)
const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000]
const zone: Zone = { 'remote.test': { MX: [{ priority: 10, exchange: 'mx.remote.test' }] }, 'mx.remote.test': { A: ['127.0.0.1'] } }

describeOnEachEngine('when the clock of the host is set, mail', (_open, { newPlace }) => {
  const open = async () => {
    const remote = await createRemoteMx({ extensions: [] })
    const clock = createVirtualClock(start)
    const app = await startInProcess({ place: await newPlace(), clock, zone, remote })
    const { agent, reviewer } = await app.account('ours.test', 'support')
    const send = async (subject: string, more: object = {}): Promise<string> => {
      const letter = { to: ['bo@remote.test'], subject, markdown: 'Hello.', ...more }
      return (await app.call(agent, 'POST', '/send_email', letter)).body.id as string
    }
    const decide = async (email_id: string, action = 'approve') => {
      const { status, body } = await app.call(reviewer, 'POST', '/decide_email', { email_id, action })
      return status === 200 ? body.status : body.code
    }
    const statusOf = async (id: string) => (await app.call(agent, 'GET', `/read_email?email_id=${id}`)).body.status as string
    return { remote, clock, app, reviewer, send, decide, statusOf }
  }

  it('that waits for a person: forward it expires and is not approved, and back it stays so', async () => {
    const { remote, clock, app, send, decide, statusOf } = await open()
    const id = await send('One')
    await clock.setBy(4 * day)
    await app.until(() => app.count('hold.expired') === 1)
    expect(await decide(id)).toBe('HOLD_EXPIRED')
    await clock.setBy(-4 * day - 3 * hour)
    expect([await decide(id), await statusOf(id)]).toEqual(['HOLD_EXPIRED', 'expired'])
    // Hours before it was held: what is held now can be decided on, and nothing else of it happens.
    const next = await send('Two')
    expect(await decide(next)).toBe('approved_and_sent')
    await app.drain()
    expect((await remote.received(1)).map(({ raw }) => /^Subject: (.*)\r$/m.exec(String(raw))?.[1])).toEqual(['Two'])
  })

  it('that waits for a person: back it waits for as much longer, and then expires', async () => {
    const { clock, app, send, decide } = await open()
    const [id, other] = [await send('One'), await send('Two')]
    await clock.setBy(-5 * hour)
    await clock.advance(72 * hour)
    expect([app.count('hold.expired'), await decide(other)]).toEqual([0, 'approved_and_sent'])
    await clock.advance(5 * hour)
    await app.until(() => app.count('hold.expired') === 1)
    expect(await decide(id)).toBe('HOLD_EXPIRED')
  })

  it('that waits for its time leaves at its time by the clock, once, and never without the yes that it needs', async () => {
    const { remote, clock, app, send, decide, statusOf } = await open()
    const at = (ms: number) => new Date(start + ms).toISOString()
    const approved = await send('Approved', { send_at: at(hour) })
    expect(await decide(approved)).toBe('approved')
    const asked = await send('Asked at its time', { send_at: at(hour), gate_timing: 'schedule_first' })
    const waits = await send('Waits', { send_at: at(hour) })
    await clock.setBy(-3 * hour)
    await clock.advance(2 * hour)
    await app.drain()
    expect([app.count('submission.due'), remote.count('mail')]).toEqual([0, 0])
    await clock.setBy(2 * day)
    await app.until(() => app.count('submission.due') === 2)
    await app.drain()
    expect([await statusOf(approved), await statusOf(asked), await statusOf(waits)]).toEqual([
      expect.stringMatching(/sent|delivered/),
      'pending_approval',
      'pending_approval',
    ])
    await clock.setBy(-2 * day)
    await clock.advance(3 * hour)
    await app.drain()
    expect([remote.count('dot'), app.count('submission.due')]).toEqual([1, 2])
  })

  it('in the queue is tried again when its time comes by the clock, or when somebody says so, and is never lost or sent twice', async () => {
    const { remote, clock, app, reviewer, send, decide } = await open()
    await clock.setBy(2 * day)
    remote.answer({ rcpt: ['451 4.3.0 Later', '250 2.1.5 Ok'] })
    const id = await send('One')
    await decide(id)
    await app.drain()
    await clock.setBy(-2 * day)
    await clock.advance(day)
    await app.drain()
    expect(remote.count('dot')).toBe(0)
    const { body } = await app.call(reviewer, 'GET', '/list_queue')
    expect((await app.call(reviewer, 'POST', '/retry_delivery', { delivery_id: body.deliveries[0].id })).status).toBe(200)
    await app.drain()
    await clock.setBy(10 * day)
    await app.drain()
    expect(remote.count('dot')).toBe(1)
  })

  it('and its log: entries keep their order, the tree is signed and proved, and it is found whole', async () => {
    const { clock, app, reviewer, send } = await open()
    const proof = async (id: string) => {
      const entry = app.store.db.selectFrom('log_entries').select('id').where('resource_id', '=', id).orderBy('seq', 'desc')
      return (await app.call(reviewer, 'GET', `/get_inclusion_proof?entry_id=${(await entry.executeTakeFirstOrThrow()).id}`)).status
    }
    for (const [at, jump] of [0, 3 * day, -3 * day - 5 * hour, 9 * day, -8 * day].entries()) {
      await clock.setBy(jump)
      const id = await send(`Letter ${at}`)
      // Callers get one checkpoint a minute.
      await clock.advance(61 * second)
      expect([at, await proof(id)]).toEqual([at, 200])
    }
    const entries = await app.store.db.selectFrom('log_entries').select('body').orderBy('seq').execute()
    const times = entries.map(({ body }) => Date.parse((JSON.parse(body) as { at: string }).at))
    expect(times).not.toEqual(times.toSorted((one, other) => one - other))
    expect(await verifyLog(app.store.db, { key: await findLogKey(app.store.db) })).toMatchObject({ ok: true })
  })
})

const held = async ({ call, ours }: Desk, subject: string): Promise<string> => {
  const letter = { mailbox_id: ours.gated.id, to: ['cy@remote.test'], subject, markdown: 'Hello.' }
  return String((await call(ours.keys.agent, 'POST', '/send_email', letter)).body['id'])
}
const tell = async ({ approvalMail, clock }: Desk): Promise<void> => approvalMail.jobs[0]?.work(clock.now())
const linkTo = async (desk: Desk): Promise<string> =>
  /https:\/\/mail\.ours\.test(\/approve\/[\w-]{43})\n/.exec((await lettersTo(desk, ann)).at(-1)?.body ?? '')?.[1] ?? 'none'
const approve = async (desk: Desk, path: string): Promise<number> =>
  (await fetch(desk.url + path, { method: 'POST', body: new URLSearchParams({ action: 'approve' }) })).status
const isIn = async (browser: ReturnType<typeof openBrowser>): Promise<unknown> => (await browser.get('/session/me')).body['signed_in']

describeOnEachEngine('when the clock of the host is set, people', (openStore) => {
  it('are signed out as time passes; a session that was used while the clock was ahead is idle as soon as any other', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    await desk.clock.setBy(5 * hour)
    expect(await isIn(browser)).toBe(true)
    await desk.clock.setBy(-5 * hour)
    expect(await isIn(browser)).toBe(true)
    await desk.clock.advance(8 * hour)
    expect(await isIn(browser)).toBe(false)
    const other = await signedIn(desk, desk.ours.accountId, 'bo@elsewhere.example')
    await desk.clock.setBy(8 * day)
    expect(await isIn(other)).toBe(false)
  })

  it('are mailed a code as soon as they ask, though others were mailed while the clock was ahead; one that was used is used', async () => {
    const desk = await openDesk(openStore)
    await addTo(desk, desk.ours.accountId)
    const browser = openBrowser(desk)
    await desk.clock.setBy(3 * day)
    for (let n = 0; n < 8; n += 1) {
      await browser.ask(ann)
      await desk.clock.advance(minute)
    }
    const used = await mailedCode(desk, ann)
    expect((await browser.post('/session/enter', { code: used })).status).toBe(200)
    await desk.clock.setBy(-3 * day)
    expect((await openBrowser(desk).post('/session/enter', { code: used })).status).toBe(403)
    const before = (await lettersTo(desk, ann)).length
    const another = openBrowser(desk)
    await another.ask(ann)
    expect(await lettersTo(desk, ann)).toHaveLength(before + 1)
    expect((await another.post('/session/enter', { code: await mailedCode(desk, ann) })).status).toBe(200)
  })

  it('cannot use six digits of their program again, whenever it is', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    const secret = fromBase32(String((await browser.post('/session/totp')).body['secret']))
    const digits = () => hotp(secret, totpStep(desk.clock.now()))
    await browser.post('/session/totp/confirm', { code: digits() })
    await desk.clock.advance(minute)
    const enter = async (totp: string): Promise<number> => {
      const another = openBrowser(desk)
      await another.ask(ann)
      return (await another.post('/session/enter', { code: await mailedCode(desk, ann), totp })).status
    }
    const once = digits()
    expect(await enter(once)).toBe(200)
    await desk.clock.advance(minute)
    await desk.clock.setBy(-minute)
    expect(await enter(once)).toBe(403)
  })

  it('decide once by a link that was mailed to them, and are told of what waits now', async () => {
    const desk = await openDesk(openStore)
    await addTo(desk, desk.ours.accountId)
    await desk.clock.setBy(2 * day)
    await held(desk, 'One')
    await tell(desk)
    const link = await linkTo(desk)
    expect(await approve(desk, link)).toBe(200)
    await desk.clock.setBy(-2 * day)
    expect(await approve(desk, link)).toBe(404)
    const next = await held(desk, 'Two')
    await tell(desk)
    expect(await lettersTo(desk, ann)).toHaveLength(2)
    // Forward over its time: the link does nothing, and nothing approves itself.
    const late = await linkTo(desk)
    await desk.clock.setBy(4 * day)
    expect(await approve(desk, late)).toBe(404)
    expect((await desk.call(desk.ours.keys.agent, 'GET', `/read_email?email_id=${next}`)).body['status']).not.toMatch(/sent|approved/)
  })

  it('are asked for more freedom, and for agreement, as often as before, and each code is good once', async () => {
    const desk = await openDesk(openStore)
    const { agent, admin } = desk.ours.keys
    const path = `/v1/mailboxes/${desk.ours.gated.id}`
    const newest = async (): Promise<string> =>
      /code: (\S+)/.exec(
        (await desk.store.db.selectFrom('operator_mails').select('body').orderBy('id', 'desc').executeTakeFirst())?.body ?? '',
      )?.[1] ?? ''
    const ask = (target_mode: string) => desk.call(agent, 'POST', `${path}/request-upgrade`, { target_mode })
    const apply = async (code: string) => (await desk.call(agent, 'POST', `${path}/upgrade`, { code })).status
    await desk.clock.setBy(2 * day)
    for (let n = 0; n < 3; n += 1) expect((await ask('gated_new')).status).toBe(200)
    expect((await ask('gated_new')).status).toBe(429)
    const code = await newest()
    expect(await apply(code)).toBe(200)
    await desk.clock.setBy(-2 * day)
    expect(await apply(code)).toBe(404)
    expect((await ask('monitored')).status).toBe(200)
    const late = await newest()
    await desk.clock.setBy(day)
    expect(await apply(late)).toBe(404)

    const create = (headers: Record<string, string> = {}) => desk.call(admin, 'POST', '/v1/api-keys', { name: 'further' }, headers)
    expect((await create()).status).toBe(202)
    await desk.clock.setBy(-day)
    expect((await create()).status).toBe(202)
    expect((await desk.call(admin, 'POST', '/v1/operator/start-session', {})).status).toBe(202)
    await desk.clock.setBy(-5 * hour)
    expect((await desk.call(admin, 'POST', '/v1/operator/start-session', {})).status).toBe(202)
    expect(await sessionCode(desk)).not.toBe('')
  })

  it('of an operator session lose it when its time is over, and it comes back to nobody who has ended it', async () => {
    const desk = await openDesk(openStore)
    const { admin } = desk.ours.keys
    const { cookie } = await beginSession(desk, desk.ours)
    const create = async (name: string) => (await desk.call(admin, 'POST', '/v1/api-keys', { name }, { cookie })).status
    expect(await create('one')).toBe(201)
    await desk.clock.setBy(hour)
    expect(await create('two')).toBe(202)
    await desk.call(admin, 'POST', '/v1/operator/end-session', {}, { cookie })
    await desk.clock.setBy(-hour)
    expect(await create('three')).toBe(202)
  })

  it('decide on what waits now, though an earlier hold of the same email was made while the clock was ahead', async () => {
    const desk = await openDesk(openStore)
    const id = (await held(desk, 'One')) as EmailId
    const open = await desk.store.db.selectFrom('holds').selectAll().where('email_id', '=', id).executeTakeFirstOrThrow()
    const ahead = { ...open, id: `hld_7${'Z'.repeat(25)}` as HoldId, state: 'cancelled' as const, ended_at: open.created_at }
    await desk.store.transaction((tx) => insertHold(tx, ahead))
    expect((await desk.call(desk.ours.keys.reviewer, 'POST', '/decide_email', { email_id: id, action: 'approve' })).status).toBe(200)
  })

  it('are told at once of what was held while the clock was ahead, whoever’s turn it is, and once', async () => {
    const desk = await openDesk(openStore)
    const ben = 'ben@elsewhere.example'
    for (const address of [ann, ben]) await addTo(desk, desk.ours.accountId, address)
    await setReviewerTurns(desk, desk.ours.accountId, { people: [ann, ben], afterMs: hour, mailbox: null })
    await desk.clock.setBy(2 * day)
    await held(desk, 'One')
    await desk.clock.setBy(-2 * day)
    for (let told = 0; told < 3; told += 1) {
      await desk.clock.advance(10 * minute)
      await desk.approvalMail.jobs[0]?.work(desk.clock.now())
      expect([(await lettersTo(desk, ann)).length, (await lettersTo(desk, ben)).length]).toEqual([1, 1])
    }
    // What is held now is told in turn.
    await held(desk, 'Two')
    await desk.approvalMail.jobs[0]?.work(desk.clock.now())
    expect([(await lettersTo(desk, ann)).length, (await lettersTo(desk, ben)).length]).toEqual([2, 1])
  })

  it('sign in again for what asks for it anew, though they signed in at a time to come', async () => {
    const desk = await openDesk(openStore)
    await desk.clock.setBy(2 * day)
    const browser = await signedIn(desk, desk.ours.accountId)
    expect((await browser.post('/session/passkeys/options')).status).toBe(200)
    const id = await held(desk, 'One')
    await desk.store.db.updateTable('holds').set({ people: 2 }).execute()
    await desk.clock.setBy(-2 * day)
    const hash = String((await browser.get(`/session/pending/${id}`)).body['content_hash'])
    expect((await browser.post('/session/passkeys/options')).body['code']).toBe('SIGN_IN_AGAIN')
    const approval = { email_id: id, action: 'approve', content_hash: hash }
    expect((await browser.post('/session/decide', approval)).body['code']).toBe('FRESH_SIGN_IN_NEEDED')
  })

  it('are timed by what has come', async () => {
    const desk = await openDesk(openStore)
    const { tenancy } = desk.ours.gated
    await desk.store.transaction((tx) => setTimedReviews(tx, tenancy, true, desk.clock.now()))
    const browser = await signedIn(desk, desk.ours.accountId)
    const decide = async (id: string, afterMs = 0) => {
      const { content_hash } = (await browser.get(`/session/pending/${id}`)).body
      await desk.clock.advance(afterMs)
      expect((await browser.post('/session/decide', { email_id: id, action: 'approve', content_hash })).status).toBe(200)
    }
    const [one, two, three] = [await held(desk, 'One'), await held(desk, 'Two'), await held(desk, 'Three')]
    await desk.clock.setBy(hour)
    await browser.get(`/session/pending/${three}`)
    await decide(one, 3_000)
    await desk.clock.setBy(-hour)
    await decide(two, 4_000)
    await decide(three, 5_000)
    const rows = await desk.store.db.selectFrom('review_times').select(['email_id', 'time_ms']).execute()
    expect(new Map(rows.map(({ email_id, time_ms }) => [email_id, time_ms]))).toEqual(
      new Map([
        [one, 3_000],
        [two, 4_000],
        [three, null],
      ]),
    )
  })
})

describeOnEachEngine('when the clock of the host is set, a mailbox', (openStore) => {
  it('is lowered for its bounces, whatever it was lowered for at times that have not come', async () => {
    const desk = await openDesk(openStore)
    const [mailbox_id, now] = [desk.ours.free.id, desk.clock.now()]
    const entries = await desk.store.transaction(async (tx) => {
      const modes = { from_mode: 'autonomous', to_mode: 'gated_new' } as const
      await noteModeFinding(tx, { mailbox_id, cause: 'bounces', finding: 'then', ...modes, found_at: now + 10 * day })
      await countSending(tx, mailbox_id, { delivered: 1, bounced: 40 }, now)
      return lowerAfterBounces(tx, mailbox_id, now)
    })
    expect(entries).toHaveLength(1)
  })
})
