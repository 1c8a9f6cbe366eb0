import { expect, it } from 'vitest'
import { newId } from '../../server/model/ids.ts'
import { emailFacts } from '../../server/store/email-record.ts'
import { insertEmail } from '../../server/store/emails.ts'
import { appendEvent } from '../../server/store/events.ts'
import { appear } from '../support/appear.ts'
import { type Answer, type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const wait = (desk: Desk, query: string, key = desk.ours.keys.agent): Promise<Answer> => desk.call(key, 'GET', `/wait_for_email?${query}`)
const ids = ({ body }: Answer): string[] => (body['emails'] as { id: string }[]).map(({ id }) => id)

/** Resolves when as many listen. */
async function listening(desk: Desk, count: number): Promise<void> {
  while (desk.live.listening() !== count) await new Promise((resolve) => void setImmediate(resolve))
}

describeOnEachEngine('wait_for_email', (open, { newPlace }) => {
  const openStore = () => open()
  it('answers when the mail comes, without the clock moving on', async () => {
    const desk = await openDesk(openStore)
    const { gated } = desk.ours
    await desk.receive(gated, { subject: 'Old' })
    const call = wait(desk, `mailbox=${gated.address}`)
    await listening(desk, 1)
    await desk.receive(desk.ours.free)
    const mail = await desk.receive(gated, { subject: 'New' })
    const answer = await call
    expect(answer).toMatchObject({ status: 200, body: { found: true, since_id: mail.id, emails: [{ id: mail.id, subject: 'New' }] } })
    await listening(desk, 0)
  })

  it('has at once what came since, oldest first, and only what was asked for', async () => {
    const desk = await openDesk(openStore)
    const { gated } = desk.ours
    const first = await desk.receive(gated)
    const bo = await desk.receive(gated, { from: 'bo@remote.test', subject: 'Offer' })
    const ann = await desk.receive(gated, { from: 'ann@remote.test', threadId: first.thread_id })
    const since = `mailbox=${gated.address}&since_id=${first.id}`
    expect(ids(await wait(desk, since))).toEqual([bo.id, ann.id])
    expect(ids(await wait(desk, `${since}&sender=BO@`))).toEqual([bo.id])
    expect(ids(await wait(desk, `${since}&subject_contains=offer`))).toEqual([bo.id])
    expect(ids(await wait(desk, `${since}&thread_id=${first.thread_id}`))).toEqual([ann.id])
    expect(ids(await desk.call(desk.ours.keys.agent, 'GET', `/v1/mailboxes/${gated.id}/wait?since_id=${bo.id}`))).toEqual([ann.id])
    expect(ids(await wait(desk, `mailbox=${gated.address}&since_id=2026-03-01T00:00:00Z`))).toHaveLength(3)
  })

  it('says so when the time is over, and from where to go on', async () => {
    const desk = await openDesk(openStore)
    const { gated, free } = desk.ours
    const old = await desk.receive(gated)
    const calls = [wait(desk, `mailbox=${gated.address}&timeout_seconds=120`), wait(desk, `mailbox=${free.address}&timeout_seconds=120`)]
    await listening(desk, 2)
    await desk.clock.advance(120_000)
    const [known, empty] = await Promise.all(calls)
    expect(known).toMatchObject({
      status: 200,
      body: { found: false, emails: [], since_id: old.id, next: expect.stringContaining('since_id') },
    })
    await desk.receive(free)
    expect(ids(await wait(desk, `mailbox=${free.address}&since_id=${String(empty?.body['since_id'])}`))).toHaveLength(1)
    for (const timeout of ['4', '121', 'x'])
      expect((await wait(desk, `mailbox=${gated.address}&timeout_seconds=${timeout}`)).status).toBe(400)
  })

  it('is not woken by held mail, but by its release', async () => {
    const desk = await openDesk(openStore)
    const { guarded, keys } = desk.ours
    const last = await desk.receive(guarded)
    const call = wait(desk, `mailbox=${guarded.address}&since_id=${last.id}&timeout_seconds=5`)
    await listening(desk, 1)
    const held = await desk.receive(guarded, { status: 'pending_inbound_approval' })
    await desk.clock.advance(5_000)
    expect((await call).body).toMatchObject({ found: false })
    const again = wait(desk, `mailbox=${guarded.address}&since_id=${last.id}`)
    await listening(desk, 1)
    await desk.call(keys.reviewer, 'POST', '/decide_email', { email_id: held.id, action: 'approve' })
    expect(ids(await again)).toEqual([held.id])
  })

  it('finds what another process on the same database put there, within a second', async () => {
    const place = await newPlace()
    const desk = await openDesk(() => open(place))
    const other = await open(place)
    const { gated } = desk.ours
    const before = await desk.receive(gated)
    const call = wait(desk, `mailbox=${gated.address}&since_id=${before.id}`)
    await listening(desk, 1)
    const email = { ...before, id: newId('email', desk.clock.now()) }
    await other.transaction(async (tx) => {
      await insertEmail(tx, email)
      await appendEvent(tx, { tenancy: gated.tenancy, mailboxId: gated.id, type: 'message.received', data: emailFacts(email), now: 0 })
      await appear(tx, email)
    })
    await desk.clock.advance(1_000)
    expect(ids(await call)).toEqual([email.id])
  })

  it('forgets a caller that has gone, and gives nothing to a key that was revoked', async () => {
    const desk = await openDesk(openStore)
    const { gated } = desk.ours
    const gone = new AbortController()
    const left = fetch(`${desk.url}/wait_for_email?mailbox=${gated.address}`, {
      headers: { authorization: `Bearer ${desk.ours.keys.agent}` },
      signal: gone.signal,
    })
    await listening(desk, 1)
    gone.abort()
    await expect(left).rejects.toThrow()
    await listening(desk, 0)
    const key = await desk.key({ scopes: ['read'] })
    const call = wait(desk, `mailbox=${gated.address}`, key)
    await listening(desk, 1)
    const actor = await desk.keys.identify(key)
    if (actor !== null) await desk.keys.revoke(actor.keyId)
    await desk.receive(gated)
    expect(await call).toMatchObject({ status: 401, body: { code: 'KEY_NOT_ACCEPTED' } })
  })

  it('gives nothing to a key that may no longer what it might when it began to wait', async () => {
    const desk = await openDesk(openStore)
    const { gated, free } = desk.ours
    for (const change of [{ scopes_json: '["send"]' }, { mailbox_ids_json: JSON.stringify([free.id]) }]) {
      const key = await desk.key({ scopes: ['read'] })
      const call = wait(desk, `mailbox=${gated.address}`, key)
      await listening(desk, 1)
      const actor = await desk.keys.identify(key)
      await desk.store.db
        .updateTable('api_keys')
        .set(change)
        .where('id', '=', actor?.keyId ?? expect.fail())
        .execute()
      await desk.receive(gated)
      expect(await call).toMatchObject({ status: 401, body: { code: 'KEY_NOT_ACCEPTED' } })
    }
  })

  it('ends when the server does', async () => {
    const desk = await openDesk(openStore)
    const call = wait(desk, `mailbox=${desk.ours.gated.address}`)
    await listening(desk, 1)
    desk.live.close()
    expect(await call).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } })
  })
})
