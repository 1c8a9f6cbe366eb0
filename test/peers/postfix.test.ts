import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Zone } from '../../dns/resolver.ts'
import type { Appliance } from '../support/child-appliance.ts'
import { freePort } from '../support/free-port.ts'
import { type Milters, startSigner, startVerifier } from '../support/opendkim.ts'
import { missingPeer } from '../support/peers.ts'
import { cannotRunPostfix, type DeliveredMail, type Postfix, startPostfix } from '../support/postfix.ts'
import { createPremises, ourHostname, type Premises } from '../support/premises.ts'
import { sendRaw } from '../support/send-raw.ts'

const question = [
  'From: Bo Remote <bo@remote.test>',
  'To: support@ours.test',
  'Subject: Where is my order?',
  'Date: Mon, 23 Nov 2026 10:00:00 +0000',
  'Message-ID: <question@remote.test>',
  '',
  'It has been two weeks.',
  '',
].join('\r\n')

// Each test goes on from the one before: it is one correspondence.
describe.skipIf(missingPeer('postfix', 'opendkim', 'opendmarc') || cannotRunPostfix())('a Postfix with OpenDKIM and OpenDMARC', () => {
  let premises: Premises
  let appliance: Appliance
  let signer: Milters
  let verifier: Milters
  let postfix: Postfix
  let ports: { mx: number; submission: number }

  beforeAll(async () => {
    const key = generateKeyPairSync('rsa', { modulusLength: 2048 })
    ports = { mx: await freePort(), submission: await freePort() }
    premises = await createPremises({
      engine: 'sqlite',
      remotePort: ports.mx,
      names: remoteNames(key.publicKey.export({ type: 'spki', format: 'der' })),
    })
    appliance = await premises.start()
    signer = await startSigner({
      domain: 'remote.test',
      selector: 'sel',
      privateKey: key.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    })
    verifier = await startVerifier({ authservId: 'mx.remote.test', zone: premises.zone })
    postfix = await startPostfix({
      domain: 'remote.test',
      users: ['bo'],
      ports,
      routes: { 'ours.test': appliance.smtp.port },
      milters: { mx: verifier.sockets, submission: signer.sockets },
    })
  })
  afterAll(async () => {
    await postfix.stop()
    await Promise.all([signer.stop(), verifier.stop()])
    await premises.remove()
  })

  const submit = (subject: string, key = premises.keys.support, to = 'bo@remote.test') =>
    appliance.post(key, 'send_email', { to: [to], subject, markdown: 'Hello **Bo**.' })

  it('sends to us over TLS, and what it signed passes here', async () => {
    await postfix.submit({ reversePath: 'bo@remote.test', forwardPaths: ['support@ours.test'], raw: question })

    expect(await postfix.logged(/to=<support@ours\.test>.*status=\w+ .*/)).toMatch(/status=sent \(250 .*em_/)
    expect(await postfix.logged(/TLS connection established to 127\.0\.0\.1.*/)).toContain('TLSv1.3')
    const inbox = await appliance.get(premises.keys.support, 'check_inbox')
    expect(inbox.messages).toMatchObject([
      { subject: 'Where is my order?', from: 'bo@remote.test', sender_verified: true, status: 'unread' },
    ])
    const email = await appliance.get(premises.keys.support, 'read_email', { email_id: inbox.messages[0].id })
    expect(email).toMatchObject({
      extracted: 'It has been two weeks.',
      authentication: {
        // Loopback may be the address of everybody behind a NAT: it proves nothing.
        spf: { result: 'none', domain: null },
        dkim: [{ result: 'pass', domain: 'remote.test', selector: 'sel', aligned: true }],
        dmarc: { result: 'pass', policy: 'reject', domain: 'remote.test' },
      },
    })
    const [stored] = await premises.inspect((store) => store.db.selectFrom('emails').select('raw_hash').execute())
    const raw = await premises.inspect((store) => store.blobs.read(store.db, stored?.raw_hash ?? ''))
    expect(String(raw)).toMatch(/^Received: from mx\.remote\.test \(\[127\.0\.0\.1\]\)\r\n\tby mx\.ours\.test with ESMTPS /m)
  })

  it('is told at once that an address does not exist, and tells its user', async () => {
    await postfix.submit({ reversePath: 'bo@remote.test', forwardPaths: ['nobody@ours.test'], raw: question })
    expect(await postfix.logged(/to=<nobody@ours\.test>.*status=\w+ .*/)).toMatch(/status=bounced .*550 5\.1\.1/)
    await postfix.received(1)
  })

  it('gets the approved answer over TLS; its judges find the signatures and the DMARC alignment good; it is in the thread', async () => {
    const inbox = await appliance.get(premises.keys.support, 'check_inbox')
    const reply = await appliance.post(premises.keys.support, 'reply_email', {
      email_id: inbox.messages[0].id,
      body: 'It left us **today**.',
    })
    expect(reply).toMatchObject({ status: 'pending_approval' })
    const decision = await appliance.post(premises.keys.reviewer, 'decide_email', {
      message_id: reply.message_id,
      decision: 'approve',
    })
    expect(decision).toMatchObject({ delivered_at: expect.any(String) })

    const answer = (await postfix.received(2))[1] as DeliveredMail
    expect(answer).toMatchObject({ reversePath: expect.stringMatching(/^b\+.*@ours\.test$/), forwardPath: 'bo@remote.test' })
    const { judgement, fields } = read(answer.raw)
    expect(judgement).toMatch(/dkim=pass .*header\.d=ours\.test .*header\.a=rsa-sha256/)
    expect(judgement).toMatch(/dkim=pass .*header\.d=ours\.test .*header\.a=ed25519-sha256/)
    expect(judgement).toMatch(/dmarc=pass .*header\.from=ours\.test/)
    expect(fields).toMatch(
      new RegExp(`^Received: from ${ourHostname} .*using TLSv1\\.3 .*by mx\\.remote\\.test \\(Postfix\\) with ESMTPS`, 'm'),
    )
    expect(fields).toMatch(/^In-Reply-To: <question@remote\.test>$/m)
    expect(fields).toMatch(/^References: <question@remote\.test>$/m)
    expect(fields).toMatch(/^Subject: Re: Where is my order\?$/m)
    const thread = await appliance.get(premises.keys.support, 'get_thread', { thread_id: inbox.messages[0].thread_id })
    expect(thread.messages).toMatchObject([{ direction: 'inbound' }, { direction: 'outbound', status: 'sent' }])
  })

  it('is not fooled, so that its "pass" means something: one changed octet fails', async () => {
    const answer = (await postfix.received(2))[1] as DeliveredMail
    const original = answer.raw.slice(answer.raw.indexOf('DKIM-Signature:')).replaceAll('\n', '\r\n')
    expect(original).toContain('today')
    await sendRaw({
      port: ports.mx,
      reversePath: 'support@ours.test',
      forwardPaths: ['bo@remote.test'],
      raw: original.replace('today', 'todax'),
    })
    const { judgement } = read(((await postfix.received(3))[2] as DeliveredMail).raw)
    expect(judgement).toMatch(/dkim=fail .*header\.d=ours\.test/)
    expect(judgement).not.toMatch(/dkim=pass/)
    expect(judgement).toMatch(/dmarc=fail .*header\.from=ours\.test/)
  })

  it('refuses a recipient it does not have, and we record a hard bounce', async () => {
    const sent = await submit('to nobody', premises.keys.robot, 'nobody@remote.test')
    await appliance.logged('delivery.settled', sent.id)
    const email = await appliance.get(premises.keys.robot, 'read_email', { email_id: sent.id })
    expect(email).toMatchObject({
      bounce_type: 'hard',
      deliveries: [{ recipient: 'nobody@remote.test', state: 'bounced', last_reply: expect.stringMatching(/^550 5\.1\.1 /) }],
    })
  })
})

/** The other side's records, as its operator would publish them. */
const remoteNames = (publicKey: Buffer): Zone => ({
  'remote.test': { MX: [{ priority: 10, exchange: 'mx.remote.test' }], TXT: ['v=spf1 mx -all'] },
  'mx.remote.test': { A: ['127.0.0.1'] },
  'sel._domainkey.remote.test': { TXT: [`v=DKIM1; k=rsa; p=${publicKey.toString('base64')}`] },
  '_dmarc.remote.test': { TXT: ['v=DMARC1; p=reject'] },
})

/** The header section with each field on one line, and what stands in the Authentication-Results fields of the host. */
function read(raw: string): { fields: string; judgement: string } {
  const fields = (raw.split('\n\n', 1)[0] ?? '').replaceAll(/\n[\t ]+/g, ' ')
  const judgement = fields.split('\n').filter((line) => line.startsWith('Authentication-Results: mx.remote.test;'))
  return { fields, judgement: judgement.join('\n').replaceAll(';', '\n') }
}
