import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import type { MailboxId } from '../../server/model/ids.ts'
import { emailById } from '../../server/store/emails.ts'
import { eventsAfter } from '../../server/store/events.ts'
import { listLog } from '../../server/store/log.ts'
import { ann, lettersTo, signedIn } from '../support/browser.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const [hour, minute] = [3_600_000, 60_000]
let count = 0

async function held(desk: Desk, more: object = {}): Promise<string> {
  const letter = { mailbox_id: desk.ours.gated.id, to: ['cy@remote.test'], bcc: ['di@remote.test'], subject: `Offer ${(count += 1)}` }
  const { status, body } = await desk.call(desk.ours.keys.agent, 'POST', '/send_email', { ...letter, markdown: 'It costs 5.', ...more })
  if (status !== 200 || body['status'] !== 'pending_approval') throw new Error(JSON.stringify(body))
  return String(body['id'])
}
const emailOf = async (desk: Desk, id: string) => (await emailById(desk.store.db, id as never)) ?? expect.fail('gone')
const hashOf = async (desk: Desk, id: string) => String((await emailOf(desk, id)).content_hash)
const edit = async (desk: Desk, email_id: string, changes: object, key = desk.ours.keys.reviewer) =>
  desk.call(key, 'POST', '/edit_held_email', { email_id, content_hash: await hashOf(desk, email_id), ...changes })
const decide = (desk: Desk, email_id: string, key = desk.ours.keys.reviewer, more: object = {}) =>
  desk.call(key, 'POST', '/decide_email', { email_id, action: 'approve', ...more })
const another = (desk: Desk) => desk.key({ scopes: ['read', 'oversight'] })
const review = async (desk: Desk, id: string) => (await desk.call(desk.ours.keys.reviewer, 'GET', `/review_email?email_id=${id}`)).body
const holdsOf = ({ store }: Desk, id: string) =>
  store.db
    .selectFrom('holds')
    .selectAll()
    .where('email_id', '=', id as never)
    .orderBy('id')
    .execute()
const count_ = async ({ store }: Desk, table: 'releases' | 'deliveries' | 'hold_approvals' | 'email_versions') =>
  (await store.db.selectFrom(table).selectAll().execute()).length
const setPolicy = ({ store }: Desk, id: MailboxId, rules: object[]) =>
  store.db
    .updateTable('mailboxes')
    .set({ policy_json: JSON.stringify(rules) })
    .where('id', '=', id)
    .execute()

describeOnEachEngine('a reviewer’s change of a held email', (openStore) => {
  it('is composed anew under a new hash, and what is approved then is what leaves', async () => {
    const desk = await openDesk(openStore)
    const id = await held(desk)
    const before = await emailOf(desk, id)
    await desk.clock.advance(hour)
    const answer = await edit(desk, id, { subject: 'A better offer', markdown: 'It costs **6**.' })
    expect(answer).toMatchObject({ status: 200, body: { previous_content_hash: before.content_hash, approvals_needed: 1, findings: [] } })
    const after = await emailOf(desk, id)
    expect(answer.body['content_hash']).toBe(after.content_hash)
    expect(after.content_hash).not.toBe(before.content_hash)
    expect(after).toMatchObject({
      status: 'pending_send_approval',
      subject: 'A better offer',
      markdown: 'It costs **6**.',
      composer_id: before.composer_id,
      forward_paths_json: before.forward_paths_json,
      received_at: before.received_at,
      thread_id: before.thread_id,
      oversight_said: 'approved',
    })
    expect(await review(desk, id)).toMatchObject({ is_unchanged: true, as_sent: { text: { content: expect.stringContaining('**6**') } } })
    const [first, second] = await holdsOf(desk, id)
    expect([first?.state, second?.state, second?.expires_at]).toEqual(['cancelled', 'open', first?.expires_at])
    // Nothing of the old content is decided on any more.
    const other = await another(desk)
    expect(await decide(desk, id, other, { content_hash: before.content_hash })).toMatchObject({ body: { code: 'CONTENT_CHANGED' } })
    expect((await decide(desk, id, other, { content_hash: after.content_hash })).body).toMatchObject({ status: 'approved_and_sent' })
    const [release] = await desk.store.db.selectFrom('releases').selectAll().execute()
    expect(release).toMatchObject({ content_hash: after.content_hash, kind: 'approval' })
    // Its agent sees what was sent.
    expect((await desk.call(desk.ours.keys.agent, 'GET', `/read_email?email_id=${id}`)).body).toMatchObject({ subject: 'A better offer' })
  })

  it('keeps both versions, with their bytes, and shows word by word what differs', async () => {
    const desk = await openDesk(openStore)
    const id = await held(desk)
    const before = await emailOf(desk, id)
    await edit(desk, id, { markdown: 'It costs 6.' })
    await edit(desk, id, { subject: 'Last', markdown: 'It costs 6, net.' }, await another(desk))
    const shown = await review(desk, id)
    expect(shown).toMatchObject({
      versions: [{ content_hash: before.content_hash, body_markdown: 'It costs 5.' }, { body_markdown: 'It costs 6.' }],
      differences: {
        from: 'agent_version',
        content_hash: before.content_hash,
        text: [
          {
            kind: 'same',
            text: 'It costs ',
          },
          {
            kind: 'removed',
            text: '5',
          },
          {
            kind: 'added',
            text: '6, net',
          },
          {
            kind: 'same',
            text: '.',
          },
        ],
      },
    })
    const raw = (key: string, hash: string) => desk.call(key, 'GET', `/get_email_raw?email_id=${id}&content_hash=${hash}`)
    const old = await raw(desk.ours.keys.reviewer, String(before.content_hash))
    const bytes = Buffer.from(String(old.body['content_base64']), 'base64')
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(before.raw_hash)
    expect(bytes.toString()).toContain('It costs 5.')
    expect(await raw(desk.ours.keys.agent, String(before.content_hash))).toMatchObject({ body: { code: 'NO_MESSAGE' } })
    expect(await raw(desk.theirs.keys.reviewer, String(before.content_hash))).toMatchObject({ status: 404 })
    expect(await raw(desk.ours.keys.reviewer, 'f'.repeat(64))).toMatchObject({ body: { code: 'NO_MESSAGE' } })
    const log = (await listLog(desk.store.db, desk.ours.gated.tenancy, { limit: 50 })).toReversed()
    const edits = log.filter(({ action }) => action === 'email.edited')
    expect(edits[0]).toMatchObject({
      metadata: { previous_content_hash: before.content_hash, version: 2 },
      details: { to: ['cy@remote.test'] },
    })
    expect(edits[1]?.metadata).toMatchObject({
      previous_content_hash: edits[0]?.metadata['content_hash'],
      content_hash: await hashOf(desk, id),
    })
    // What is hashed for ever has none of the words.
    expect(JSON.stringify(edits.map(({ metadata }) => metadata))).not.toMatch(/costs|remote\.test|Last/)
    expect((await eventsAfter(desk.store.db, 0, 50)).map(({ type }) => type)).toEqual([
      'oversight.pending',
      'oversight.edited',
      'oversight.pending',
      'oversight.edited',
      'oversight.pending',
    ])
  })

  it('shows what differs from the email whose place it takes, too', async () => {
    const desk = await openDesk(openStore)
    const id = await held(desk)
    await decide(desk, id, desk.ours.keys.reviewer, { action: 'redo', reason_code: 'tone' })
    const next = await held(desk, { replaces: id, markdown: 'It costs just 5.' })
    expect((await review(desk, next))['differences']).toMatchObject({
      from: 'replaced_email',
      email_id: id,
      text: [
        {
          kind: 'same',
          text: 'It costs ',
        },
        {
          kind: 'added',
          text: 'just ',
        },
        {
          kind: 'same',
          text: '5.',
        },
      ],
    })
  })

  it('is approved by a person who made it, where one is enough; a key that made it is not who approves it', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId, ann)
    const id = await held(desk)
    const { content_hash } = (await browser.get(`/session/pending/${id}`)).body
    const edited = await browser.post('/session/edit', { email_id: id, content_hash, markdown: 'It costs 6.' })
    expect(edited).toMatchObject({ status: 200, body: { previous_content_hash: content_hash } })
    expect((await browser.get(`/session/pending/${id}`)).body).toMatchObject({ edited_by: [expect.stringMatching(/^per_/)] })
    expect((await browser.get(`/session/review/${id}`)).body).toMatchObject({ differences: { from: 'agent_version' } })
    const yes = { email_id: id, action: 'approve', content_hash: edited.body['content_hash'] }
    expect(await browser.post('/session/decide', { ...yes, content_hash })).toMatchObject({ body: { code: 'CONTENT_CHANGED' } })
    expect((await browser.post('/session/decide', yes)).body).toMatchObject({ status: 'approved_and_sent' })

    const own = await held(desk)
    await edit(desk, own, { markdown: 'It costs 7.' })
    expect(await decide(desk, own)).toMatchObject({ status: 403, body: { code: 'SELF_APPROVAL' } })
    expect((await listLog(desk.store.db, desk.ours.gated.tenancy, { limit: 1 }))[0]).toMatchObject({
      action: 'approval.refused',
      metadata: { code: 'SELF_APPROVAL', asked: 'approve' },
    })
    // Nor when another changed it since; it may still say no.
    const other = await another(desk)
    await edit(desk, own, { markdown: 'It costs 8.' }, other)
    for (const key of [desk.ours.keys.reviewer, other])
      expect(await decide(desk, own, key)).toMatchObject({ body: { code: 'SELF_APPROVAL' } })
    expect((await decide(desk, own, await another(desk))).body).toMatchObject({ status: 'approved_and_sent' })
    const refused = await held(desk)
    await edit(desk, refused, { markdown: 'It costs 9.' })
    expect((await decide(desk, refused, desk.ours.keys.reviewer, { action: 'reject' })).status).toBe(200)
  })

  it('voids the approvals that were given, and of several people the others approve the new content', async () => {
    const desk = await openDesk(openStore)
    await setPolicy(desk, desk.ours.gated.id, [{ who: '*', outcome: 'hold_for_two' }])
    const [her, him, third] = [desk.ours.keys.reviewer, await another(desk), await another(desk)]
    const id = await held(desk)
    expect((await decide(desk, id, her)).body).toMatchObject({ status: 'approved_in_part' })
    expect(await edit(desk, id, { markdown: 'It costs 6.' }, him)).toMatchObject({ body: { approvals_needed: 2 } })
    const { body } = await desk.call(her, 'GET', '/list_pending')
    expect(body['pending']).toMatchObject([{ approved_by: [], approval_state: 'approved by 0 of 2', edited_by: [expect.any(String)] }])
    expect(await decide(desk, id, him)).toMatchObject({ status: 403, body: { code: 'SELF_APPROVAL' } })
    expect((await decide(desk, id, her)).body).toMatchObject({ status: 'approved_in_part', approvals_given: 1 })
    expect(await count_(desk, 'releases')).toBe(0)
    expect((await decide(desk, id, third)).body).toMatchObject({ status: 'approved_and_sent' })
    // A person who changed it is no second one either, by whatever key of theirs.
    const browser = await signedIn(desk, desk.ours.accountId, ann)
    const { id: ownerId } = await desk.store.db.selectFrom('people').select('id').executeTakeFirstOrThrow()
    const tenancy = { accountId: desk.ours.accountId, world: 'live' } as const
    const issued = await desk.keys.issue({ tenancy, name: 'hers', scopes: ['read', 'oversight'], ownerId })
    if (!issued.ok) throw new Error(issued.code)
    const next = await held(desk)
    await browser.post('/session/edit', { email_id: next, content_hash: await hashOf(desk, next), markdown: 'Mine.' })
    expect(await decide(desk, next, issued.value.key)).toMatchObject({ body: { code: 'SELF_APPROVAL' } })
    const yes = { email_id: next, action: 'approve', content_hash: await hashOf(desk, next) }
    expect((await browser.post('/session/decide', yes)).body).toMatchObject({ code: 'SELF_APPROVAL' })
  })

  it('is looked through as what an agent hands in: what may not leave is refused, and what takes two people takes them', async () => {
    const desk = await openDesk(openStore)
    const id = await held(desk)
    const before = await hashOf(desk, id)
    const key = `-----BEGIN PRIVATE KEY-----\n${'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\n'.repeat(3)}-----END PRIVATE KEY-----`
    expect(await edit(desk, id, { markdown: key })).toMatchObject({ status: 422, body: { code: 'CONTENT_BLOCKED' } })
    expect(await hashOf(desk, id)).toBe(before)
    expect((await edit(desk, id, { markdown: 'Pay with 4111 1111 1111 1111.' })).body).toMatchObject({
      findings: [{ kind: 'card_number' }],
    })
    expect((await desk.call(desk.ours.keys.reviewer, 'GET', '/list_pending')).body['pending']).toMatchObject([
      { findings: [{ kind: 'card_number' }] },
    ])
    await setPolicy(desk, desk.ours.gated.id, [{ who: '*', has: ['links'], outcome: 'hold_for_two' }])
    expect((await edit(desk, id, { markdown: 'See https://example.org.' })).body).toMatchObject({ approvals_needed: 2 })
    // And does not take one again when that is gone.
    expect((await edit(desk, id, { markdown: 'See us.' }, await another(desk))).body).toMatchObject({ approvals_needed: 2 })
  })

  it('is refused of what does not wait, was changed meanwhile, or is no reviewer’s to change', async () => {
    const desk = await openDesk(openStore)
    const id = await held(desk)
    const code = async (answer: Promise<{ body: Record<string, unknown> }>) => (await answer).body['code']
    const { agent, admin, reviewer } = desk.ours.keys
    for (const key of [agent, admin]) expect(await code(edit(desk, id, { markdown: 'x' }, key))).toBe('SCOPE_MISSING')
    expect(await code(edit(desk, id, { markdown: 'x' }, desk.theirs.keys.reviewer))).toBe('EMAIL_NOT_FOUND')
    expect(await code(edit(desk, id, {}))).toBe('NOTHING_CHANGED')
    expect(await code(edit(desk, id, { subject: 'a\nb' }))).toBe('BAD_INPUT')
    expect(await code(edit(desk, id, { markdown: 'x', content_hash: 'f'.repeat(64) }))).toBe('CONTENT_CHANGED')
    expect(await code(edit(desk, id, { markdown: 'x', to: ['eve@evil.test'] }))).toBe('BAD_INPUT')
    expect(await code(desk.call(reviewer, 'POST', '/edit_held_email', { email_id: id, markdown: 'x' }))).toBe('BAD_INPUT')
    const arriving = await desk.receive(desk.ours.guarded, { status: 'pending_inbound_approval' })
    expect(await code(edit(desk, arriving.id, { markdown: 'x' }))).toBe('EDIT_NOT_POSSIBLE')
    const late = await held(desk)
    await decide(desk, id)
    expect(await code(edit(desk, id, { markdown: 'x' }))).toBe('NOT_PENDING')
    await desk.clock.advance(72 * hour)
    expect(await code(edit(desk, late, { markdown: 'x' }))).toBe('HOLD_EXPIRED')
    expect(await count_(desk, 'email_versions')).toBe(0)
  })

  it('is refused when what is stored is no longer what was held', async () => {
    const desk = await openDesk(openStore)
    const id = await held(desk)
    const hash = await hashOf(desk, id)
    await desk.store.db
      .updateTable('emails')
      .set({ forward_paths_json: '["eve@evil.test"]' })
      .where('id', '=', id as never)
      .execute()
    expect(await edit(desk, id, { markdown: 'x', content_hash: hash })).toMatchObject({ body: { code: 'CONTENT_CHANGED' } })
  })

  it('makes links of before worth nothing, and there are others', async () => {
    const desk = await openDesk(openStore)
    await signedIn(desk, desk.ours.accountId, ann)
    const id = await held(desk)
    const link = async () => {
      await desk.approvalMail.jobs[0]?.work(desk.clock.now())
      return /https:\/\/mail\.ours\.test(\/approve\/[\w-]{43})\n/.exec((await lettersTo(desk, ann)).at(-1)?.body ?? '')?.[1] ?? 'none'
    }
    const yes = async (path: string) => {
      const answer = await fetch(desk.url + path, { method: 'POST', body: new URLSearchParams({ action: 'approve' }) })
      return [answer.status, await answer.text()] as const
    }
    const old = await link()
    await edit(desk, id, { markdown: 'It costs 6.' })
    const [status, text] = await yes(old)
    expect([status, text.includes('The content changed')]).toEqual([404, true])
    expect(await count_(desk, 'releases')).toBe(0)
    await desk.clock.advance(5 * minute)
    expect((await yes(await link()))[0]).toBe(200)
    expect(await count_(desk, 'releases')).toBe(1)
  })

  it('does not take an idempotency key from the agent that handed it in', async () => {
    const desk = await openDesk(openStore)
    const mail = { subject: 'Once', idempotency_key: 'once-1' }
    const id = await held(desk, mail)
    await edit(desk, id, { subject: 'Twice', markdown: 'It costs 6.' })
    const letter = { mailbox_id: desk.ours.gated.id, to: ['cy@remote.test'], bcc: ['di@remote.test'], markdown: 'It costs 5.', ...mail }
    const again = await desk.call(desk.ours.keys.agent, 'POST', '/send_email', letter)
    expect(again).toMatchObject({ status: 200, body: { id, idempotent: true } })
    const other = await desk.call(desk.ours.keys.agent, 'POST', '/send_email', { ...letter, markdown: 'Other' })
    expect(other.body).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })
  })

  it('is bounded in how often', { timeout: 60_000 }, async () => {
    const desk = await openDesk(openStore)
    const id = await held(desk)
    for (let n = 0; n < 20; n += 1) expect((await edit(desk, id, { markdown: `Version ${n}` })).status).toBe(200)
    expect(await edit(desk, id, { markdown: 'One more' })).toMatchObject({ status: 409, body: { code: 'EDIT_NOT_POSSIBLE' } })
    expect(await count_(desk, 'email_versions')).toBe(20)
  })

  it('goes with its email', async () => {
    const desk = await openDesk(openStore)
    const { test, testAdmin } = desk.ours.keys
    const letter = { mailbox_id: desk.ours.test.id, to: ['cy@remote.test'], subject: 'Test', markdown: 'It costs 5.' }
    const id = String((await desk.call(test, 'POST', '/send_email', letter)).body['id'])
    const issued = await desk.keys.issue({ tenancy: desk.ours.test.tenancy, name: 'of a test', scopes: ['read', 'oversight'] })
    if (!issued.ok) throw new Error(issued.code)
    expect((await edit(desk, id, { markdown: 'It costs 6.' }, issued.value.key)).status).toBe(200)
    expect((await desk.call(testAdmin, 'POST', '/reset_sandbox', {})).status).toBe(200)
    expect(await count_(desk, 'email_versions')).toBe(0)
  })
})

describeOnEachEngine('a reviewer’s change at the same moment as', (openStore) => {
  it('another change, an approval, a no, a cancellation: what leaves is what was approved', { timeout: 120_000 }, async () => {
    const desk = await openDesk(openStore)
    const [first, second] = [desk.ours.keys.reviewer, await another(desk)]
    for (let round = 0; round < 6; round += 1) {
      const id = await held(desk)
      const content_hash = await hashOf(desk, id)
      const rivals = [
        () => edit(desk, id, { markdown: 'It costs 6.', content_hash }, first),
        () => edit(desk, id, { markdown: 'It costs 7.', content_hash }, second),
        () => decide(desk, id, second, { content_hash }),
        ...(round % 2 === 0 ? [() => desk.call(desk.ours.keys.agent, 'POST', '/cancel_message', { email_id: id })] : []),
      ]
      const order = rivals.map((_, place) => (place + round) % rivals.length)
      const answers = new Map(await Promise.all(order.map(async (which) => [which, await rivals[which]?.()] as const)))
      const won = (which: number) => answers.get(which)?.status === 200
      const email = await emailOf(desk, id)
      const holds = await holdsOf(desk, id)
      expect(holds.filter(({ state }) => state === 'open').length).toBe(email.status === 'pending_send_approval' ? 1 : 0)
      // Of two changes of one content one is made; an approval of that content and a change exclude each other.
      expect([0, 1].filter(won).length).toBeLessThan(2)
      if (won(2)) {
        expect([won(0), won(1)]).toEqual([false, false])
        const [release] = await desk.store.db
          .selectFrom('releases')
          .selectAll()
          .where('email_id', '=', id as never)
          .execute()
        expect([release?.content_hash, email.content_hash, email.markdown]).toEqual([content_hash, content_hash, 'It costs 5.'])
      } else
        expect(
          await desk.store.db
            .selectFrom('releases')
            .select('id')
            .where('email_id', '=', id as never)
            .execute(),
        ).toEqual([])
      if (won(0) || won(1)) expect(email.markdown).toBe(won(0) ? 'It costs 6.' : 'It costs 7.')
      for (const which of [0, 1, 2]) if (!won(which)) expect(['CONTENT_CHANGED', 'NOT_PENDING']).toContain(answers.get(which)?.body['code'])
    }
  })
})
