import { describe, expect, it, onTestFinished } from 'vitest'
import { createExim } from '../support/exim.ts'
import { cannotHaveOwnMachine } from '../support/own-machine.ts'
import { missingUnpackedPeer } from '../support/peers.ts'
import { createPremises } from '../support/premises.ts'
import { createRemoteMx } from '../support/remote-mx.ts'

describe.skipIf(missingUnpackedPeer('exim4') || cannotHaveOwnMachine())('an Exim that forwards our email to where nobody takes it', () => {
  it('sends a bounce, by which the agent learns what became of the email, and which it cannot answer', { timeout: 60_000 }, async () => {
    const remote = await createRemoteMx()
    const names = { 'remote.test': { MX: [{ priority: 10, exchange: 'mx.remote.test' }] }, 'mx.remote.test': { A: ['127.0.0.1'] } }
    const premises = await createPremises({ engine: 'sqlite', remotePort: remote.port, names })
    onTestFinished(() => premises.remove())
    const appliance = await premises.start()
    const exim = await createExim({ hostname: 'mx.remote.test', port: appliance.smtp.port })
    onTestFinished(() => exim.remove())
    const { robot } = premises.keys

    const { id } = await appliance.post(robot, 'send_email', { to: ['bo@remote.test'], subject: 'Lunch', markdown: 'Lunch?' })
    const [taken] = await remote.received()
    await appliance.logged('delivery.settled')
    const message = taken?.raw.toString('latin1').replaceAll('\r\n', '\n') ?? ''
    // Forwarded: the envelope's sender stays, and the next host has no such mailbox.
    const log = await exim.send({
      tls: 'offered',
      from: 'robot@ours.test',
      to: ['nobody@ours.test'],
      message: Buffer.from(message, 'latin1'),
    })
    expect(log).toMatch(/\*\* nobody@ours\.test .* 550 5\.1\.1 /)
    expect(log).toMatch(/=> robot@ours\.test .*C="250 2\.0\.0 /)

    const { messages } = await appliance.get(robot, 'check_inbox', { direction: 'inbound' })
    expect(messages).toMatchObject([{ from: 'Mailer-Daemon@mx.remote.test', automatic: 'delivery-report' }])
    expect(await appliance.get(robot, 'read_email', { email_id: id })).toMatchObject({
      status: 'sent',
      bounced_at: messages[0].received_at,
      bounce_type: 'hard',
      deliveries: [{ recipient: 'bo@remote.test', state: 'delivered' }],
    })
  })
})
