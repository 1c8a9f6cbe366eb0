import { beforeEach, describe, expect, it } from 'vitest'
import { contentHash } from '../../server/model/envelope.ts'
import { newId } from '../../server/model/ids.ts'
import { silentLog } from '../../server/platform/log.ts'
import { type Submissions, createSubmissions } from '../../server/outbound/submit.ts'
import type { Store } from '../../server/store/db.ts'
import { emailById, envelopeOf } from '../../server/store/emails.ts'
import { eventsAfter } from '../../server/store/events.ts'
import { listLog } from '../../server/store/log.ts'
import { deliveriesOf } from '../../server/store/queue.ts'
import { type Office, address, openOffice } from '../support/offices.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const start = Date.UTC(2026, 10, 22, 12)
const hour = 3_600_000
const bo = address('bo@remote.test')

describeOnEachEngine('submission', (openStore) => {
  let store: Store
  let released: number
  let clock: ReturnType<typeof createVirtualClock>
  let submissions: Submissions

  beforeEach(async () => {
    store = await openStore()
    released = 0
    clock = createVirtualClock(start)
    submissions = createSubmissions({
      store,
      holdExpiryMs: 72 * hour,
      giveUpAfterMs: 120 * hour,
      clock,
      log: silentLog,
      onReleased: () => void (released += 1),
    })
  })

  const letterTo = (office: Office) => ({ mailbox: office.mailbox.id, to: [bo], subject: 'Hello', markdown: 'Hi **Bo**' })
  const count = async (
    table: 'emails' | 'threads' | 'holds' | 'releases' | 'deliveries' | 'log_entries' | 'events' | 'blobs' | 'attachments',
  ) =>
    Number(
      (
        await store.db
          .selectFrom(table)
          .select((it) => it.fn.countAll().as('n'))
          .executeTakeFirstOrThrow()
      ).n,
    )
  const actionsOf = async (office: Office) => (await listLog(store.db, office.tenancy, { limit: 50 })).map((it) => it.action).toReversed()
  const eventTypes = async () => (await eventsAfter(store.db, 0, 50)).map((it) => it.type)

  /** The submission went well. */
  const done = <T>(result: { ok: true; value: T } | { ok: false; code: string; detail?: string }): T => {
    if (!result.ok) throw new Error(`${result.code}: ${result.detail}`)
    return result.value
  }

  describe('in a gated mailbox', () => {
    it('holds the email, and nothing but a hold comes of it', async () => {
      const office = await openOffice(store, start)
      const sent = done(await submissions.send(office.agent, letterTo(office)))

      expect(sent).toMatchObject({ mailboxId: office.mailbox.id, status: 'pending_send_approval', replayed: false })
      expect(await store.db.selectFrom('holds').selectAll().executeTakeFirst()).toMatchObject({
        email_id: sent.id,
        content_hash: sent.contentHash,
        state: 'open',
        expires_at: start + 72 * hour,
        reason: expect.stringContaining('gated_send'),
      })
      expect(await count('releases')).toBe(0)
      expect(await count('deliveries')).toBe(0)
      expect(released).toBe(0)
      expect(await eventTypes()).toEqual(['oversight.pending'])
      expect(await actionsOf(office)).toEqual(['email.submitted', 'email.held'])
    })

    it('names what is stored by its content hash: the bytes and every recipient, Bcc too', async () => {
      const office = await openOffice(store, start)
      const hidden = address('hidden@remote.test')
      const sent = done(await submissions.send(office.agent, { ...letterTo(office), bcc: [hidden] }))
      const email = await emailById(store.db, sent.id)
      const bytes = await store.blobs.read(store.db, email!.raw_hash!)

      expect(envelopeOf(email!)).toEqual({ reversePath: office.mailbox.address, forwardPaths: [bo, hidden] })
      expect(contentHash(bytes!, envelopeOf(email!))).toBe(sent.contentHash)
      expect(contentHash(bytes!, { ...envelopeOf(email!), forwardPaths: [bo] })).not.toBe(sent.contentHash)
      expect(bytes!.toString().toLowerCase()).not.toContain('hidden')
      expect(bytes!.toString()).not.toMatch(/^(?:resent-)?bcc:/im)
    })
  })

  describe('where the gate lets it pass', () => {
    it('releases it by the rule of the mailbox, with one delivery for each recipient', async () => {
      const office = await openOffice(store, start, { mode: 'monitored' })
      const cc = [address('Bo@REMOTE.test'), address('cy@else.test')]
      const sent = done(await submissions.send(office.agent, { ...letterTo(office), cc }))

      expect(sent.status).toBe('sent')
      expect(await store.db.selectFrom('releases').selectAll().executeTakeFirst()).toMatchObject({
        email_id: sent.id,
        content_hash: sent.contentHash,
        kind: 'policy',
        decision_id: null,
        rule: expect.stringContaining('monitored'),
        prepended: 'Date: Sun, 22 Nov 2026 12:00:00 +0000\r\n',
      })
      expect(await deliveriesOf(store.db, sent.id)).toMatchObject([
        {
          forward_path: 'bo@remote.test',
          domain: 'remote.test',
          state: 'queued',
          next_attempt_at: start,
          give_up_at: start + 120 * hour,
        },
        { forward_path: 'cy@else.test', domain: 'else.test', state: 'queued' },
      ])
      expect(await count('holds')).toBe(0)
      expect(released).toBe(1)
      expect(await eventTypes()).toEqual(['message.sent'])
      expect(await actionsOf(office)).toEqual(['email.submitted', 'email.released'])
    })

    it('takes test mail through the same gate', async () => {
      const held = await openOffice(store, start, { world: 'test' })
      const free = await openOffice(store, start, { world: 'test', mode: 'autonomous' })
      expect(done(await submissions.send(held.agent, letterTo(held))).status).toBe('pending_send_approval')
      expect(done(await submissions.send(free.agent, letterTo(free))).status).toBe('sent')
    })

    it('asks the mode at the moment of the commit: lowered while composing, it holds', async () => {
      const office = await openOffice(store, start, { mode: 'autonomous' })
      const { stage } = store.blobs
      store.blobs.stage = async (bytes) => {
        await store.db.updateTable('mailboxes').set({ oversight_mode: 'gated_send' }).execute()
        return stage(bytes)
      }
      expect(done(await submissions.send(office.agent, letterTo(office))).status).toBe('pending_send_approval')
      expect(await count('deliveries')).toBe(0)
    })
  })

  it('refuses everything but reading in a read_only mailbox, with the rule', async () => {
    const office = await openOffice(store, start, { mode: 'read_only' })
    const { id } = await office.arrived()
    const refusal = { ok: false, code: 'READ_ONLY_MAILBOX', detail: expect.stringContaining('read_only') }
    expect(await submissions.send(office.agent, letterTo(office))).toMatchObject(refusal)
    expect(await submissions.reply(office.agent, { email: id, markdown: 'x' })).toMatchObject(refusal)
    expect(await submissions.draftReply(office.agent, { email: id, markdown: 'x' })).toMatchObject(refusal)
    expect(await count('emails')).toBe(1)
  })

  it('leaves no trace of an email whose entry on the log cannot be written', async () => {
    const office = await openOffice(store, start, { mode: 'autonomous' })
    await store.db.deleteFrom('log_head').execute()
    await expect(submissions.send(office.agent, letterTo(office))).rejects.toThrow()
    for (const table of ['emails', 'threads', 'releases', 'deliveries', 'events', 'blobs', 'log_entries'] as const)
      expect(await count(table)).toBe(0)
    expect(released).toBe(0)
  })

  describe('an idempotency key', () => {
    it('gives the first email again, however often it comes', async () => {
      const office = await openOffice(store, start)
      const input = {
        ...letterTo(office),
        idempotencyKey: 'k1',
        attachments: [{ name: 'a.txt', contentType: 'text/plain', content: Buffer.from('a') }],
      }
      const first = done(await submissions.send(office.agent, input))
      const again = done(await submissions.send(office.agent, input))
      expect(again).toEqual({ ...first, rule: null, replayed: true })
      expect(await count('emails')).toBe(1)
      expect(await count('holds')).toBe(1)
    })

    it('makes one email of many calls at once', async () => {
      const office = await openOffice(store, start, { mode: 'autonomous' })
      const input = { ...letterTo(office), idempotencyKey: 'k1' }
      const all = (await Promise.all(Array.from({ length: 8 }, () => submissions.send(office.agent, input)))).map(done)
      expect(new Set(all.map((it) => it.id)).size).toBe(1)
      expect(all.filter((it) => !it.replayed)).toHaveLength(1)
      expect(await count('emails')).toBe(1)
      expect(await count('deliveries')).toBe(1)
      expect(released).toBe(1)
    })

    it('is refused for another email: text, recipients, hidden ones or files differ', async () => {
      const office = await openOffice(store, start)
      const input = { ...letterTo(office), idempotencyKey: 'k1' }
      const else_ = [address('else@remote.test')]
      await submissions.send(office.agent, input)
      for (const change of [
        { subject: 'Other' },
        { markdown: 'Other' },
        { to: else_ },
        { cc: else_ },
        { bcc: else_ },
        { attachments: [{ name: 'a.txt', contentType: 'text/plain', content: Buffer.from('a') }] },
      ]) {
        expect(await submissions.send(office.agent, { ...input, ...change })).toMatchObject({ ok: false, code: 'IDEMPOTENCY_CONFLICT' })
      }
      expect(await count('emails')).toBe(1)
    })

    it('counts in its own mailbox only', async () => {
      const [one, other] = [await openOffice(store, start), await openOffice(store, start)]
      await submissions.send(one.agent, { ...letterTo(one), idempotencyKey: 'k1' })
      expect(await submissions.send(other.agent, { ...letterTo(other), markdown: 'Other', idempotencyKey: 'k1' })).toMatchObject({
        ok: true,
      })
    })
  })

  describe('a reply', () => {
    it('goes to the sender, in the thread, with the references of RFC 5322', async () => {
      const office = await openOffice(store, start)
      const question = await office.arrived({ references_json: '["<root@remote.test>"]' })
      const sent = done(await submissions.reply(office.agent, { email: question.id, markdown: 'Ten.' }))

      expect(sent.threadId).toBe(question.thread_id)
      const email = await emailById(store.db, sent.id)
      expect(email).toMatchObject({
        subject: 'Re: Question',
        in_reply_to: '<question@remote.test>',
        to_json: '[{"address":"bo@remote.test"}]',
      })
      const text = (await store.blobs.read(store.db, email!.raw_hash!))!.toString()
      expect(text).toContain('In-Reply-To: <question@remote.test>\r\n')
      expect(text).toContain('References: <root@remote.test> <question@remote.test>\r\n')
    })

    it('goes to Reply-To when there is one', async () => {
      const office = await openOffice(store, start)
      const question = await office.arrived({ reply_to_json: '[{"address":"desk@remote.test"}]' })
      const sent = done(await submissions.reply(office.agent, { email: question.id, markdown: 'Ten.' }))
      expect((await emailById(store.db, sent.id))!.to_json).toBe('[{"address":"desk@remote.test"}]')
    })

    it('to our own sent mail goes to those we wrote to', async () => {
      const office = await openOffice(store, start, { mode: 'autonomous' })
      const first = done(await submissions.send(office.agent, letterTo(office)))
      const more = done(await submissions.reply(office.agent, { email: first.id, markdown: 'One more thing.' }))
      expect(more.threadId).toBe(first.threadId)
      expect((await emailById(store.db, more.id))!.to_json).toBe('[{"address":"bo@remote.test"}]')
    })

    it('to what has not left is refused: nobody has got it', async () => {
      const office = await openOffice(store, start)
      const first = done(await submissions.send(office.agent, letterTo(office)))
      expect(await submissions.reply(office.agent, { email: first.id, markdown: 'x' })).toMatchObject({ ok: false, code: 'NOT_REPLIABLE' })
    })

    it('to mail that a reviewer has not let in finds nothing: the agent may not know of it', async () => {
      const office = await openOffice(store, start)
      for (const status of ['pending_inbound_approval', 'rejected', 'expired'] as const) {
        const { id } = await office.arrived({ status })
        expect(await submissions.reply(office.agent, { email: id, markdown: 'x' })).toMatchObject({ ok: false, code: 'EMAIL_NOT_FOUND' })
        expect(await submissions.draftReply(office.agent, { email: id, markdown: 'x' })).toMatchObject({
          ok: false,
          code: 'EMAIL_NOT_FOUND',
        })
      }
    })

    it('to a mail without a usable sender says so', async () => {
      const office = await openOffice(store, start)
      const { id } = await office.arrived({ from_address: '' })
      expect(await submissions.reply(office.agent, { email: id, markdown: 'x' })).toMatchObject({ ok: false, code: 'INVALID_RECIPIENT' })
    })
  })

  describe('a draft', () => {
    const file = { name: 'offer.txt', contentType: 'text/plain', content: Buffer.from('ten') }

    it('is written down in the thread and goes nowhere', async () => {
      const office = await openOffice(store, start, { mode: 'autonomous' })
      const question = await office.arrived()
      const draft = done(await submissions.draftReply(office.agent, { email: question.id, markdown: 'Ten?', attachments: [file] }))
      expect(draft).toMatchObject({ threadId: question.thread_id, status: 'draft', contentHash: null })
      expect(await emailById(store.db, draft.id)).toMatchObject({
        raw_hash: null,
        content_hash: null,
        message_id: null,
        forward_paths_json: '[]',
      })
      for (const table of ['holds', 'releases', 'deliveries', 'events'] as const) expect(await count(table)).toBe(0)
      expect(await actionsOf(office)).toEqual(['email.drafted'])
    })

    it('may be made wherever the agent may do more than read', async () => {
      for (const mode of ['gated_all', 'gated_send', 'monitored', 'autonomous'] as const) {
        const office = await openOffice(store, start, { mode })
        const { id } = await office.arrived()
        expect(await submissions.draftReply(office.agent, { email: id, markdown: 'x' })).toMatchObject({ ok: true })
      }
    })

    it('can be sent as it stands, through the gate, once', async () => {
      const office = await openOffice(store, start)
      const question = await office.arrived()
      const draft = done(await submissions.draftReply(office.agent, { email: question.id, markdown: 'Ten?', attachments: [file] }))
      const sent = done(await submissions.sendDraft(office.agent, { draft: draft.id }))

      expect(sent).toMatchObject({ id: draft.id, status: 'pending_send_approval', threadId: question.thread_id })
      const email = await emailById(store.db, draft.id)
      const text = (await store.blobs.read(store.db, email!.raw_hash!))!.toString()
      expect(text).toContain('Ten?')
      expect(text).toContain('offer.txt')
      expect(text).toContain('In-Reply-To: <question@remote.test>')
      expect(await submissions.sendDraft(office.agent, { draft: draft.id })).toMatchObject({ ok: false, code: 'NOT_A_DRAFT' })
    })

    it('sent by many at once becomes one submission', async () => {
      const office = await openOffice(store, start, { mode: 'autonomous' })
      const question = await office.arrived()
      const { id } = done(await submissions.draftReply(office.agent, { email: question.id, markdown: 'Ten?' }))
      const all = await Promise.all(Array.from({ length: 6 }, () => submissions.sendDraft(office.agent, { draft: id })))
      expect(all.filter((it) => it.ok)).toHaveLength(1)
      expect(await count('deliveries')).toBe(1)
      expect(await count('releases')).toBe(1)
    })
  })

  describe('cancelling', () => {
    it('takes back what waits for approval', async () => {
      const office = await openOffice(store, start)
      const { id } = done(await submissions.send(office.agent, letterTo(office)))
      expect(await submissions.cancel(office.agent, { email: id })).toMatchObject({
        ok: true,
        value: { status: 'cancelled', replayed: false },
      })
      expect(await store.db.selectFrom('holds').selectAll().executeTakeFirst()).toMatchObject({ state: 'cancelled', ended_at: start })
      expect(await actionsOf(office)).toEqual(['email.submitted', 'email.held', 'email.cancelled'])
    })

    it('discards a draft', async () => {
      const office = await openOffice(store, start)
      const question = await office.arrived()
      const { id } = done(await submissions.draftReply(office.agent, { email: question.id, markdown: 'x' }))
      expect(await submissions.cancel(office.agent, { email: id })).toMatchObject({ ok: true, value: { status: 'cancelled' } })
      expect(await submissions.sendDraft(office.agent, { draft: id })).toMatchObject({ ok: false, code: 'NOT_A_DRAFT' })
    })

    it('again changes nothing and is fine', async () => {
      const office = await openOffice(store, start)
      const { id } = done(await submissions.send(office.agent, letterTo(office)))
      await submissions.cancel(office.agent, { email: id })
      expect(await submissions.cancel(office.agent, { email: id })).toMatchObject({
        ok: true,
        value: { status: 'cancelled', replayed: true },
      })
      expect((await actionsOf(office)).filter((it) => it === 'email.cancelled')).toHaveLength(1)
    })

    it('comes too late for what was released', async () => {
      const office = await openOffice(store, start, { mode: 'autonomous' })
      const { id } = done(await submissions.send(office.agent, letterTo(office)))
      expect(await submissions.cancel(office.agent, { email: id })).toMatchObject({
        ok: false,
        code: 'NOT_CANCELLABLE',
        detail: expect.stringContaining('sent'),
      })
    })

    it('is not for mail that arrived', async () => {
      const office = await openOffice(store, start)
      const { id } = await office.arrived({ status: 'pending_inbound_approval' })
      expect(await submissions.cancel(office.agent, { email: id })).toMatchObject({ ok: false, code: 'EMAIL_NOT_FOUND' })
    })
  })

  describe('what belongs to somebody else does not exist', () => {
    it('to another account, another world, a key bound to another mailbox', async () => {
      const office = await openOffice(store, start)
      const question = await office.arrived()
      const { id: draft } = done(await submissions.draftReply(office.agent, { email: question.id, markdown: 'x' }))
      const strangers = [
        (await openOffice(store, start)).agent,
        office.key({ world: 'test' }),
        office.key({ mailboxIds: [newId('mailbox', start)] }),
      ]
      const before = await count('emails')
      for (const stranger of strangers) {
        expect(await submissions.send(stranger, letterTo(office))).toMatchObject({ code: 'MAILBOX_NOT_FOUND' })
        expect(await submissions.reply(stranger, { email: question.id, markdown: 'x' })).toMatchObject({ code: 'EMAIL_NOT_FOUND' })
        expect(await submissions.draftReply(stranger, { email: question.id, markdown: 'x' })).toMatchObject({ code: 'EMAIL_NOT_FOUND' })
        expect(await submissions.sendDraft(stranger, { draft })).toMatchObject({ code: 'EMAIL_NOT_FOUND' })
        expect(await submissions.cancel(stranger, { email: draft })).toMatchObject({ code: 'EMAIL_NOT_FOUND' })
      }
      expect(await count('emails')).toBe(before)
    })

    it('an inactive mailbox, and an email named in the wrong mailbox', async () => {
      const office = await openOffice(store, start)
      const question = await office.arrived()
      const elsewhere = await openOffice(store, start)
      expect(await submissions.reply(office.agent, { email: question.id, mailbox: elsewhere.mailbox.id, markdown: 'x' })).toMatchObject({
        code: 'EMAIL_NOT_FOUND',
      })
      await store.db.updateTable('mailboxes').set({ is_active: 0 }).execute()
      expect(await submissions.send(office.agent, letterTo(office))).toMatchObject({ code: 'MAILBOX_NOT_FOUND' })
      expect(await submissions.reply(office.agent, { email: question.id, markdown: 'x' })).toMatchObject({ code: 'MAILBOX_NOT_FOUND' })
    })
  })
})
