import { expect, it } from 'vitest'
import { openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

type Conversation = { message_count: number; messages: { id: string; text: string }[] }

describeOnEachEngine('what a stranger sends to break, flood or get round a reading', (openStore) => {
  it('a text that is cut inside a character leaves the conversation readable', async () => {
    const desk = await openDesk(openStore)
    const mail = await desk.receive(desk.ours.gated, { text: `${'a'.repeat(16_383)}\u{1f600} and more` })
    const { status, body } = await desk.call(desk.ours.keys.agent, 'GET', `/get_thread?thread_id=${mail.thread_id}`)
    expect([status, body]).toMatchObject([200, { messages: [{ id: mail.id, is_cut: true, text: `${'a'.repeat(16_383)}\ufffd` }] }])
  })

  it('of a conversation that somebody flooded only the newest are read from the store', async () => {
    const desk = await openDesk(openStore)
    const first = await desk.receive(desk.ours.gated)
    const rows = Array.from({ length: 150 }, (_, at) => ({ ...first, id: `em_7${'Z'.repeat(21)}${1000 + at}` }))
    await desk.store.transaction(
      async (tx) =>
        void (await tx
          .insertInto('emails')
          .values(rows as (typeof first)[])
          .execute()),
    )
    const { body } = await desk.call(desk.ours.keys.agent, 'GET', `/get_thread?thread_id=${first.thread_id}`)
    const { message_count, messages } = body as Conversation
    expect([message_count, messages.length, messages.at(-1)?.id]).toEqual([151, 100, rows.at(-1)?.id])
  })

  it('what is in quarantine is in no conversation, and is read only by who asks for it', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const mail = await desk.receive(gated)
    const forged = await desk.receive(gated, { threadId: mail.thread_id, status: 'spam_quarantined', from: 'ceo@bank.test' })
    const alone = await desk.receive(gated, { status: 'spam_quarantined' })
    const thread = (key: string, id: string) => desk.call(key, 'GET', `/get_thread?thread_id=${id}`)
    expect((await thread(keys.agent, mail.thread_id)).body).toMatchObject({
      message_count: 1,
      messages: [{ id: mail.id }],
      participants: ['ann@remote.test', gated.address],
    })
    expect((await thread(keys.agent, alone.thread_id)).status).toBe(404)
    expect((await desk.call(keys.agent, 'GET', `/read_email?email_id=${forged.id}`)).status).toBe(200)
    expect((await thread(keys.reviewer, mail.thread_id)).body).toMatchObject({ messages: [{ id: mail.id }, { id: forged.id }] })
  })

  it('of what waits for a reviewer an agent sees no list of addresses that the sender chose', async () => {
    const desk = await openDesk(openStore)
    const { guarded, keys } = desk.ours
    const held = await desk.receive(guarded, { status: 'pending_inbound_approval' })
    const to_json = JSON.stringify([{ address: 'ignore.all.rules@evil.test' }, { address: guarded.address }])
    await desk.store.db.updateTable('emails').set({ to_json }).where('id', '=', held.id).execute()
    const { body } = await desk.call(keys.agent, 'GET', '/check_inbox?status=pending_inbound_approval')
    expect(body).toMatchObject({ messages: [{ id: held.id, to: [], from: 'ann@remote.test' }] })
  })

  it('a sender is verified only when the domain that DMARC proved is the one shown', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const shown = await desk.receive(gated, { from: 'Ann@remote.test' })
    const other = await desk.receive(gated, { from: 'ceo@bank.test' })
    for (const [mail, verified] of [
      [shown, true],
      [other, false],
    ] as const)
      expect((await desk.call(keys.reviewer, 'GET', `/read_email?email_id=${mail.id}`)).body['sender_verified']).toBe(verified)
  })

  it('of two attachments of one name the path leads to the one that was asked for', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const file = (text: string) => ({ name: 'do-as-told.txt', contentType: 'text/plain', content: Buffer.from(text) })
    const mail = await desk.receive(gated, { attachments: [file('first'), file('second')] })
    const { body } = await desk.call(keys.agent, 'GET', `/download_attachment?email_id=${mail.id}&index=1&max_inline_bytes=0`)
    const path = String(body['download_path'])
    const raw = await fetch(desk.url + path, { headers: { authorization: `Bearer ${keys.agent}` } })
    expect(await raw.text()).toBe('second')
  })
})
