import { beforeAll, describe, expect, it } from 'vitest'
import { classify } from '../../../server/outbound/classify.ts'
import { smarthostFor, targetOf } from '../../../server/outbound/smarthosts.ts'
import { createSmtpTransport } from '../../../server/outbound/transport/smtp.ts'
import type { Relay, SessionEnd, TlsRequirement } from '../../../server/outbound/transport.ts'
import type { Log } from '../../../server/platform/log.ts'
import { type Authority, createAuthority } from '../../support/authority.ts'
import { address } from '../../support/offices.ts'
import { type RemoteMx, createRemoteMx } from '../../support/remote-mx.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

let authority: Authority
beforeAll(async () => {
  authority = await createAuthority()
})

const login = { user: 'me', password: 'hunter2 \u0442' }
const withAuth = ['PIPELINING', 'AUTH LOGIN PLAIN']

async function relayThrough(options: Parameters<typeof createRemoteMx>[0], relay: Relay, tls?: TlsRequirement) {
  const certificate = await authority.issue({ names: ['relay.test'] })
  const remote: RemoteMx = await createRemoteMx({ tls: 'works', certificate, extensions: withAuth, ...options })
  const logged: unknown[] = []
  const write = (...words: unknown[]): void => void logged.push(words)
  const log = { debug: write, info: write, warn: write, error: write } as unknown as Log
  const clock = createVirtualClock(Date.now())
  const transport = createSmtpTransport({ hostname: 'mx.ours.test', clock, authorities: [authority.cert] })
  const end: SessionEnd = await transport({
    target: { ...targetOf({ host: 'relay.test', port: remote.port, ...relay }), address: '127.0.0.1' },
    dispatch: {
      reversePath: address('ann@ours.test'),
      forwardPath: address('bo@remote.test'),
      message: Buffer.from('Subject: Hi\r\n\r\nHi\r\n'),
    },
    signal: new AbortController().signal,
    log,
    ...(tls && { tls }),
  })
  expect(JSON.stringify([logged, end])).not.toMatch(/hunter2|aHVudGVy/)
  return { end, mails: await remote.received(0), sessions: remote.sessions() }
}
const summary = ({ stage, reply, by }: SessionEnd) => [stage, reply.code, reply.status, by]
const verdictOf = (end: SessionEnd) => [classify(end).outcome, classify(end).suppress]

describe('a smarthost with a login', () => {
  it.each<[string, Parameters<typeof createRemoteMx>[0], Relay['tls']]>([
    ['STARTTLS and PLAIN', {}, 'starttls'],
    ['STARTTLS and LOGIN', { extensions: ['AUTH LOGIN CRAM-MD5'] }, 'starttls'],
    ['TLS from the start and PLAIN', { implicitTls: true, extensions: ['AUTH PLAIN'] }, 'implicit'],
  ])('gets the mail and the login, with %s', async (_how, options, tls) => {
    const { end, mails } = await relayThrough(options, { tls, login })
    expect(summary(end)).toEqual(['dot', 250, '2.0.0', 'remote'])
    expect(mails).toMatchObject([{ tls: true, login: 'me\0hunter2 \u0442', forwardPaths: ['bo@remote.test'] }])
  })

  it.each<[string, NonNullable<Parameters<typeof createRemoteMx>[0]>, Relay['tls']]>([
    ['offers no TLS', { tls: null }, 'starttls'],
    ['offers none where nobody insists on a certificate', { tls: null }, 'offered'],
    ['has a certificate for another name', {}, 'starttls'],
    ['has one for another name and begins with TLS', { implicitTls: true }, 'implicit'],
    ['cannot do TLS', { tls: 'broken' }, 'starttls'],
  ])('that %s is told no password', async (_what, options, tls) => {
    const certificate = await authority.issue({ names: ['other.test'] })
    const { end, mails } = await relayThrough({ ...options, certificate }, { tls, login })
    expect([end.stage, end.reply.code, end.by, mails]).toEqual(['tls', 451, 'us', []])
    expect(verdictOf(end)).toEqual(['retry', 'never'])
  })

  it('is not asked for TLS of the recipient’s kind: policies and TLSA records are about other hosts', async () => {
    const sts: TlsRequirement = { kind: 'verified', because: 'mta-sts', names: ['mx.remote.test'] }
    expect(summary((await relayThrough({}, { tls: 'starttls', login }, sts)).end)).toEqual(['dot', 250, '2.0.0', 'remote'])
    expect(summary((await relayThrough({ tls: null }, { tls: 'offered', login: null }, sts)).end)).toEqual(['dot', 250, '2.0.0', 'remote'])
  })

  it('that knows no way of logging in we know is trouble of ours', async () => {
    const { end } = await relayThrough({ extensions: ['AUTH CRAM-MD5 XOAUTH2'] }, { tls: 'starttls', login })
    expect([summary(end), verdictOf(end)]).toEqual([
      ['mail', 451, '4.7.8', 'us'],
      ['retry', 'never'],
    ])
  })
})

describe('a smarthost that refuses us', () => {
  it.each([
    [{ auth: '535 5.7.8 Username and password not accepted' }],
    [{ auth: '534 5.7.9 Application-specific password required' }],
    [{ mail: '530 5.7.0 Authentication Required' }],
    [{ rcpt: '554 5.7.1 <bo@remote.test>: Relay access denied' }],
    [{ rcpt: '550 5.7.1 Unable to relay: relaying denied' }],
    [{ mail: '550 5.7.1 Client host rejected: authentication required' }],
  ])('is infrastructure trouble, and no recipient suffers: %j', async (answers) => {
    const { end } = await relayThrough({ answers, extensions: ['AUTH PLAIN'] }, { tls: 'starttls', login })
    expect([end.reply.code, end.by, ...verdictOf(end)]).toEqual([454, 'us', 'retry', 'never'])
    expect(end.reply.text).toContain(Object.values(answers)[0])
  })

  it('one that refuses the recipient speaks for the recipient', async () => {
    const { end } = await relayThrough({ answers: { rcpt: '550 5.1.1 No such user' }, extensions: [] }, { tls: 'offered', login: null })
    expect(verdictOf(end)).toEqual(['fail', 'at-once'])
  })
})

describe('the smarthost for a domain', () => {
  const relay = (host: string) => ({ host, port: 587 })
  const routes = [
    { domain: 'remote.test', to: relay('one') },
    { domain: 'deep.remote.test', to: relay('two') },
    { domain: 'partner.test', to: 'mx' as const },
  ]
  it.each([
    ['remote.test', 'one'],
    ['sub.remote.test', 'one'],
    ['deep.remote.test', 'two'],
    ['a.deep.remote.test', 'two'],
    ['notremote.test', 'all'],
    ['partner.test', undefined],
    ['x.partner.test', undefined],
    ['elsewhere.test', 'all'],
  ])('%s is %s: of the routes the one that names most of it', (domain, host) => {
    expect(smarthostFor({ smarthost: relay('all'), routes }, domain)?.host).toBe(host)
    expect(smarthostFor({ smarthost: null, routes }, domain)?.host).toBe(host === 'all' ? undefined : host)
  })
})
