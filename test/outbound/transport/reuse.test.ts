import { describe, expect, it } from 'vitest'
import type { Reuse } from '../../../server/outbound/transport/pool.ts'
import { createSmtpTransport } from '../../../server/outbound/transport/smtp.ts'
import type { SessionEnd, TlsRequirement } from '../../../server/outbound/transport.ts'
import { silentLog } from '../../../server/platform/log.ts'
import { address } from '../../support/offices.ts'
import { type RemoteMx, createRemoteMx } from '../../support/remote-mx.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

const second = 1_000
const minute = 60 * second

function createClient(reuse: Partial<Reuse> = {}) {
  const clock = createVirtualClock(Date.now())
  const transport = createSmtpTransport({
    hostname: 'mx.ours.test',
    clock,
    reuse: { maxMessages: 20, idleMs: 5_000, maxIdle: 10, ...reuse },
  })
  let count = 0
  const send = (remote: RemoteMx, { tls, signal }: { tls?: TlsRequirement; signal?: AbortSignal } = {}): Promise<SessionEnd> =>
    transport({
      target: { host: remote.host, address: '127.0.0.1', port: remote.port, trusted: true },
      dispatch: {
        reversePath: address('ann@ours.test'),
        forwardPath: address(`bo${++count}@remote.test`),
        message: Buffer.from(`Subject: ${count}\r\n\r\nHi\r\n`),
      },
      signal: signal ?? new AbortController().signal,
      log: silentLog,
      ...(tls && { tls }),
    })
  return { clock, transport, send }
}
const summary = ({ stage, reply, by, mayBeAccepted }: SessionEnd) => [stage, reply.code, by, mayBeAccepted]
const accepted = ['dot', 250, 'remote', false]

describe('a session that ended well', () => {
  it('takes the next message for the same host, which is reported like any other', async () => {
    const remote = await createRemoteMx({ tls: 'works' })
    const { send } = createClient()
    const ends = [await send(remote), await send(remote), await send(remote)]
    expect(ends.map(summary)).toEqual([accepted, accepted, accepted])
    expect(ends[2]).toEqual({ ...ends[0], reused: true })
    const mails = await remote.received(3)
    expect(mails.map((mail) => [mail.forwardPaths, mail.raw.toString(), mail.tls])).toEqual(
      [1, 2, 3].map((n) => [[`bo${n}@remote.test`], `Subject: ${n}\r\n\r\nHi\r\n`, true]),
    )
    expect(remote.sessions()).toBe(1)
  })

  it('begins the next message at once where one was accepted a moment ago, and asks (RSET) whether the host is still there a second later', async () => {
    const remote = await createRemoteMx({ answers: { rset: ['502 5.5.1 What?'] } })
    const { send, clock } = createClient()
    await send(remote)
    await clock.advance(999)
    await send(remote)
    expect(remote.sessions()).toBe(1)
    await clock.advance(1_000)
    await send(remote)
    expect(remote.sessions()).toBe(2)
  })

  it('asks at once where one was refused, for that host may not have forgotten it', async () => {
    const remote = await createRemoteMx({ answers: { dot: ['554 5.6.0 No', '250 Ok'] } })
    const { send } = createClient()
    await send(remote)
    expect(summary(await send(remote))).toEqual(accepted)
    await remote.reached('rset', 1)
    expect(remote.sessions()).toBe(1)
  })

  it.each([
    [['250 Ok', '550 5.1.1 No such user', '250 Ok'], ['PIPELINING']],
    [['250 Ok', '550 5.1.1 No such user', '250 Ok'], []],
  ])('also when it refused a recipient %j %j', async (rcpt, extensions) => {
    const remote = await createRemoteMx({
      answers: { rcpt, data: extensions.length > 0 ? ['354 Go', '554 5.5.1 No valid recipients', '354 Go'] : '354 Go' },
      extensions,
    })
    const { send } = createClient()
    const ends = [await send(remote), await send(remote), await send(remote)]
    expect(ends.map(summary)).toEqual([accepted, ['rcpt', 550, 'remote', false], accepted])
    expect((await remote.received(2)).map((mail) => mail.forwardPaths)).toEqual([['bo1@remote.test'], ['bo3@remote.test']])
    expect(remote.sessions()).toBe(1)
  })

  it('takes so many messages, waits so long, and then says QUIT', async () => {
    const remote = await createRemoteMx()
    const { clock, send } = createClient({ maxMessages: 2 })
    await send(remote)
    await send(remote)
    await remote.reached('quit')
    await send(remote)
    expect(remote.sessions()).toBe(2)
    await clock.advance(5_000)
    await remote.reached('quit', 2)
    await send(remote)
    expect(remote.sessions()).toBe(3)
  })

  it('takes fewer messages from a host that bears fewer', async () => {
    const remote = await createRemoteMx()
    const { send } = createClient({ mostOf: () => 1 })
    const ends = [await send(remote), await send(remote)]
    expect(ends.map(({ reused }) => reused === true)).toEqual([false, false])
    expect(remote.sessions()).toBe(2)
    const { send: again } = createClient({ mostOf: () => 50 })
    expect([await again(remote), await again(remote)].map(({ reused }) => reused === true)).toEqual([false, true])
  })

  it('is one of so many that wait: the oldest goes', async () => {
    const [one, other] = [await createRemoteMx(), await createRemoteMx()]
    const { send } = createClient({ maxIdle: 1 })
    await send(one)
    await send(other)
    await one.reached('quit')
    await send(other)
    expect(other.sessions()).toBe(1)
  })

  it('is closed when there is nothing more to send', async () => {
    const remote = await createRemoteMx()
    const { send, transport } = createClient()
    await send(remote)
    transport.closeIdle()
    await remote.reached('quit')
  })

  it('takes no message that has to go another way', async () => {
    const remote = await createRemoteMx({ tls: 'works' })
    const { send } = createClient()
    await send(remote)
    const end = await send(remote, { tls: { kind: 'verified', because: 'mta-sts', names: ['mx.remote.test'] } })
    expect([end.stage, remote.sessions()]).toEqual(['tls', 2])
  })

  it('has its time for each message anew', async () => {
    const remote = await createRemoteMx()
    const { send, clock } = createClient({ idleMs: 60 * minute })
    await send(remote)
    await clock.advance(31 * minute)
    expect(summary(await send(remote))).toEqual(accepted)
    expect(remote.sessions()).toBe(1)
  })
})

describe('a session that did not, or is gone, is of no use, and the next message is none the worse', () => {
  it('after a refusal of the message that ended it (421)', async () => {
    const remote = await createRemoteMx({ answers: { dot: ['421 4.3.2 Going down', '250 Ok'] } })
    const { send } = createClient()
    expect([summary(await send(remote)), summary(await send(remote))]).toEqual([['dot', 421, 'remote', false], accepted])
    expect(remote.sessions()).toBe(2)
  })

  it.each(['cut', 'reset', '421 4.4.2 Idle too long', '502 5.5.1 What?'])('when RSET is answered with %s', async (rset) => {
    const remote = await createRemoteMx({ answers: { rset } })
    const { send, clock } = createClient()
    expect(summary(await send(remote))).toEqual(accepted)
    await clock.advance(second)
    expect(summary(await send(remote))).toEqual(accepted)
    expect([remote.sessions(), (await remote.received(2)).length]).toEqual([2, 2])
  })

  it('when RSET is not answered within ten seconds', async () => {
    const remote = await createRemoteMx({ answers: { rset: 'hang' } })
    const { send, clock } = createClient()
    await send(remote)
    await clock.advance(second)
    const next = send(remote)
    await remote.reached('rset')
    await clock.advance(10 * second)
    expect(summary(await next)).toEqual(accepted)
  })

  it.each([['PIPELINING'], []])(
    'when MAIL, with no RSET before it, is not answered within ten seconds (extensions: %s)',
    async (...extensions) => {
      const remote = await createRemoteMx({ answers: { mail: ['250 Ok', 'hang', '250 Ok'] }, extensions })
      const { send, clock } = createClient()
      await send(remote)
      const next = send(remote)
      await remote.reached('mail', 2)
      await clock.advance(10 * second - 1)
      expect(remote.sessions()).toBe(1)
      await clock.advance(1)
      expect(summary(await next)).toEqual(accepted)
      expect([remote.sessions(), (await remote.received(2)).length]).toEqual([2, 2])
    },
  )

  it('and waits for MAIL as long as the standard says where the connection is a new one, or RSET was just answered', async () => {
    const remote = await createRemoteMx({ answers: { mail: ['hang', '250 Ok', 'hang'] } })
    const { send, clock } = createClient()
    const first = send(remote)
    await remote.reached('mail')
    await clock.advance(5 * minute - 1)
    expect(await Promise.race([first, Promise.resolve('waiting')])).toBe('waiting')
    await clock.advance(1)
    expect(summary(await first)).toEqual(['mail', 451, 'us', false])
    await send(remote)
    await clock.advance(second)
    const third = send(remote)
    await remote.reached('mail', 3)
    await clock.advance(minute)
    expect(await Promise.race([third, Promise.resolve('waiting')])).toBe('waiting')
    remote.answer({})
    await clock.advance(4 * minute)
    expect(summary(await third)).toEqual(accepted)
  })

  it.each(['452 4.5.3 Too many messages', '421 4.7.0 Too many messages in this session', '554 5.5.0 No more', 'cut'])(
    'when it will take no further message (%s at MAIL): a new connection is asked',
    async (refusal) => {
      const remote = await createRemoteMx({ answers: { mail: ['250 Ok', refusal, '250 Ok'] }, extensions: [] })
      const { send } = createClient()
      expect([summary(await send(remote)), summary(await send(remote))]).toEqual([accepted, accepted])
      expect([remote.sessions(), (await remote.received(2)).length]).toEqual([2, 2])
    },
  )

  it('when it is lost after the second message was sent in full: that one may be accepted, and is not sent again here', async () => {
    const remote = await createRemoteMx({ answers: { dot: ['250 Ok', 'cut'] } })
    const { send } = createClient()
    expect([summary(await send(remote)), summary(await send(remote))]).toEqual([accepted, ['dot', 451, 'us', true]])
    expect(remote.sessions()).toBe(1)
  })

  it('when we are told to stop in the middle of the second message', async () => {
    const remote = await createRemoteMx({ answers: { rcpt: ['250 Ok', 'hang'] }, extensions: [] })
    const { send } = createClient()
    await send(remote)
    const abort = new AbortController()
    const second = send(remote, { signal: abort.signal })
    await remote.reached('rcpt', 2)
    abort.abort()
    expect(summary(await second)).toEqual(['rcpt', 451, 'us', false])
    expect(remote.sessions()).toBe(1)
  })
})
