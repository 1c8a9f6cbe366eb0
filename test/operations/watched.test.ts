import { expect, it } from 'vitest'
import { openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

describeOnEachEngine('an agent that is watched', (openStore) => {
  it('is not told by whom, and cannot end it by having that address suppressed', async () => {
    const desk = await openDesk(openStore)
    const { free, keys } = desk.ours
    const boss = 'boss@ours-test.example'
    await desk.store.db.updateTable('mailboxes').set({ oversight_mode: 'monitored' }).where('id', '=', free.id).execute()
    const letter = { mailbox: free.address, to: ['bo@remote.test'], bcc: ['cy@remote.test'], markdown: 'm' }
    const send = async (subject: string) => String((await desk.call(keys.agent, 'POST', '/send_email', { ...letter, subject })).body['id'])
    const read = async (key: string, id: string) => (await desk.call(key, 'GET', `/read_email?email_id=${id}`)).body
    const recipients = (view: Record<string, unknown>) =>
      (view['deliveries'] as { recipient: string }[]).map(({ recipient }) => recipient).toSorted()
    const named = ['bo@remote.test', 'cy@remote.test']

    const first = await send('One')
    const shown = await read(keys.agent, first)
    expect([shown['bcc'], recipients(shown)]).toEqual([['cy@remote.test'], named])
    expect(JSON.stringify(shown)).not.toContain(boss)
    for (const key of [keys.admin, keys.reviewer]) {
      const whole = await read(key, first)
      expect([whole['bcc'], recipients(whole)]).toEqual([['cy@remote.test', boss], [...named, boss].toSorted()])
    }
    const found = async (query: string) =>
      ((await desk.call(keys.agent, 'GET', `/search_emails?query=${encodeURIComponent(query)}`)).body['emails'] as unknown[]).length
    expect([await found('to:cy@remote.test'), await found(`to:${boss}`)]).toEqual([1, 0])

    expect((await desk.call(keys.admin, 'POST', '/add_suppression', { email_address: boss })).status).toBe(200)
    expect(recipients(await read(keys.admin, await send('Two')))).toContain(boss)
  })
})
