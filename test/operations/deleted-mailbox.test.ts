import { expect, it } from 'vitest'
import { changeMailbox } from '../../server/identity/mailboxes.ts'
import { endMail } from '../../server/outbound/control/end-mail.ts'
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

    await changeMailbox({ ...desk, endMail }, 'delete', gated.address, 'live')
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

    await changeMailbox({ ...desk, endMail }, 'resume', gated.address, 'live')
    expect(await found(keys.agent)).toEqual([200, 200, 200, 200, 200])
  })

  it('that is only suspended can be read, and sends nothing', async () => {
    const desk = await openDesk(openStore)
    const { keys, gated } = desk.ours
    const email = await desk.receive(gated)
    await changeMailbox({ ...desk, endMail }, 'suspend', gated.address, 'live')
    expect((await desk.call(keys.agent, 'GET', `/read_email?email_id=${email.id}`)).status).toBe(200)
    expect((await desk.call(keys.agent, 'GET', '/list_mailboxes')).body['mailboxes']).toContainEqual(
      expect.objectContaining({ id: gated.id, is_active: false }),
    )
    expect((await desk.call(keys.agent, 'POST', '/reply_email', { email_id: email.id, markdown: 'hi' })).status).toBe(404)
  })
})
