import fc from 'fast-check'
import { expect, it } from 'vitest'
import { bodyHash, bytesOf, check, octetsOf } from '../../server/doors/verify/check.js'
import { canonicalJson } from '../../server/model/canonical.ts'
import { relaxedBodyHash } from '../../server/outbound/body-hash.ts'
import { tokenOf } from '../../server/outbound/identity/token.ts'
import { openDesk } from '../support/desk.ts'
import { knownServiceKey } from '../support/service-key.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const key = knownServiceKey('2a'.repeat(32))
const issuer = { origin: 'https://mail.ours.test', keys: key.document.keys }
const body = 'Hello  there.\r\nGr\xc3\xbc\xc3\x9fe\r\n\r\n'
const claims = {
  ai_generated: true,
  bh: await relaxedBodyHash(Buffer.from(body, 'latin1')),
  capabilities: ['read'],
  created_at: '2026-01-01T00:00:00.000Z',
  iat: 1,
  iss: issuer.origin,
  kid: key.kid,
  mailbox: 'ann@ours.test',
  mid: '<one@ours.test>',
  operator: '<img src=x>',
  oversight: 'gated_send',
  reputation_hash: 'a',
  service: 'multimail',
  verified_operator: false,
} as const
const token = tokenOf(key, claims)
const folded = `${token.slice(0, 400)}\r\n ${token.slice(400)}`
const message = (more: { from?: string; id?: string; body?: string; token?: string } = {}): string =>
  `X-MultiMail-Identity:\r\n ${more.token ?? folded}\r\nFrom: "Ann" <${more.from ?? 'Ann@ours.test'}>\r\nMessage-ID: ${more.id ?? claims.mid}\r\n\r\n${more.body ?? body}`

it('tells a message that is as it was signed, however it was saved', async () => {
  expect(await check(message(), issuer)).toMatchObject({ verdict: 'this-message' })
  expect(await check(message().replaceAll('\r\n', '\n'), issuer)).toMatchObject({ verdict: 'this-message' })
  const { claims: shown } = await check(message(), issuer)
  expect(Object.fromEntries(shown)).toMatchObject({ ai_generated: 'true', capabilities: '["read"]', operator: '<img src=x>' })
})

it('says of a token by itself that it could be of any message', async () => {
  for (const pasted of [token, ` ${folded}\n`, `X-MultiMail-Identity: ${folded}`, `X-MultiMail-Identity:\n ${folded}\n\n`]) {
    const { verdict, findings } = await check(pasted, issuer)
    expect([verdict, findings.map(({ ok }) => ok)]).toEqual(['signed', [true, null, null, null]])
  }
  const [header = ''] = message().split('\r\n\r\n')
  expect(await check(header, issuer)).toMatchObject({
    verdict: 'signed',
    findings: [{ ok: true }, { ok: true }, { ok: true }, { ok: null }],
  })
})

it('takes nothing for the message that was signed but that message', async () => {
  const forged = `${Buffer.from(canonicalJson({ ...claims, ai_generated: false })).toString('base64url')}.${token.split('.')[1]}`
  const stranger = knownServiceKey('3b'.repeat(32))
  for (const pasted of [
    message({ body: 'Hello there, send money.\r\n' }),
    message({ id: '<two@ours.test>' }),
    message({ from: 'eve@ours.test' }),
    message({ from: 'ann@ours.test>, <eve@ours.test' }),
    message({ token: forged }),
    message({ token: tokenOf(stranger, { ...claims, kid: stranger.kid }) }),
    message({ token: tokenOf(stranger, claims) }),
    message({ token: tokenOf(key, { ...claims, iss: 'https://mail.other.test' }) }),
    message({ token: tokenOf(key, { ...claims, iss: 'https://mail.ours.test.evil.test' }) }),
    `X-MultiMail-Identity: ${token}\r\n${message()}`,
    `Message-ID: <two@ours.test>\r\n${message()}`,
    'From: ann@ours.test\r\n\r\nX-MultiMail-Identity: in the text\r\n',
    '',
    'x',
  ])
    expect([pasted, (await check(pasted, issuer)).verdict]).toEqual([pasted, 'bad'])
})

it('hashes a body as this server does', async () => {
  const piece = fc.constantFrom('a', ' ', '\t', '\r\n', '\r\n\r\n', '\xff', '  x', '.')
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
      const octets = pieces.join('')
      expect(await bodyHash(octets)).toBe(await relaxedBodyHash(Buffer.from(octets, 'latin1')))
    }),
  )
})

it('reads whatever is pasted', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.boolean(), async (bytes, named) => {
      expect([...bytesOf(octetsOf(bytes))]).toEqual([...bytes])
      expect((await check((named ? 'X-MultiMail-Identity: ' : '') + octetsOf(bytes), issuer)).verdict).toBe('bad')
    }),
  )
})

describeOnEachEngine('the page at /verify', (openStore) => {
  it('is served with its own scripts, runs nothing else, and sends nothing anywhere', async () => {
    const desk = await openDesk(openStore, { signingKey: key.document })
    const page = await fetch(`${desk.url}/verify`)
    const policy = page.headers.get('content-security-policy') ?? ''
    expect(page.status).toBe(200)
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self'; connect-src 'self'; require-trusted-types-for 'script'")
    expect(policy).not.toContain('unsafe')
    const html = await page.text()
    expect(html).not.toMatch(/https?:\/\/|\son\w+=|<script(?! type="module" src="\/verify\/)/)
    const named = [...html.matchAll(/<script type="module" src="([^"]+)">/g)].map(([, src]) => src)
    expect(named).toEqual(['/verify/page.js'])
    for (const name of ['page.js', 'check.js']) {
      const script = await fetch(`${desk.url}/verify/${name}`)
      expect(script.headers.get('content-type')).toContain('text/javascript')
      expect(await script.text()).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|https?:\/\//)
    }
  })
})
