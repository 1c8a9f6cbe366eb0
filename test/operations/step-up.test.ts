import { expect, it } from 'vitest'
import { freshForMs } from '../../server/model/fresh-sign-in.ts'
import { addTo, ann, lettersTo, openBrowser, signedIn } from '../support/browser.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const bo = 'bo@elsewhere.example'
const policy_json = JSON.stringify([{ who: '*', outcome: 'hold_for_two' }])
let count = 0

async function held(desk: Desk): Promise<string> {
  const letter = { mailbox_id: desk.ours.gated.id, to: ['cy@remote.test'], subject: `Offer ${(count += 1)}`, markdown: 'It costs 5.' }
  const { body } = await desk.call(desk.ours.keys.agent, 'POST', '/send_email', letter)
  return String(body['id'])
}
const hashOf = async ({ store }: Desk, id: string): Promise<string> =>
  (
    await store.db
      .selectFrom('holds')
      .select('content_hash')
      .where('email_id', '=', id as never)
      .executeTakeFirstOrThrow()
  ).content_hash

describeOnEachEngine('what waits for two people', (openStore) => {
  const open = async (forTwo = true) => {
    const desk = await openDesk(openStore)
    if (forTwo) await desk.store.db.updateTable('mailboxes').set({ policy_json }).where('id', '=', desk.ours.gated.id).execute()
    return desk
  }

  it('is approved by people who have signed in moments ago, and rejected by anybody who has', async () => {
    const desk = await open()
    const { accountId } = desk.ours
    const hers = await signedIn(desk, accountId, ann)
    const [id, other] = [await held(desk), await held(desk)]
    const input = async (email: string, action = 'approve') => ({
      email_id: email,
      action,
      content_hash: await hashOf(desk, email),
      ...(action === 'reject' && { reason_code: 'tone' }),
    })
    await desk.clock.advance(freshForMs)
    const stale = await hers.post('/session/decide', await input(id))
    expect(stale).toMatchObject({ status: 403, body: { code: 'FRESH_SIGN_IN_NEEDED', fix: expect.stringContaining('Sign in again') } })
    expect(await desk.store.db.selectFrom('hold_approvals').selectAll().execute()).toEqual([])
    const his = await signedIn(desk, accountId, bo)
    await desk.clock.advance(freshForMs - 1)
    expect((await his.post('/session/decide', await input(id))).body).toMatchObject({ status: 'approved_in_part' })
    // It takes the one who is second as well, and no other session of hers.
    expect((await hers.post('/session/decide', await input(id))).body).toMatchObject({ code: 'FRESH_SIGN_IN_NEEDED' })
    await desk.clock.advance(60_000)
    await hers.ask(ann)
    const code = /^ {2}(\w{4}-\w{4})$/m.exec((await lettersTo(desk, ann)).at(-1)?.body ?? '')?.[1]
    expect((await hers.post('/session/enter', { code })).status).toBe(200)
    expect((await hers.post('/session/decide', await input(id))).body).toMatchObject({ status: 'approved_and_sent', approvals_given: 2 })
    expect((await his.post('/session/decide', await input(other, 'reject'))).status).toBe(200)
  })

  it('counts a person and a key that is known to be theirs once, whichever comes first or both at once', async () => {
    const desk = await open()
    const { accountId } = desk.ours
    const [hers, his] = [await signedIn(desk, accountId, ann), await signedIn(desk, accountId, bo)]
    const { id: ownerId } = await desk.store.db.selectFrom('people').select('id').where('address_key', '=', ann).executeTakeFirstOrThrow()
    const issued = await desk.keys.issue({
      tenancy: { accountId, world: 'live' },
      name: 'hers',
      scopes: ['read', 'oversight'],
      ownerId,
    })
    if (!issued.ok) throw new Error(issued.code)
    const ways = {
      person: async (email_id: string) =>
        (await hers.post('/session/decide', { email_id, action: 'approve', content_hash: await hashOf(desk, email_id) })).body,
      key: async (email_id: string) => (await desk.call(issued.value.key, 'POST', '/decide_email', { email_id, action: 'approve' })).body,
    }
    const rows = (email: string) =>
      desk.store.db
        .selectFrom('hold_approvals')
        .select('voter_id')
        .where('email_id', '=', email as never)
        .execute()
    for (const order of [
      ['person', 'key'],
      ['key', 'person'],
    ] as const) {
      const id = await held(desk)
      expect(await ways[order[0]](id)).toMatchObject({ status: 'approved_in_part', approvals_given: 1 })
      expect(await ways[order[1]](id)).toMatchObject({ code: 'SAME_REVIEWER' })
      expect(await rows(id)).toEqual([{ voter_id: ownerId }])
      // Somebody else is the second.
      const other = await his.post('/session/decide', { email_id: id, action: 'approve', content_hash: await hashOf(desk, id) })
      expect(other.body).toMatchObject({ status: 'approved_and_sent', approvals_given: 2 })
    }
    const id = await held(desk)
    const both = await Promise.all([ways.person(id), ways.key(id)])
    expect(new Set(both.map((one) => one['code'] ?? one['status']))).toEqual(new Set(['SAME_REVIEWER', 'approved_in_part']))
    expect(await rows(id)).toEqual([{ voter_id: ownerId }])
  })

  it('has no link that approves it in a letter, and a link of before approves nothing', async () => {
    const desk = await open(false)
    await addTo(desk, desk.ours.accountId, ann)
    const id = await held(desk)
    const tell = async () => desk.approvalMail.jobs[0]?.work(desk.clock.now())
    await tell()
    const [, path] = /https:\/\/mail\.ours\.test(\/approve\/[\w-]{43})\n/.exec((await lettersTo(desk, ann))[0]?.body ?? '') ?? []
    // As if it had been mailed before it took two.
    await desk.store.db.updateTable('holds').set({ people: 2 }).execute()
    const page = await fetch(`${desk.url}${path}`)
    expect(await page.text()).not.toContain('value="approve"')
    const answer = await fetch(`${desk.url}${path}`, { method: 'POST', body: new URLSearchParams({ action: 'approve' }) })
    expect([answer.status, (await answer.text()).includes('15 minutes')]).toEqual([403, true])
    const no = await fetch(`${desk.url}${path}`, { method: 'POST', body: new URLSearchParams({ action: 'reject', reason_code: 'tone' }) })
    expect(no.status).toBe(200)

    await desk.store.db.updateTable('mailboxes').set({ policy_json }).where('id', '=', desk.ours.gated.id).execute()
    await desk.clock.advance(5 * 60_000)
    await held(desk)
    await tell()
    const letter = (await lettersTo(desk, ann)).at(-1)?.body ?? ''
    expect(letter).not.toContain('/approve/')
    expect(letter).toContain('2 people')
    expect(letter).toContain('https://mail.ours.test/session')
    expect(
      await desk.store.db
        .selectFrom('approval_links')
        .select('token_hash')
        .where('email_id', '!=', id as never)
        .execute(),
    ).toEqual([{ token_hash: null }])
  })

  it('is no matter of how long ago somebody signed in where one person is enough, nor for keys', async () => {
    const desk = await open(false)
    const hers = await signedIn(desk, desk.ours.accountId, ann)
    const id = await held(desk)
    await desk.clock.advance(freshForMs * 2)
    const input = { email_id: id, action: 'approve', content_hash: await hashOf(desk, id) }
    expect((await hers.post('/session/decide', input)).body).toMatchObject({ status: 'approved_and_sent' })
    const two = await held(desk)
    await desk.store.db
      .updateTable('holds')
      .set({ people: 2 })
      .where('email_id', '=', two as never)
      .execute()
    expect((await desk.call(desk.ours.keys.reviewer, 'POST', '/decide_email', { email_id: two, action: 'approve' })).status).toBe(200)
    expect((await openBrowser(desk).post('/session/decide', { ...input, email_id: two })).body).toMatchObject({ code: 'NOT_SIGNED_IN' })
  })
})
