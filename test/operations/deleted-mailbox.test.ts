import { expect, it } from 'vitest'
import { endWebhooks } from '../../server/events/webhooks.ts'
import { changeMailbox } from '../../server/identity/mailboxes.ts'
import { endMail } from '../../server/outbound/control/end-mail.ts'
import { addWebhook } from '../support/webhooks.ts'
import { openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

describeOnEachEngine('a deleted mailbox', (openStore) => {
  it('is gone for agents, with all that is in it; who looks after the record still finds its mail', async () => {
    const desk = await openDesk(openStore)
    const { keys, gated, free } = desk.ours
    const email = await desk.receive(gated)
    const other = await desk.receive(free)
    const list = async (key: string, path: string, name: string): Promise<unknown[]> => {
      const { body } = await desk.call(key, 'GET', path)
      return (body[name] as { id: string }[]).map(({ id }) => id)
    }
    const everywhere = [
      `/read_email?email_id=${email.id}`,
      `/get_thread?thread_id=${email.thread_id}`,
      `/check_inbox?mailbox=${gated.address}`,
      `/check_inbox?mailbox=${gated.id}`,
      `/list_mailboxes?mailbox_id=${gated.id}`,
    ]
    const found = async (key: string): Promise<number[]> =>
      Promise.all(everywhere.map(async (path) => (await desk.call(key, 'GET', path)).status))
    expect(await found(keys.agent)).toEqual([200, 200, 200, 200, 200])

    await changeMailbox({ ...desk, endMail, endWebhooks }, 'delete', gated.address, 'live')
    for (const key of [keys.agent, keys.reader, keys.bound]) {
      expect(await found(key)).toEqual([404, 404, 404, 404, 404])
      expect(await list(key, '/check_inbox', 'messages')).toEqual(key === keys.bound ? [] : [other.id])
      const reply = { email_id: email.id, markdown: 'hi' }
      if (key !== keys.reader) expect((await desk.call(key, 'POST', '/reply_email', reply)).status).toBe(404)
    }
    for (const key of [keys.reviewer, keys.admin]) {
      expect(await found(key)).toEqual([200, 200, 200, 200, 200])
      expect(await list(key, '/check_inbox', 'messages')).toEqual([other.id, email.id])
    }
    for (const key of [keys.agent, keys.admin, keys.bound]) expect(await list(key, '/list_mailboxes', 'mailboxes')).not.toContain(gated.id)

    await changeMailbox({ ...desk, endMail, endWebhooks }, 'resume', gated.address, 'live')
    expect(await found(keys.agent)).toEqual([200, 200, 200, 200, 200])
  })

  it('tells nobody anything any more: its webhooks go with it, and others stay', async () => {
    const desk = await openDesk(openStore)
    const { keys, gated, free } = desk.ours
    const own = await addWebhook(desk, desk.ours, { mailboxId: gated.id })
    const [others, all] = [await addWebhook(desk, desk.ours, { mailboxId: free.id }), await addWebhook(desk, desk.ours)]
    const urls = { webhook_url: 'https://hook.example/in', oversight_webhook_url: 'https://hook.example/pending' }
    const asked = await desk.call(keys.admin, 'POST', '/update_mailbox', { mailbox_id: gated.id, ...urls })
    const letter = await desk.store.db.selectFrom('operator_mails').select('body').executeTakeFirstOrThrow()
    const approval_code = /^ {2}([A-Z2-9]{4}-[A-Z2-9]{4})$/m.exec(letter.body)?.[1]
    expect(asked.status).toBe(202)
    expect((await desk.call(keys.admin, 'POST', '/update_mailbox', { mailbox_id: gated.id, ...urls, approval_code })).status).toBe(200)
    await desk.receive(gated)
    const left = async () => (await desk.store.db.selectFrom('webhooks').select('id').orderBy('id').execute()).map(({ id }) => id)
    expect(await left()).toHaveLength(5)

    expect((await desk.call(keys.admin, 'POST', '/delete_mailbox', { mailbox_id: gated.id })).status).toBe(200)
    expect(await left()).toEqual([others.id, all.id])
    const owed = await desk.store.db.selectFrom('webhook_deliveries').select(['webhook_id', 'state']).orderBy('seq').execute()
    expect(owed.filter(({ webhook_id }) => webhook_id === own.id)).toEqual([{ webhook_id: own.id, state: 'failed' }])
    expect(owed.filter(({ webhook_id }) => webhook_id === all.id)).toContainEqual({ webhook_id: all.id, state: 'pending' })
    const row = await desk.store.db.selectFrom('mailboxes').selectAll().where('id', '=', gated.id).executeTakeFirstOrThrow()
    expect(row).toMatchObject({ webhook_url: null, oversight_webhook_url: null })
    const told = await desk.store.db.selectFrom('log_entries').select('resource_id').where('action', '=', 'webhook.deleted').execute()
    expect(told).toHaveLength(3)
    expect(told).toContainEqual({ resource_id: own.id })
  })

  it('that is only suspended can be read, and sends nothing', async () => {
    const desk = await openDesk(openStore)
    const { keys, gated } = desk.ours
    const email = await desk.receive(gated)
    await changeMailbox({ ...desk, endMail, endWebhooks }, 'suspend', gated.address, 'live')
    expect((await desk.call(keys.agent, 'GET', `/read_email?email_id=${email.id}`)).status).toBe(200)
    expect((await desk.call(keys.agent, 'GET', '/list_mailboxes')).body['mailboxes']).toContainEqual(
      expect.objectContaining({ id: gated.id, is_active: false }),
    )
    expect((await desk.call(keys.agent, 'POST', '/reply_email', { email_id: email.id, markdown: 'hi' })).status).toBe(404)
  })
})
