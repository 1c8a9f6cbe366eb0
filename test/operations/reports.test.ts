import { expect, it } from 'vitest'
import { automaticKinds, isUnanswerable } from '../../server/model/automatic.ts'
import { type Answer, type Desk, openDesk } from '../support/desk.ts'
import { keepReport } from '../support/reports.ts'
import { describeOnEachEngine } from '../support/stores.ts'

describeOnEachEngine('reports about domains', (openStore) => {
  const list = (desk: Desk, query = '', key = desk.ours.keys.admin): Promise<Answer> => desk.call(key, 'GET', `/v1/reports${query}`)

  it('are listed for the operator of the domain, newest first, by kind and page', async () => {
    const desk = await openDesk(openStore)
    const first = await keepReport(desk, desk.ours)
    const summary = { verified: false, fromDomain: null, policy: 'sts', passed: 5, failed: 3, omitted: 7 }
    const rows = [{ resultType: 'certificate-expired', sendingMtaIp: '192.0.2.1', receivingMx: 'mx.ours.test', count: 3 }]
    const second = await keepReport(desk, desk.ours, { kind: 'tls', summary, rows, organization: '<script>alert(1)</script>' })
    await keepReport(desk, desk.theirs)
    expect(await list(desk)).toMatchObject({
      status: 200,
      body: {
        reports: [
          { id: second, kind: 'tls', passed: 5, failed: 3, sender_verified: false, sender_domain: null },
          {
            id: first,
            kind: 'dmarc',
            domain: 'ours.test',
            organization: 'Remote',
            policy: 'reject',
            passed: 12,
            failed: 40,
            sender_verified: true,
            begin_at: '2026-03-01T09:00:00.000Z',
          },
        ],
        cursor: null,
      },
    })
    expect((await list(desk, '?kind=dmarc')).body).toMatchObject({ reports: [{ id: first }] })
    expect((await list(desk, '?domain=theirs.test')).body).toMatchObject({ reports: [] })
    const page = await list(desk, '?limit=1')
    expect((await list(desk, `?limit=1&cursor=${String(page.body['cursor'])}`)).body).toMatchObject({
      reports: [{ id: first }],
      cursor: null,
    })
    expect(await desk.call(desk.ours.keys.admin, 'GET', `/v1/reports/${second}`)).toMatchObject({
      status: 200,
      body: { sources: [], failures: [{ result_type: 'certificate-expired', count: 3 }], rows_omitted: 7 },
    })
    const log = await desk.call(desk.ours.keys.admin, 'GET', '/get_audit_log?limit=2')
    expect(log.body).toMatchObject({ entries: [{ action: 'report.read', resource_id: second }, { action: 'reports.listed' }] })
  })

  it('are shown with the sources that sent most, five hundred at most', async () => {
    const desk = await openDesk(openStore)
    const rows = Array.from(
      { length: 600 },
      (_, count) => ({ sourceIp: '192.0.2.1', count, disposition: 'none', dkim: 'fail', spf: 'pass', headerFrom: '' }) as const,
    )
    const id = await keepReport(desk, desk.ours, { rows })
    const { body } = await desk.call(desk.ours.keys.admin, 'GET', `/get_report?id=${id}`)
    expect(body).toMatchObject({ rows_omitted: 100, sources: expect.arrayContaining([]) })
    expect((body['sources'] as { count: number }[]).map(({ count }) => count)).toEqual(Array.from({ length: 500 }, (_, at) => 599 - at))
  })

  it('are nothing for the test world', async () => {
    const desk = await openDesk(openStore)
    await keepReport(desk, desk.ours)
    expect((await list(desk, '', desk.ours.keys.testAdmin)).body).toMatchObject({ reports: [] })
  })
})

describeOnEachEngine('what a program wrote', (openStore) => {
  it('leaves nothing to answer in a thread, so that an agent that looks for unanswered mail is at rest', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    const first = await desk.receive(gated)
    const unanswered = async () =>
      (await desk.call(keys.agent, 'GET', `/get_thread?thread_id=${first.thread_id}`)).body['has_unanswered_inbound']
    expect(await unanswered()).toBe(true)
    await desk.call(keys.agent, 'POST', '/reply_email', { email_id: first.id, markdown: 'Soon.' })
    expect(await unanswered()).toBe(false)
    const absence = await desk.receive(gated, { threadId: first.thread_id })
    expect(await unanswered()).toBe(true)
    await desk.store.db.updateTable('emails').set({ automatic: 'reply' }).where('id', '=', absence.id).execute()
    expect(await unanswered()).toBe(false)
  })

  it('is shown as such, and mail that nobody reads an answer to cannot be answered', async () => {
    const desk = await openDesk(openStore)
    const { gated, keys } = desk.ours
    for (const kind of [null, ...automaticKinds]) {
      const email = await desk.receive(gated)
      await desk.store.db.updateTable('emails').set({ automatic: kind }).where('id', '=', email.id).execute()
      expect((await desk.call(keys.agent, 'GET', `/read_email?email_id=${email.id}`)).body).toMatchObject({ automatic: kind })
      const answers = await Promise.all(
        ['/reply_email', '/draft_reply'].map((path) => desk.call(keys.agent, 'POST', path, { email_id: email.id, markdown: 'Thank you.' })),
      )
      const expected =
        kind !== null && isUnanswerable(kind)
          ? { status: 409, body: { code: 'AUTOMATIC_MESSAGE', fix: expect.stringContaining('Do not answer') } }
          : { status: 200 }
      expect([kind, ...answers]).toMatchObject([kind, expected, expected])
    }
    const { body } = await desk.call(keys.agent, 'GET', '/check_inbox?limit=100&direction=inbound')
    expect((body['messages'] as { automatic: string | null }[]).map(({ automatic }) => automatic)).toEqual([
      ...automaticKinds.toReversed(),
      null,
    ])
  })
})
