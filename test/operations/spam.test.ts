import { expect, it } from 'vitest'
import { spamProbability } from '../../server/mailbox/spam-filter.ts'
import { openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

describeOnEachEngine('what users say is spam', (openStore) => {
  it('goes to quarantine with their label, and comes back with the other', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const mail = await desk.receive(gated)
    const report = (id: string) => desk.call(keys.agent, 'POST', `/v1/emails/${id}/report-spam`)
    const clear = (id: string) => desk.call(keys.agent, 'POST', `/v1/emails/${id}/not-spam`)

    expect(await report(mail.id)).toMatchObject({ status: 200, body: { id: mail.id, status: 'spam_quarantined', user_label: 'spam' } })
    expect(await report(mail.id)).toMatchObject({ status: 200, body: { status: 'spam_quarantined' } })
    expect((await desk.call(keys.agent, 'GET', '/v1/emails')).body).toMatchObject({ emails: [{ id: mail.id }], cursor: null })
    expect((await desk.call(desk.theirs.keys.agent, 'GET', '/v1/emails')).body).toMatchObject({ emails: [] })
    expect((await desk.call(keys.agent, 'GET', '/check_inbox')).body).toMatchObject({ messages: [] })
    expect(await clear(mail.id)).toMatchObject({ status: 200, body: { id: mail.id, status: 'unread', user_label: 'not_spam' } })
    expect((await desk.call(keys.agent, 'GET', '/v1/emails')).body).toMatchObject({ emails: [] })
    expect((await desk.call(keys.agent, 'GET', '/check_inbox')).body).toMatchObject({ messages: [{ id: mail.id }] })
  })

  it('tells of an email that leaves quarantine as of one that arrives, and of no email twice', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const caught = await desk.receive(gated, { status: 'spam_quarantined' })
    const flagged = await desk.receive(gated, { status: 'spam_flagged' })
    const told = async () => {
      const events = await desk.store.db.selectFrom('events').select('data_json').where('type', '=', 'message.received').execute()
      return events.map((event) => (JSON.parse(event.data_json) as { email_id: string }).email_id)
    }
    expect(await told()).toEqual([flagged.id])
    for (const { id } of [caught, flagged]) await desk.call(keys.agent, 'POST', '/not_spam', { email_id: id })
    expect((await told()).toSorted()).toEqual([flagged.id, caught.id].toSorted())
  })

  it('teaches the filter of the account, once for each email', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const ask = (text: string) =>
      spamProbability(desk.store.db, gated.tenancy, { subject: text, fromAddress: 'x@else.test', fromName: null, markdown: text })
    for (let n = 0; n < 5; n++) {
      const bad = await desk.receive(gated, { subject: `Cheap pills ${n}`, text: `cheap pills ${n}`, from: `s${n}@pills.test` })
      const good = await desk.receive(gated, {
        subject: `Minutes ${n}`,
        text: `minutes of meeting ${n}`,
        from: 'bo@remote.test',
      })
      for (let again = 0; again < 2; again++) await desk.call(keys.agent, 'POST', '/report_spam', { email_id: bad.id })
      await desk.call(keys.agent, 'POST', '/not_spam', { email_id: good.id })
    }
    expect(await ask('cheap pills')).toBeGreaterThan(0.9)
    expect(await ask('minutes of meeting')).toBeLessThan(0.1)
    const total = await desk.store.db.selectFrom('spam_tokens').select(['spam', 'ham']).where('token', '=', '').execute()
    expect(total).toMatchObject([{ spam: 5, ham: 5 }])
  })

  it('is not for mail that waits for a reviewer, mail that left, or mail of others', async () => {
    const desk = await openDesk(openStore)
    const { guarded, gated, keys } = desk.ours
    const held = await desk.receive(guarded, { status: 'pending_inbound_approval' })
    const mail = await desk.receive(gated)
    const code = async (key: string, id: string) => (await desk.call(key, 'POST', '/not_spam', { email_id: id })).body['code']
    expect(await code(keys.agent, held.id)).toBe('EMAIL_NOT_FOUND')
    expect(await code(keys.admin, held.id)).toMatch(/NOT_IN_INBOX|SCOPE_MISSING/)
    expect(await code(keys.reader, mail.id)).toBe('SCOPE_MISSING')
    expect(await code(desk.theirs.keys.agent, mail.id)).toBe('EMAIL_NOT_FOUND')
  })

  it('is on the record', async () => {
    const desk = await openDesk(openStore)
    const mail = await desk.receive(desk.ours.gated)
    await desk.call(desk.ours.keys.agent, 'POST', '/report_spam', { email_id: mail.id })
    await desk.call(desk.ours.keys.agent, 'POST', '/not_spam', { email_id: mail.id })
    const entries = await desk.store.db.selectFrom('log_entries').select('action').where('resource_id', '=', mail.id).execute()
    expect(entries.map(({ action }) => action)).toEqual(expect.arrayContaining(['email.reported_spam', 'email.cleared_spam']))
  })
})
