import { describe, expect, it } from 'vitest'
import { silentLog } from '../../../server/platform/log.ts'
import { cleanText, readReply } from '../../../server/outbound/transport/reply.ts'
import { createSmtpTransport, hasBareLineEnd } from '../../../server/outbound/transport/smtp.ts'
import type { SessionEnd, Stage } from '../../../server/outbound/transport.ts'
import { freePort } from '../../support/free-port.ts'
import { address } from '../../support/offices.ts'
import { type Answers, type RemoteMx, type Step, createRemoteMx } from '../../support/remote-mx.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

const minute = 60_000
const message = Buffer.from('Subject: Hi\r\n\r\n.dot\r\n..two\r\nend\r\n')

function createClient() {
  const clock = createVirtualClock(0)
  const transport = createSmtpTransport({ hostname: 'mx.ours.test', clock })
  return {
    clock,
    send: (
      remote: Pick<RemoteMx, 'host' | 'port'>,
      {
        forwardPath = 'bo@remote.test',
        bytes = message,
        signal = new AbortController().signal,
        from = 'ann@ours.test',
      }: { forwardPath?: string; bytes?: Buffer; signal?: AbortSignal; from?: string | null } = {},
    ): Promise<SessionEnd> =>
      transport({
        target: { host: remote.host, address: '127.0.0.1', port: remote.port, trusted: true },
        dispatch: { reversePath: from === null ? null : address(from), forwardPath: address(forwardPath), message: bytes },
        signal,
        log: silentLog,
      }),
  }
}

const summary = ({ stage, reply, by, mayBeAccepted }: SessionEnd) => [stage, reply.code, reply.status, by, mayBeAccepted]

describe('a message handed over', () => {
  it('arrives octet for octet, with its envelope, and the reply is kept', async () => {
    const remote = await createRemoteMx()
    const end = await createClient().send(remote)
    expect(end).toMatchObject({
      stage: 'dot',
      reply: { code: 250, status: '2.0.0', text: 'Ok: queued as 1' },
      by: 'remote',
      mayBeAccepted: false,
      tls: null,
    })
    const [mail] = await remote.received()
    expect(mail).toMatchObject({
      reversePath: 'ann@ours.test',
      forwardPaths: ['bo@remote.test'],
      helo: 'mx.ours.test',
      mailParameters: `SIZE=${message.length}`,
    })
    expect(mail?.raw.equals(message)).toBe(true)
  })

  it('comes from the null reverse-path when it has one', async () => {
    const remote = await createRemoteMx()
    await createClient().send(remote, { from: null })
    expect(await remote.received()).toMatchObject([{ reversePath: '' }])
  })

  it('works with a host that knows no extension', async () => {
    const remote = await createRemoteMx({ extensions: [], answers: { ehlo: ['502 5.5.1 Not implemented', '250 mx.remote.test'] } })
    expect(summary(await createClient().send(remote))).toEqual(['dot', 250, '2.0.0', 'remote', false])
  })

  it('of several mebibytes is not changed on the way', async () => {
    const remote = await createRemoteMx()
    const bytes = Buffer.from(`Subject: Large\r\n\r\n${'.0123456789 abcdefghij\r\n'.repeat(100_000)}`)
    await createClient().send(remote, { bytes })
    expect((await remote.received())[0]?.raw.equals(bytes)).toBe(true)
  })

  it('with 8-bit content is announced as such', async () => {
    const remote = await createRemoteMx()
    await createClient().send(remote, { bytes: Buffer.from('Subject: Hi\r\n\r\nGrüße\r\n') })
    expect((await remote.received())[0]?.mailParameters).toContain('BODY=8BITMIME')
  })

  it('to an internationalized address needs SMTPUTF8, and uses it', async () => {
    const remote = await createRemoteMx()
    await createClient().send(remote, { forwardPath: 'jörg@remote.test' })
    expect(await remote.received()).toMatchObject([
      { forwardPaths: ['jörg@remote.test'], mailParameters: expect.stringContaining('SMTPUTF8') },
    ])
  })
})

describe('what the host does not offer is refused here', () => {
  it.each([
    ['a larger message than it takes', { extensions: ['SIZE 20'] }, {}, ['mail', 552, '5.3.4', 'us', false]],
    [
      'an internationalized address',
      { extensions: ['8BITMIME'] },
      { forwardPath: 'jörg@remote.test' },
      ['mail', 553, '5.6.7', 'us', false],
    ],
    ['8-bit content', { extensions: [] }, { bytes: Buffer.from('Subject: ü\r\n\r\n') }, ['mail', 554, '5.6.3', 'us', false]],
    ['a bare LF', {}, { bytes: Buffer.from('Subject: Hi\r\n\r\nbare\n.\nMAIL FROM:<x@y.test>\r\n') }, ['data', 554, '5.6.11', 'us', false]],
    ['a bare CR', {}, { bytes: Buffer.from('Subject: Hi\r\n\r\nbare\r.\r\n') }, ['data', 554, '5.6.11', 'us', false]],
  ])('%s', async (_what, options, send, expected) => {
    const remote = await createRemoteMx(options)
    expect(summary(await createClient().send(remote, send))).toEqual(expected)
    expect(await remote.received(0)).toEqual([])
  })

  it.each([
    ['a\r\nb\r\n', false],
    ['\n', true],
    ['\r', true],
    ['a\r\r\n', true],
    ['a\n\r\n', true],
    ['', false],
  ])('%j has a bare line end: %s', (text, expected) => {
    expect(hasBareLineEnd(Buffer.from(text))).toBe(expected)
  })
})

describe('a refusal is reported with the stage it came at', () => {
  const refusals: [Answers, unknown[]][] = [
    [{ greeting: '554 5.7.1 No' }, ['greeting', 554, '5.7.1', 'remote', false]],
    [{ greeting: '421 4.7.0 Busy' }, ['greeting', 421, '4.7.0', 'remote', false]],
    [{ ehlo: '550 5.7.1 Bad name' }, ['ehlo', 550, '5.7.1', 'remote', false]],
    [{ ehlo: '421 4.3.2 Going down' }, ['ehlo', 421, '4.3.2', 'remote', false]],
    [{ mail: '550 5.1.8 Who?' }, ['mail', 550, '5.1.8', 'remote', false]],
    [{ mail: '421 4.7.0 Too many' }, ['mail', 421, '4.7.0', 'remote', false]],
    [{ rcpt: '550 5.1.1 No such user' }, ['rcpt', 550, '5.1.1', 'remote', false]],
    [{ rcpt: '450 4.2.0 Greylisted' }, ['rcpt', 450, '4.2.0', 'remote', false]],
    [{ data: '451 4.3.0 Not now' }, ['data', 451, '4.3.0', 'remote', false]],
    [{ dot: '554 5.7.1 Spam' }, ['dot', 554, '5.7.1', 'remote', false]],
    [{ dot: '421 4.3.2 Shutting down' }, ['dot', 421, '4.3.2', 'remote', false]],
    [{ dot: '550-5.7.26 Unauthenticated\r\n550-5.7.26 mail is not\r\n550 5.7.26 accepted' }, ['dot', 550, '5.7.26', 'remote', false]],
  ]
  it.each(refusals)('with PIPELINING: %j', async (answers, expected) => {
    const remote = await createRemoteMx({ answers: withRest(answers) })
    expect(summary(await createClient().send(remote))).toEqual(expected)
  })
  it.each(refusals)('without: %j', async (answers, expected) => {
    const remote = await createRemoteMx({ answers, extensions: ['8BITMIME'] })
    expect(summary(await createClient().send(remote))).toEqual(expected)
  })

  /** After a refused MAIL or RCPT a host refuses what was sent along with it. */
  const withRest = (answers: Answers): Answers => ({
    ...('mail' in answers && { rcpt: '503 5.5.1 No sender', data: '503 5.5.1 No recipient' }),
    ...('rcpt' in answers && { data: '554 5.5.1 No valid recipients' }),
    ...answers,
  })

  it('joins the lines of a reply', async () => {
    const remote = await createRemoteMx({ answers: { dot: '550-5.7.26 Unauthenticated\r\n550-5.7.26 mail\r\n550 5.7.26 is not accepted' } })
    expect((await createClient().send(remote)).reply.text).toBe('Unauthenticated mail is not accepted')
  })
})

describe('a connection that is cut', () => {
  it.each<[Step, Stage]>([
    ['greeting', 'greeting'],
    ['ehlo', 'ehlo'],
    ['mail', 'mail'],
    ['rcpt', 'rcpt'],
    ['data', 'data'],
  ])('at %s has delivered nothing', async (step, stage) => {
    for (const how of step === 'greeting' ? ['cut'] : ['cut', 'reset']) {
      const remote = await createRemoteMx({ answers: { [step]: how }, extensions: ['8BITMIME'] })
      expect(summary(await createClient().send(remote))).toEqual([stage, 451, '4.4.2', 'us', false])
    }
  })

  it('in the middle of the message has delivered nothing', async () => {
    const remote = await createRemoteMx({ answers: { body: 'reset' }, extensions: [] })
    const bytes = Buffer.from(`Subject: Large\r\n\r\n${'0123456789 abcdefghij\r\n'.repeat(500_000)}`)
    expect(summary(await createClient().send(remote, { bytes }))).toEqual(['data', 451, '4.4.2', 'us', false])
  }, 60_000)

  it.each(['cut', 'reset'])('after the final dot (%s) may have delivered it, and says so', async (how) => {
    const remote = await createRemoteMx({ answers: { dot: how } })
    const end = await createClient().send(remote)
    expect(summary(end)).toEqual(['dot', 451, '4.4.2', 'us', true])
    expect(end.reply.text).toContain('may have been accepted')
  })

  it('before it is there: refused', async () => {
    const end = await createClient().send({ host: 'mx.remote.test', port: await freePort() })
    expect(summary(end)).toEqual(['connect', 451, '4.4.1', 'us', false])
    expect(end.reply.text).toContain('ECONNREFUSED')
  })

  it('by ourselves, when we are told to stop', async () => {
    const remote = await createRemoteMx({ answers: { rcpt: 'hang' }, extensions: [] })
    const abort = new AbortController()
    const sent = createClient().send(remote, { signal: abort.signal })
    await remote.reached('rcpt')
    abort.abort()
    expect(summary(await sent)).toEqual(['rcpt', 451, '4.4.2', 'us', false])
  })
})

describe('a host that falls silent', () => {
  it.each<[Step, Stage, number, boolean]>([
    ['greeting', 'greeting', 5 * minute, false],
    ['ehlo', 'ehlo', 5 * minute, false],
    ['mail', 'mail', 5 * minute, false],
    ['rcpt', 'rcpt', 5 * minute, false],
    ['data', 'data', 3 * minute, false],
    ['dot', 'dot', 10 * minute, true],
  ])('at %s is given up at stage %s after %i ms', async (step, stage, limit, mayBeAccepted) => {
    const remote = await createRemoteMx({ answers: { [step]: 'hang' }, extensions: ['8BITMIME'] })
    const { clock, send } = createClient()
    let ended = false
    const sent = send(remote).finally(() => (ended = true))
    await remote.reached(step)
    await clock.advance(limit - 1)
    expect(ended).toBe(false)
    await clock.advance(1)
    expect(summary(await sent)).toEqual([stage, 451, '4.4.2', 'us', mayBeAccepted])
  })

  it('cannot be reached within 30 seconds', async () => {
    const clock = createVirtualClock(0)
    const { Socket } = await import('node:net')
    const transport = createSmtpTransport({ hostname: 'mx.ours.test', clock, dial: () => new Socket() }) // never connects
    const dispatch = { reversePath: null, forwardPath: address('bo@remote.test'), message }
    const target = { host: 'mx.remote.test', address: '192.0.2.1', port: 25 }
    const sent = transport({ target, dispatch, signal: new AbortController().signal, log: silentLog })
    await clock.advance(30_000)
    expect(summary(await sent)).toEqual(['connect', 451, '4.4.1', 'us', false])
  })

  it('but for a word now and then has half an hour in all', async () => {
    const remote = await createRemoteMx({ answers: { mail: 'hang' }, extensions: ['8BITMIME'] })
    const { clock, send } = createClient()
    const sent = send(remote)
    await remote.reached('mail')
    await clock.advance(30 * minute)
    expect((await sent).by).toBe('us')
  })
})

describe('a hostile host', () => {
  it.each([
    ['HTTP/1.1 400 Bad Request', ['greeting', 451, '4.4.2', 'us', false]],
    ['220-endless\r\n'.repeat(10_000), ['greeting', 451, '4.4.2', 'us', false]],
    [`220 ${'x'.repeat(400_000)}`, ['greeting', 451, '4.4.2', 'us', false]],
  ])('greets with %.40j', async (greeting, expected) => {
    const remote = await createRemoteMx({ answers: { greeting } })
    expect(summary(await createClient().send(remote))).toEqual(expected)
  })

  it('has its words bounded and made plain', () => {
    expect(cleanText('a\u001b[31mred\u0007\u202e\u200b b\t\r\nc')).toBe('a [31mred b c')
    expect(cleanText('x'.repeat(10_000))).toHaveLength(500)
    expect(readReply(`550 5.1.1 ${'x'.repeat(100_000)}`)?.text).toHaveLength(500)
    expect(readReply('hello')).toBeNull()
  })

  it('that answers the final dot with nonsense may have the message', async () => {
    const remote = await createRemoteMx({ answers: { dot: 'ok then' } })
    expect(summary(await createClient().send(remote))).toEqual(['dot', 451, '4.4.2', 'us', true])
  })
})

describe('TLS', () => {
  it('is used when it is offered, without asking who signed the certificate', async () => {
    const remote = await createRemoteMx({ tls: 'works' })
    const end = await createClient().send(remote)
    expect(end.tls).toMatch(/^TLSv1\.[23] /)
    expect(await remote.received()).toMatchObject([{ tls: true }])
  })

  it('that breaks is done without, after a small hello too, over new connections, and not tried again for three days', async () => {
    const remote = await createRemoteMx({ tls: 'broken' })
    const { clock, send } = createClient()
    expect(summary(await send(remote))).toEqual(['dot', 250, '2.0.0', 'remote', false])
    expect(remote.sessions()).toBe(3)
    await send(remote)
    expect(remote.sessions()).toBe(4)
    await clock.advance(3 * 24 * 60 * minute)
    await send(remote)
    expect(remote.sessions()).toBe(7)
  })

  it('that is offered and refused is done without', async () => {
    const remote = await createRemoteMx({ tls: 'works', answers: { starttls: '454 4.7.0 TLS not available' } })
    expect(summary(await createClient().send(remote))).toEqual(['dot', 250, '2.0.0', 'remote', false])
    expect(await remote.received()).toMatchObject([{ tls: false }])
  })

  it('that hangs is given up after a minute', async () => {
    const remote = await createRemoteMx({ tls: 'works', answers: { starttls: 'hang' } })
    const { clock, send } = createClient()
    const sent = send(remote)
    await remote.reached('starttls')
    await clock.advance(minute)
    expect(summary(await sent)).toEqual(['dot', 250, '2.0.0', 'remote', false])
  })

  it('that is required and broken ends in a refusal, and TLS is tried again next time', async () => {
    const remote = await createRemoteMx({
      tls: 'broken',
      answers: { mail: '530 5.7.0 Must issue a STARTTLS command first' },
      extensions: [],
    })
    const { send } = createClient()
    expect(summary(await send(remote))).toEqual(['mail', 530, '5.7.0', 'remote', false])
    await send(remote)
    await send(remote)
    await remote.reached('starttls', 2)
  })
})
