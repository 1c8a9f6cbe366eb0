import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Zone } from '../../../dns/resolver.ts'
import { createZoneResolver } from '../../../dns/resolver.ts'
import { relaxedBodyHash } from '../../../server/outbound/body-hash.ts'
import { createIssuerKeys } from '../../../server/outbound/identity/issuer-keys.ts'
import { createReadIdentity } from '../../../server/outbound/identity/read-identity.ts'
import { type IssuerKey, issuerOf } from '../../../server/outbound/identity/received-token.ts'
import { type Claims, tokenOf } from '../../../server/outbound/identity/token.ts'
import { makeCertificate } from '../../support/certificate.ts'
import { createHttpsHost, says } from '../../support/https-host.ts'
import { knownServiceKey } from '../../support/service-key.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

const start = Date.UTC(2026, 10, 22, 12)
const theirs = knownServiceKey('1f'.repeat(32), start)
const another = knownServiceKey('2e'.repeat(32), start)
const body = 'Hello  there.\r\n'
const keyOf = ({ document }: typeof theirs): IssuerKey => ({ kid: document.kid, jwk: document.public_key_jwk })

const claims = async (change: Partial<Claims> = {}): Promise<Claims> => ({
  ai_generated: true,
  bh: await relaxedBodyHash(Buffer.from(body)),
  capabilities: ['read', 'send'],
  created_at: '2026-01-01T00:00:00.000Z',
  iat: start / 1000,
  iss: 'https://mail.theirs.test',
  kid: theirs.kid,
  mailbox: 'bo@theirs.test',
  mid: '<one@theirs.test>',
  operator: 'Theirs',
  oversight: 'gated_send',
  reputation_hash: 'a'.repeat(64),
  service: 'multimail',
  verified_operator: false,
  ...change,
})
const letter = (token: string | null, more: readonly string[] = [], text = body): Buffer =>
  Buffer.from(
    [
      ...(token === null ? [] : [`X-MultiMail-Identity: ${token.slice(0, 400)}`, ` ${token.slice(400)}`]),
      ...more,
      'From: Bo <bo@theirs.test>',
      'Message-ID: <one@theirs.test>',
      '',
      text,
    ].join('\r\n'),
  )

describe('the identity of an arriving message', () => {
  const ownIs = (issuer: string, keys: IssuerKey[] = [keyOf(theirs)]) =>
    createReadIdentity({
      own: { issuer: issuerOf(issuer), keys: () => Promise.resolve(keys) },
      keysOf: () => Promise.reject(new Error('asked somebody')),
    })
  const read = ownIs('https://mail.theirs.test')
  const facts = (message: Buffer) => ({ message, from: 'bo@theirs.test', proven: true })

  it('is null when it says nothing, and is known of our own without asking anybody', async () => {
    expect(await read(facts(letter(null)))).toBeNull()
    expect(await read(facts(letter(tokenOf(theirs, await claims()))))).toEqual({
      valid: true,
      problem: null,
      issuer: 'mail.theirs.test',
      claims: {
        ai_generated: true,
        capabilities: ['read', 'send'],
        created_at: '2026-01-01T00:00:00.000Z',
        operator: 'Theirs',
        oversight: 'gated_send',
        reputation_hash: 'a'.repeat(64),
        verified_operator: false,
      },
    })
    // White space may change on the way, as DKIM allows.
    expect(await read(facts(letter(tokenOf(theirs, await claims()), [], 'Hello there. \r\n\r\n')))).toMatchObject({ valid: true })
  })

  it.each<[string, (good: string) => Promise<Parameters<typeof read>[0]>]>([
    ['other-message', async (good) => facts(letter(good, [], 'Give him the money.\r\n'))],
    ['other-message', async () => facts(letter(tokenOf(theirs, await claims({ mid: '<two@theirs.test>' }))))],
    ['other-message', async (good) => facts(letter(good, ['Message-ID: <two@theirs.test>']))],
    ['other-author', async (good) => ({ ...facts(letter(good)), from: 'eve@theirs.test' })],
    ['other-author', async (good) => ({ ...facts(letter(good)), from: null })],
    ['author-not-proven', async (good) => ({ ...facts(letter(good)), proven: false })],
    ['several', async (good) => facts(letter(good, [`X-MultiMail-Identity: ${good}`]))],
    ['malformed', async () => facts(letter('not.a-token'))],
    ['malformed', async () => facts(letter(`${Buffer.from('[1]').toString('base64url')}.${'A'.repeat(86)}`))],
    ['malformed', async () => facts(letter(`${'A'.repeat(8_000)}.${'A'.repeat(500)}`))],
    ['unknown-key', async () => facts(letter(tokenOf(theirs, await claims({ kid: another.kid }))))],
    ['bad-signature', async () => facts(letter(tokenOf(another, await claims())))],
  ])('is not believed: %s (%#)', async (problem, make) => {
    const good = tokenOf(theirs, await claims())
    expect(await read(await make(good))).toMatchObject({ valid: false, problem, claims: null })
  })

  it.each([
    'http://mail.theirs.test',
    'https://mail.theirs.test:8443',
    'https://user:word@mail.theirs.test',
    'https://mail.theirs.test/path',
    'https://mail.theirs.test/?x',
    'https://127.0.0.1',
    'https://[::1]',
    'https://2130706433',
    'https://localhost',
    'file:///etc/passwd',
    'nonsense',
  ])('is asked of no issuer that is no plain https host: %s', async (iss) => {
    expect(await read(facts(letter(tokenOf(theirs, await claims({ iss })))))).toMatchObject({ valid: false, problem: 'issuer-not-usable' })
  })

  it('is worth nothing with any octet of it changed, and never fails', async () => {
    const good = tokenOf(theirs, await claims())
    // A changed issuer is asked, and has no keys.
    const own = { issuer: issuerOf('https://mail.theirs.test'), keys: () => Promise.resolve([keyOf(theirs)]) }
    const read = createReadIdentity({ own, keysOf: () => Promise.resolve(null) })
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: good.length - 1 }), fc.constantFrom(...'AQgw_.=\u00e9'.split('')), async (at, other) => {
        fc.pre(good[at] !== other)
        // The last character has bits that nobody reads.
        fc.pre(at !== good.length - 1 && good[at + 1] !== '.')
        expect((await read(facts(letter(good.slice(0, at) + other + good.slice(at + 1)))))?.valid).toBe(false)
      }),
      { numRuns: 150 },
    )
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 300 }), async (text) => {
        const identity = await read(facts(Buffer.concat([Buffer.from(`X-MultiMail-Identity: ${text}\r\n`), letter(null)])))
        expect(identity?.valid ?? false).toBe(false)
      }),
    )
  })
})

describe('the keys of an issuer', () => {
  const zone: Zone = { 'mail.theirs.test': { A: ['127.0.0.1'] }, 'inside.test': { A: ['10.0.0.1'] } }
  const open = async (answer = says(JSON.stringify(theirs.document), { type: 'application/json' }), allowPrivateTargets = true) => {
    const certificate = await makeCertificate('mail.theirs.test')
    const host = await createHttpsHost(certificate, answer)
    const clock = createVirtualClock(start)
    const keysOf = createIssuerKeys({
      resolver: createZoneResolver(zone),
      clock,
      allowPrivateTargets,
      port: host.port,
      ca: certificate.cert,
    })
    return { host, clock, keysOf, issuer: issuerOf('https://mail.theirs.test') ?? never() }
  }
  const never = (): never => {
    throw new Error('no issuer')
  }

  it('are asked for once an hour, however many ask, from the place that is known', async () => {
    const { host, clock, keysOf, issuer } = await open()
    const all = await Promise.all(Array.from({ length: 5 }, () => keysOf(issuer)))
    expect(all).toEqual(Array.from({ length: 5 }, () => [keyOf(theirs)]))
    expect(host.asked.map(({ method, path, host: name }) => [method, path, name])).toEqual([
      ['GET', '/.well-known/multimail-signing-key', 'mail.theirs.test'],
    ])
    await keysOf(issuer)
    expect(host.asked).toHaveLength(1)
    await clock.advance(60 * 60_000)
    await keysOf(issuer)
    expect(host.asked).toHaveLength(2)
  })

  it.each([
    ['is no document', says('<html>')],
    ['has too many keys', says(JSON.stringify({ keys: Array.from({ length: 21 }, () => theirs.document.keys[0]) }))],
    ['is too long', says(JSON.stringify({ ...theirs.document, more: 'x'.repeat(40_000) }))],
    ['is a refusal', says('{}', { status: 404 })],
    ['leads elsewhere', says('', { status: 302, headers: { Location: 'https://inside.test/' } })],
  ])('are not to be had when the answer %s; then nobody asks again for five minutes', async (_, answer) => {
    const { host, clock, keysOf, issuer } = await open(answer)
    expect(await keysOf(issuer)).toBeNull()
    expect(await keysOf(issuer)).toBeNull()
    expect(host.asked).toHaveLength(1)
    await clock.advance(5 * 60_000)
    host.answer(says(JSON.stringify(theirs.document)))
    expect(await keysOf(issuer)).toEqual([keyOf(theirs)])
  })

  it('that cannot be used are left out', async () => {
    const { keysOf, issuer } = await open(says(JSON.stringify({ keys: [{ kid: 'x', kty: 'RSA' }, 7, theirs.document.keys[0]] })))
    expect(await keysOf(issuer)).toEqual([keyOf(theirs)])
  })

  it('are asked of nobody inside our own network', async () => {
    const { host, keysOf, issuer } = await open(undefined, false)
    expect(await keysOf(issuer)).toBeNull()
    expect(host.asked).toEqual([])
  })

  it('that are slow to come are not waited for, and are known to the next message', async () => {
    const { host, clock, keysOf, issuer } = await open(() => {})
    const waiting = keysOf(issuer)
    await host.untilAsked()
    await clock.advance(5_000)
    expect(await waiting).toBeNull()
  })

  it('of many issuers are asked for a few at a time', async () => {
    const clock = createVirtualClock(start)
    const names = new Set<string>()
    const silence = (name: string) => {
      names.add(name)
      return new Promise<never>(() => {})
    }
    const resolver = { ...createZoneResolver({}), a: silence, aaaa: silence }
    const keysOf = createIssuerKeys({ resolver, clock, allowPrivateTargets: false })
    const asked = Array.from({ length: 30 }, (_, at) => keysOf(issuerOf(`https://h${at}.slow.test`) ?? never()))
    await clock.advance(5_000)
    expect((await Promise.all(asked)).every((keys) => keys === null)).toBe(true)
    expect(names.size).toBe(10)
  })
})
