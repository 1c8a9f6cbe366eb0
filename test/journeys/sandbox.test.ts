import { Socket as UdpSocket } from 'node:dgram'
import { Socket } from 'node:net'
import { expect, it, onTestFinished, vi } from 'vitest'
import { describeOnEachEngine } from '../support/stores.ts'
import { type SandboxAppliance, startSandboxAppliance } from '../support/sandbox-appliance.ts'

const [minute, hour, day] = [60, 3_600, 86_400]
type Json = Record<string, unknown>

/** As the developer of an agent would write it down for their own tests: REST and nothing else. */
function agentOf({ call, mailbox, url }: SandboxAppliance) {
  let count = 0
  const send = async (to: string, more: Json = {}): Promise<string> => {
    const letter = { mailbox_id: mailbox, to: [to], subject: `No. ${(count += 1)}`, markdown: 'Your order is on its way.', ...more }
    return String((await call('POST', '/send_email', letter))['id'])
  }
  const read = (id: string): Promise<Json> => call('GET', `/read_email?email_id=${id}`)
  return {
    send,
    read,
    /** Sends, and waits until the other side has said what it says at first. */
    async sent(to: string, more?: Json): Promise<string> {
      const id = await send(to, more)
      await this.pass(0)
      return id
    },
    pass: (seconds: number): Promise<Json> => call('POST', '/v1/sandbox/clock', { seconds }),
    /** How far the email to the one recipient has come. */
    async delivery(id: string): Promise<unknown> {
      const [first] = (await read(id))['deliveries'] as Json[]
      return [first?.['state'], first?.['attempts']]
    },
    arrive: (more: Json = {}): Promise<Json> =>
      call('POST', '/v1/sandbox/inbound', { from: 'ann@customer.test', subject: 'Where is it?', markdown: 'Where is my order?', ...more }),
    decide: (id: string, action: string): Promise<Json> => call('POST', '/decide_email', { email_id: id, action }),
    async told(): Promise<unknown[]> {
      const { deliveries } = await call('GET', '/list_webhook_deliveries?limit=100')
      return (deliveries as Json[]).map((one) => one['event_type'])
    },
    async open(id: string): Promise<void> {
      const { content_base64 } = await call('GET', `/get_email_raw?email_id=${id}`)
      const raw = Buffer.from(String(content_base64), 'base64').toString().replaceAll('=\r\n', '')
      const image = /\/v1\/o\/[0-9a-f]{32}\.gif/.exec(raw)?.[0] ?? ''
      expect((await fetch(url + image)).status).toBe(200)
    },
  }
}

describeOnEachEngine('a test of an agent, in the test world', (_, { newPlace }) => {
  it('sees in a moment what would take days', { timeout: 120_000 }, async () => {
    const appliance = await startSandboxAppliance(newPlace, 'autonomous')
    const { call } = appliance
    const agent = agentOf(appliance)
    const hook = { url: 'https://agent.example/hook', events: ['*'] }
    const { sandbox_code } = await call('POST', '/create_webhook', hook)
    await call('POST', '/create_webhook', { ...hook, approval_code: sandbox_code })

    // A customer writes, and the answer arrives.
    const question = await agent.arrive()
    expect(await call('GET', '/check_inbox?unread_only=true')).toMatchObject({ messages: [{ id: question['id'] }] })
    const answer = await call('POST', '/reply_email', { email_id: question['id'], markdown: 'It left this morning.' })
    expect(await agent.pass(0)).toMatchObject({ is_done: true })
    expect(await agent.read(String(answer['id']))).toMatchObject({ status: 'sent', delivered_at: expect.any(String) })

    // Three days later, because nobody answered.
    const later = await agent.send('ann@customer.test', { send_at: new Date(Date.now() + 3 * day * 1000).toISOString() })
    await agent.pass(2 * day)
    expect(await agent.read(later)).toMatchObject({ status: 'scheduled' })
    expect(await agent.pass(day)).toMatchObject({ came_due: { scheduled: 1 }, is_done: true })
    expect(await agent.read(later)).toMatchObject({ status: 'sent', delivered_at: expect.any(String) })

    // Deferred, and then taken.
    const greylisted = await agent.sent('greylist@customer.test')
    expect(await agent.delivery(greylisted)).toEqual(['queued', 1])
    await agent.pass(6 * minute)
    expect(await agent.delivery(greylisted)).toEqual(['delivered', 2])

    // Late enough that the agent is told so.
    const delayed = await agent.sent('delayed@customer.test')
    await agent.pass(6 * minute)
    expect(await agent.told()).not.toContain('message.delayed')
    await agent.pass(12 * minute)
    expect(await agent.told()).toContain('message.delayed')
    await agent.pass(25 * minute)
    expect(await agent.delivery(delayed)).toEqual(['delivered', 4])

    // Nobody there: never again.
    const bounced = await agent.sent('bounce@customer.test')
    expect(await agent.read(bounced)).toMatchObject({ bounce_type: 'hard', deliveries: [{ state: 'bounced' }] })
    await expect(agent.send('bounce@customer.test')).rejects.toThrow(/RECIPIENT_SUPPRESSED/)

    // Five days of trying.
    const soft = await agent.sent('softbounce@customer.test')
    await agent.pass(day)
    expect(await agent.delivery(soft)).toEqual(['queued', 2])
    await agent.pass(5 * day)
    expect(await agent.read(soft)).toMatchObject({ bounce_type: 'soft', deliveries: [{ state: 'expired', attempts: 3 }] })

    // Taken, and complained of.
    await agent.sent('complaint@customer.test')
    expect(await agent.told()).toContain('message.complained')
    await expect(agent.send('complaint@customer.test')).rejects.toThrow(/RECIPIENT_SUPPRESSED/)

    // Looked at.
    await call('POST', '/set_sending_settings', { mailbox_id: appliance.mailbox, opens: true })
    const watched = await agent.sent('cy@customer.test')
    await agent.open(watched)
    expect(await agent.told()).toContain('message.opened')

    // And the next test begins anew.
    expect(await call('POST', '/v1/sandbox/reset')).toMatchObject({ is_done: true, removed: { emails: expect.any(Number) } })
    expect(await call('GET', '/check_inbox')).toMatchObject({ messages: [] })
    expect(await call('GET', '/list_suppression')).toMatchObject({ suppressions: [] })
    expect(await agent.told()).toEqual([])
    expect(await agent.delivery(await agent.sent('bounce@customer.test'))).toEqual(['bounced', 1])
  })

  it('holds what a person has to see, until nobody has looked for three days', { timeout: 60_000 }, async () => {
    const appliance = await startSandboxAppliance(newPlace, 'gated_send')
    const agent = agentOf(appliance)
    const [seen, unseen] = [await agent.send('bo@customer.test'), await agent.send('bo@customer.test')]
    expect(await agent.read(seen)).toMatchObject({ status: 'pending_approval' })
    await agent.pass(2 * day)
    await agent.decide(seen, 'approve')
    expect(await agent.pass(day + hour)).toMatchObject({ came_due: { holds: 1 }, is_done: true })
    expect(await agent.read(seen)).toMatchObject({ status: 'sent', delivered_at: expect.any(String) })
    expect(await agent.read(unseen)).toMatchObject({ status: 'expired' })
  })

  it('can be emptied while mail comes and goes, and its time moved', { timeout: 60_000 }, async () => {
    const appliance = await startSandboxAppliance(newPlace, 'autonomous')
    const { call } = appliance
    const agent = agentOf(appliance)
    const broken: string[] = []
    const unlessGone = (work: Promise<unknown>): Promise<unknown> =>
      work.catch((error: unknown) => (/: (?:404|409) /.test(String(error)) ? null : broken.push(String(error))))
    for (let round = 0; round < 3; round += 1) {
      const questions = await Promise.all(Array.from({ length: 5 }, () => agent.arrive()))
      await Promise.all([
        ...questions.map(({ id }, n) => unlessGone(call('POST', '/reply_email', { email_id: id, markdown: `No. ${round} ${n}` }))),
        ...['cy', 'bounce', 'softbounce', 'complaint'].map((name, n) => unlessGone(agent.send(`${name}+${round}${n}@customer.test`))),
        ...Array.from({ length: 3 }, () => unlessGone(agent.arrive())),
        unlessGone(call('POST', '/v1/sandbox/reset')),
        unlessGone(agent.pass(hour)),
        unlessGone(call('POST', '/v1/sandbox/reset')),
      ])
    }
    expect(broken).toEqual([])
    expect(await agent.pass(0)).toMatchObject({ is_done: true })
    expect(await call('POST', '/v1/sandbox/reset')).toMatchObject({ is_done: true })
    for (const table of ['emails', 'threads', 'deliveries', 'attempts', 'events'] as const)
      expect([table, await appliance.app.store.db.selectFrom(table).selectAll().execute()]).toEqual([table, []])
  })

  it('touches no network, whatever is done with a test key', { timeout: 60_000 }, async () => {
    const heard = new Set<string>()
    onDials((port) => heard.add(port))
    const place = await newPlace()
    const appliance = await startSandboxAppliance(() => Promise.resolve(place), 'autonomous')
    const own = [appliance.url, ...(place.databaseUrl === null ? [] : [place.databaseUrl])].map((at) => new URL(at).port)
    const { call, mailbox } = appliance
    const agent = agentOf(appliance)
    const hook = { url: 'https://agent.example/hook', events: ['*'] }
    const { sandbox_code } = await call('POST', '/create_webhook', hook)
    const webhook = await call('POST', '/create_webhook', { ...hook, approval_code: sandbox_code })
    await call('POST', '/test_webhook', { webhook_id: webhook['id'] })
    const waiting = call('GET', `/wait_for_email?mailbox=${mailbox}&timeout_seconds=20`)
    await new Promise((resolve) => void setImmediate(resolve))
    const report = Buffer.from(dsn).toString('base64')
    const question = await agent.arrive({ headers: { 'X-MultiMail-Identity': 'a.b.c' } })
    await call('POST', '/inject_email', { raw_base64: report })
    expect(await waiting).toMatchObject({ emails: [{ id: question['id'] }] })
    await call('POST', '/reply_all', { email_id: question['id'], markdown: 'Yes.' })
    for (const to of ['bo@gmail.com', 'bounce@outlook.com', 'softbounce@yahoo.com', 'complaint@example.org']) await agent.sent(to)
    await agent.send('di@example.org', { send_at: new Date(Date.now() + day * 1000).toISOString() })
    await call('POST', '/request_upgrade', { mailbox_id: mailbox, target_mode: 'autonomous' }).catch(() => null)
    await call('POST', '/create_api_key', { name: 'another', scopes: ['read'] })
    await call('POST', '/set_sending_settings', { mailbox_id: mailbox, opens: true, delivery_notices: true })
    await agent.open(await agent.sent('cy@example.org'))
    expect(await agent.pass(6 * day)).toMatchObject({ is_done: true })
    const { deliveries } = await call('GET', '/list_webhook_deliveries?limit=100')
    expect(new Set((deliveries as Json[]).map((one) => [one['status'], one['simulated']].join(' ')))).toEqual(new Set(['delivered true']))
    expect(await agent.told()).toEqual(
      expect.arrayContaining([
        'message.received',
        'message.sent',
        'message.delivered',
        'message.bounced',
        'message.opened',
        'webhook.test',
      ]),
    )
    expect(appliance.asked).toEqual([])
    expect([...heard].toSorted()).toEqual(own.toSorted())

    // That we would have heard of it: the live world asks.
    const headers = { authorization: `Bearer ${appliance.live}`, 'content-type': 'application/json' }
    await appliance.app.store.db.updateTable('mailboxes').set({ oversight_mode: 'autonomous' }).where('world', '=', 'live').execute()
    const letter = JSON.stringify({ to: ['bo@remote.test'], subject: 'Hi', markdown: 'Hello' })
    expect((await fetch(`${appliance.url}/send_email`, { method: 'POST', headers, body: letter })).status).toBe(200)
    await appliance.app.drain()
    expect(appliance.asked).not.toEqual([])
  })
})

/** Hears of each connection that this process opens, and of each datagram that it sends. */
function onDials(hear: (port: string) => void): void {
  const dial = vi.spyOn(Socket.prototype, 'connect')
  const send = vi.spyOn(UdpSocket.prototype, 'send').mockImplementation(() => hear('udp'))
  dial.mockImplementation(function (this: Socket, ...of: unknown[]) {
    const [first] = of
    const to = (Array.isArray(first) ? first[0] : first) as number | { port?: number | string; path?: string }
    hear(String(typeof to === 'object' ? (to.port ?? to.path) : to))
    return Reflect.apply(connect, this, of) as Socket
  })
  onTestFinished(() => {
    dial.mockRestore()
    send.mockRestore()
  })
}
const { connect } = Socket.prototype

const dsn = [
  'From: MAILER-DAEMON@mx.remote.test',
  'Subject: Undelivered',
  'MIME-Version: 1.0',
  'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
  '',
  '--b',
  'Content-Type: text/plain',
  '',
  'It did not arrive.',
  '--b',
  'Content-Type: message/delivery-status',
  '',
  'Reporting-MTA: dns; mx.remote.test',
  '',
  'Final-Recipient: rfc822; bo@remote.test',
  'Action: failed',
  'Status: 5.1.1',
  '--b--',
  '',
].join('\r\n')
