import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createSmtpTransport } from '../../../server/outbound/transport/smtp.ts'
import type { DaneRecord, SessionEnd, TlsRequirement } from '../../../server/outbound/transport.ts'
import { silentLog } from '../../../server/platform/log.ts'
import { type Authority, type Pair, createAuthority, octetsOf } from '../../support/authority.ts'
import { address } from '../../support/offices.ts'
import { type RemoteMx, createRemoteMx } from '../../support/remote-mx.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

const name = 'mx.remote.test'
const verified: TlsRequirement = { kind: 'verified', because: 'mta-sts', names: [name] }
const accepted = ['dot', 250, '2.0.0']
const refused = ['tls', 451, '4.7.5']

let authority: Authority
let stranger: Authority
beforeAll(async () => {
  ;[authority, stranger] = await Promise.all([createAuthority(), createAuthority()])
})

function createClient() {
  const clock = createVirtualClock(Date.now())
  const transport = createSmtpTransport({ hostname: 'mx.ours.test', clock, authorities: [authority.cert] })
  const send = (remote: RemoteMx, tls: TlsRequirement | null, more: { requireTls?: boolean } = {}): Promise<SessionEnd> =>
    transport({
      target: { host: name, address: '127.0.0.1', port: remote.port, trusted: true },
      dispatch: {
        reversePath: address('ann@ours.test'),
        forwardPath: address('bo@remote.test'),
        message: Buffer.from('Subject: Hi\r\n\r\nHi\r\n'),
        ...more,
      },
      signal: new AbortController().signal,
      log: silentLog,
      ...(tls && { tls }),
    })
  return { clock, send }
}

const summary = ({ stage, reply }: SessionEnd) => [stage, reply.code, reply.status]
const withCertificate = (certificate: Pair): Promise<RemoteMx> => createRemoteMx({ tls: 'works', certificate })

describe('a verified certificate', () => {
  it.each<[what: string, wanted: { names?: string[]; commonName?: string; expired?: boolean }, trouble: string | null]>([
    ['for the name', { names: ['other.test', name] }, null],
    ['for all names of its domain', { names: ['*.remote.test'] }, null],
    ['for all names two labels up', { names: ['*.test'] }, 'certificate-host-mismatch'],
    ['for a part of a label', { names: ['m*.remote.test'] }, 'certificate-host-mismatch'],
    ['for another name', { names: ['mx.remote.example'] }, 'certificate-host-mismatch'],
    ['for the name as common name only', { commonName: name }, 'certificate-host-mismatch'],
    ['that has expired', { names: [name], expired: true }, 'certificate-expired'],
  ])('%s', async (_what, wanted, trouble) => {
    const remote = await withCertificate(await authority.issue(wanted))
    const { send } = createClient()
    const end = await send(remote, verified)
    expect(summary(end)).toEqual(trouble === null ? accepted : refused)
    expect(end.tlsTrouble).toBe(trouble)
    expect(await remote.received(0)).toHaveLength(trouble === null ? 1 : 0)
    expect(remote.sessions()).toBe(1)
    // Where nobody insists it goes all the same, and what was wrong is known.
    const anyhow = await send(remote, null)
    expect([summary(anyhow), anyhow.tlsTrouble]).toEqual([accepted, trouble])
  })

  it('of an authority that nobody trusts, or its own, is none', async () => {
    for (const pair of [await stranger.issue({ names: [name], chain: true }), undefined]) {
      const remote = await createRemoteMx({ tls: 'works', ...(pair && { certificate: pair }) })
      const end = await createClient().send(remote, verified)
      expect([summary(end), end.tlsTrouble, await remote.received(0)]).toEqual([refused, 'certificate-not-trusted', []])
    }
  })
})

describe('TLS that is required and cannot be had', () => {
  const requirements: [string, TlsRequirement][] = [
    ['verified', verified],
    ['dane', { kind: 'dane', names: [name], records: [{ usage: 3, selector: 1, matching: 1, data: Buffer.alloc(32) }] }],
    ['encrypted', { kind: 'encrypted', because: 'dane' }],
  ]
  it.each(requirements)('because it is not offered (%s): nothing goes', async (_kind, requirement) => {
    const remote = await createRemoteMx()
    const end = await createClient().send(remote, requirement)
    expect([summary(end), end.by, end.tlsTrouble]).toEqual([['tls', 451, '4.7.10'], 'us', 'starttls-not-supported'])
    expect([await remote.received(0), remote.sessions()]).toEqual([[], 1])
  })
  it.each(requirements)('because the host says no for good (%s): that is no refusal of the message', async (_kind, requirement) => {
    const remote = await createRemoteMx({ tls: 'works', answers: { starttls: '554 5.7.1 No' } })
    const end = await createClient().send(remote, requirement)
    expect([summary(end), end.by, await remote.received(0)]).toEqual([refused, 'us', []])
  })
  it.each(requirements)('because the handshake breaks (%s): once more with a small hello, then no more', async (_kind, requirement) => {
    const remote = await createRemoteMx({ tls: 'broken' })
    const { send } = createClient()
    await send(remote, null) // that plain text would do is remembered, and does not count here
    const before = remote.sessions()
    const end = await send(remote, requirement)
    expect([summary(end), end.tlsTrouble, remote.sessions() - before]).toEqual([refused, 'validation-failure', 2])
    expect(await remote.received(0)).toHaveLength(1)
  })
  it('because the host knows no EHLO', async () => {
    const remote = await createRemoteMx({ answers: { ehlo: ['502 5.5.1 What?', '250 mx.remote.test'] } })
    expect(summary(await createClient().send(remote, verified))).toEqual(['tls', 451, '4.7.10'])
  })
})

describe('a host that loses a large ClientHello', () => {
  it('is sent a small one over a new connection, and that is remembered', async () => {
    const remote = await createRemoteMx({ tls: 'works', certificate: await authority.issue({ names: [name] }) })
    const port = await withNarrowDoor(remote.port)
    const { send } = createClient()
    for (const requirement of [null, verified]) {
      const end = await send({ ...remote, port }, requirement)
      expect([summary(end), end.tls]).toEqual([accepted, expect.stringMatching(/^TLSv1\.3 /)])
    }
    expect(remote.sessions()).toBe(3)
    expect((await remote.received(2)).every((mail) => mail.tls)).toBe(true)
  })

  /** A firewall that cuts what begins a handshake with too many octets. */
  async function withNarrowDoor(port: number): Promise<number> {
    const door = createServer((outside) => {
      const inside = connect(port, '127.0.0.1')
      for (const socket of [outside, inside]) socket.on('error', () => {}).on('close', () => (outside.destroy(), inside.destroy()))
      inside.pipe(outside)
      outside.on('data', (piece) => (piece[0] === 22 && piece.length > 600 ? outside.resetAndDestroy() : inside.write(piece)))
    })
    onTestFinished(() => void door.close())
    door.listen(0, '127.0.0.1')
    await once(door, 'listening')
    return (door.address() as AddressInfo).port
  }
})

describe('DANE', () => {
  const sha256 = (octets: Buffer) => createHash('sha256').update(octets).digest()
  const sha512 = (octets: Buffer) => createHash('sha512').update(octets).digest()
  const dane = (records: DaneRecord[], names = [name]): TlsRequirement => ({ kind: 'dane', names, records })
  const sendTo = async (pair: Pair, requirement: TlsRequirement) => {
    const end = await createClient().send(await withCertificate(pair), requirement)
    return [...summary(end), end.tlsTrouble]
  }

  it('with the peer’s own key (DANE-EE) asks for no name, no authority and no date', async () => {
    const pair = await stranger.issue({ names: ['other.test'], expired: true })
    const { certificate, key } = octetsOf(pair.cert)
    const records: DaneRecord[] = [
      { usage: 3, selector: 0, matching: 0, data: certificate },
      { usage: 3, selector: 0, matching: 1, data: sha256(certificate) },
      { usage: 3, selector: 1, matching: 0, data: key },
      { usage: 3, selector: 1, matching: 1, data: sha256(key) },
      { usage: 3, selector: 1, matching: 2, data: sha512(key) },
    ]
    for (const record of records) expect(await sendTo(pair, dane([record]))).toEqual([...accepted, null])
    const other: DaneRecord = { usage: 3, selector: 1, matching: 1, data: sha256(certificate) }
    expect(await sendTo(pair, dane([other]))).toEqual([...refused, 'certificate-not-trusted'])
    expect(await sendTo(pair, dane([other, ...records]))).toEqual([...accepted, null])
  })

  it('with an authority (DANE-TA) wants a chain to it, the name, and the dates right', async () => {
    const { certificate, key } = octetsOf(stranger.cert)
    const record: DaneRecord = { usage: 2, selector: 0, matching: 1, data: sha256(certificate) }
    const good = await stranger.issue({ names: [name], chain: true })
    expect(await sendTo(good, dane([record]))).toEqual([...accepted, null])
    expect(await sendTo(good, dane([{ usage: 2, selector: 1, matching: 2, data: sha512(key) }]))).toEqual([...accepted, null])
    expect(await sendTo(good, dane([record], ['elsewhere.test']))).toEqual([...refused, 'certificate-host-mismatch'])
    expect(await sendTo(good, dane([record], ['elsewhere.test', name]))).toEqual([...accepted, null])
    const asCommonName = await stranger.issue({ commonName: name, chain: true })
    expect(await sendTo(asCommonName, dane([record]))).toEqual([...accepted, null])
    const expired = await stranger.issue({ names: [name], chain: true, expired: true })
    expect(await sendTo(expired, dane([record]))).toEqual([...refused, 'certificate-not-trusted'])
  })

  it('with an authority that the host does not send along needs the whole of it in the record', async () => {
    const { certificate, key } = octetsOf(stranger.cert)
    const alone = await stranger.issue({ names: [name] })
    expect(await sendTo(alone, dane([{ usage: 2, selector: 0, matching: 1, data: sha256(certificate) }]))).toEqual([
      ...refused,
      'certificate-not-trusted',
    ])
    expect(await sendTo(alone, dane([{ usage: 2, selector: 0, matching: 0, data: certificate }]))).toEqual([...accepted, null])
    expect(await sendTo(alone, dane([{ usage: 2, selector: 1, matching: 0, data: key }]))).toEqual([...accepted, null])
    expect(await sendTo(alone, dane([{ usage: 2, selector: 1, matching: 0, data: Buffer.from('no key') }]))).toEqual([
      ...refused,
      'certificate-not-trusted',
    ])
  })

  it('is not fooled by an authority sent along that signed nothing, nor by one that is none', async () => {
    const { certificate } = octetsOf(stranger.cert)
    const record: DaneRecord = { usage: 2, selector: 0, matching: 1, data: sha256(certificate) }
    const forged = await authority.issue({ names: [name] })
    const withStranger = { ...forged, cert: `${forged.cert}\n${stranger.cert}` }
    expect(await sendTo(withStranger, dane([record]))).toEqual([...refused, 'certificate-not-trusted'])
    // The peer's own certificate is no authority over itself.
    const own: DaneRecord = { usage: 2, selector: 0, matching: 1, data: sha256(octetsOf(forged.cert).certificate) }
    expect(await sendTo(forged, dane([own]))).toEqual([...refused, 'certificate-not-trusted'])
  })

  it('does without the authorities of the world', async () => {
    const pair = await authority.issue({ names: [name], chain: true })
    expect(await sendTo(pair, dane([{ usage: 3, selector: 1, matching: 1, data: Buffer.alloc(32) }]))).toEqual([
      ...refused,
      'certificate-not-trusted',
    ])
  })
})

describe('REQUIRETLS', () => {
  const extensions = ['PIPELINING', '8BITMIME', 'REQUIRETLS']
  it('is said to a host that offers it', async () => {
    const remote = await createRemoteMx({ tls: 'works', certificate: await authority.issue({ names: [name] }), extensions })
    expect(summary(await createClient().send(remote, { ...verified, because: 'requiretls' }, { requireTls: true }))).toEqual(accepted)
    expect(await remote.received()).toMatchObject([{ mailParameters: 'REQUIRETLS', tls: true }])
  })
  it('is refused here when the host does not offer it, or not over TLS', async () => {
    const without = await withCertificate(await authority.issue({ names: [name] }))
    const plain = await createRemoteMx({ extensions })
    for (const remote of [without, plain]) {
      const end = await createClient().send(remote, null, { requireTls: true })
      expect([summary(end), end.by, await remote.received(0)]).toEqual([['mail', 550, '5.7.30'], 'us', []])
    }
  })
})
