import { dkimVerify } from 'mailauth/lib/dkim/verify.js'
import { describe, expect, it } from 'vitest'
import { dkimText } from '../../../dns/records.ts'
import { publicKeyOf } from '../../../server/identity/dkim-keys.ts'
import { canonicalJson } from '../../../server/model/canonical.ts'
import { relaxedBodyHash } from '../../../server/outbound/body-hash.ts'
import { createIdentity } from '../../../server/outbound/identity/identity.ts'
import type { SigningKeyDocument } from '../../../server/outbound/identity/service-key.ts'
import { tokenOf } from '../../../server/outbound/identity/token.ts'
import { createSeal, usualSeal } from '../../../server/outbound/seal.ts'
import type { Store } from '../../../server/store/db.ts'
import { insertDkimKey } from '../../../server/store/dkim-keys.ts'
import { newId } from '../../../server/model/ids.ts'
import { openDesk } from '../../support/desk.ts'
import { knownDkim } from '../../support/known-dkim.ts'
import { address, openOffice } from '../../support/offices.ts'
import { knownServiceKey } from '../../support/service-key.ts'
import { describeOnEachEngine } from '../../support/stores.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

const start = Date.UTC(2026, 10, 22, 12)
const issuer = 'https://mail.ours.test'
const letter = (...fields: string[]): Buffer =>
  Buffer.from(
    ['From: Ann <ann@ours.test>', 'To: <bo@remote.test>', 'Message-ID: <one@ours.test>', ...fields, '', 'Hello  there.', ''].join('\r\n'),
  )
const agentLetter = letter('X-AI-Generated: true')

async function open(store: Store) {
  const clock = createVirtualClock(start)
  const office = await openOffice(store, start)
  const dkim = (await knownDkim(start)).map((make) => ({ ...make(office.mailbox.domain_id), id: newId('dkimKey', start) }))
  await store.transaction(async (tx) => {
    for (const key of dkim) await insertDkimKey(tx, key)
  })
  const identity = await createIdentity({ store, clock, issuer })
  const seal = createSeal({ store, clock, config: usualSeal, identity })
  const email = await office.arrived()
  const domain = office.mailbox.address.replace('ann@', '')
  /** as this office would have written it */
  const own = (message: Buffer): Buffer => Buffer.from(message.toString().replaceAll('ours.test', domain))
  const to = { email, reversePath: address(office.mailbox.address), forwardPath: address('bo@remote.test') }
  const records = new Map(dkim.map((key) => [`${key.selector}._domainkey.${domain}`, dkimText(publicKeyOf(key))]))
  return {
    office,
    identity,
    domain,
    own,
    seal: (message: Buffer) => seal({ ...to, prepended: '', composed: own(message) }),
    /** what mailauth, which is not ours, makes of it */
    judged: async (message: string) => {
      const resolver = async (name: string) => [[records.get(name) ?? '']]
      const { results } = await dkimVerify(Buffer.from(message), { resolver, curTime: new Date(start), sender: office.mailbox.address })
      return results.map(({ status }) => status.result)
    },
  }
}

const fieldOf = (front: string | null, name: string): string =>
  (new RegExp(`^${name}:((?:.|\\r\\n[ \\t])*)\\r\\n`, 'm').exec(front ?? '')?.[1] ?? '').replace(/\s/g, '')

/** As a page in a browser would: with what the server publishes and WebCrypto, and nothing of ours. */
async function verifyToken(document: SigningKeyDocument, token: string): Promise<Record<string, unknown> | null> {
  const [payload = '', signature = ''] = token.split('.').map((part) => Buffer.from(part, 'base64url'))
  const kind = { name: 'ECDSA', namedCurve: 'P-256' }
  const key = await crypto.subtle.importKey('jwk', document.public_key_jwk, kind, false, ['verify'])
  const isGood = await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, Buffer.from(signature), Buffer.from(payload))
  return isGood ? (JSON.parse(String(payload)) as Record<string, unknown>) : null
}

describeOnEachEngine('the identity of a message', (openStore) => {
  it('says who wrote it and who answers for it, bound to this one message', async () => {
    const { identity, seal, office, domain } = await open(await openStore())
    const front = await seal(agentLetter)
    const reputation = fieldOf(front, 'X-MultiMail-Reputation')
    expect(reputation).toMatch(/^[0-9a-f]{64}$/)
    expect(await verifyToken(await identity.document(), fieldOf(front, 'X-MultiMail-Identity'))).toEqual({
      ai_generated: true,
      bh: await relaxedBodyHash(Buffer.from('Hello there.\r\n')),
      capabilities: ['read', 'send'],
      created_at: new Date(office.mailbox.created_at).toISOString(),
      iat: start / 1000,
      iss: issuer,
      kid: (await identity.document()).kid,
      mailbox: office.mailbox.address,
      mid: `<one@${domain}>`,
      operator: expect.any(String),
      oversight: office.mailbox.oversight_mode,
      reputation_hash: reputation,
      service: 'multimail',
      verified_operator: false,
    })
  })

  it('says of mail that no agent wrote that none did', async () => {
    const { identity, seal } = await open(await openStore())
    const token = fieldOf(await seal(letter()), 'X-MultiMail-Identity')
    expect(await verifyToken(await identity.document(), token)).toMatchObject({ ai_generated: false })
  })

  it('is worth nothing with any octet changed', async () => {
    const { identity, seal } = await open(await openStore())
    const token = fieldOf(await seal(agentLetter), 'X-MultiMail-Identity')
    for (let at = 0; at < token.length; at += 7) {
      if (token[at] === '.') continue
      const changed = `${token.slice(0, at)}${token[at] === 'A' ? 'Q' : 'A'}${token.slice(at + 1)}`
      expect(await verifyToken(await identity.document(), changed)).toBeNull()
    }
  })

  it('is covered by both signatures: neither field can be taken away, changed or added', async () => {
    const { seal, judged, own } = await open(await openStore())
    const whole = `${await seal(agentLetter)}${own(agentLetter).toString()}`
    expect(await judged(whole)).toEqual(['pass', 'pass'])
    const changes = [
      whole.replace(/^X-MultiMail-Identity:\r\n .*\r\n/m, ''),
      whole.replace(/^X-MultiMail-Reputation: .*\r\n/m, ''),
      whole.replace('X-MultiMail-Reputation: ', 'X-MultiMail-Reputation: 0'),
      whole.replace('X-AI-Generated: true', 'X-AI-Generated: false'),
      whole.replace('X-AI-Generated: true\r\n', ''),
      `X-MultiMail-Identity: a.b\r\n${whole}`,
      `X-MultiMail-Reputation: 0\r\n${whole}`,
      `X-AI-Generated: false\r\n${whole}`,
    ]
    for (const changed of changes) {
      expect(changed).not.toBe(whole)
      for (const result of await judged(changed)) expect(result).not.toBe('pass')
    }
  })

  it('is a fixed list of fields, in front and in lines that every server takes', async () => {
    const { seal } = await open(await openStore())
    const front = (await seal(agentLetter)) ?? ''
    expect(front.match(/^[A-Za-z-]+(?=:)/gm)).toEqual([
      'DKIM-Signature',
      'DKIM-Signature',
      'X-MultiMail-Identity',
      'X-MultiMail-Reputation',
    ])
    for (const line of front.split('\r\n')) expect(line.length).toBeLessThanOrEqual(998)
  })

  it('cannot be brought along: a message with such a field of its own does not leave', async () => {
    const { seal } = await open(await openStore())
    expect(await seal(letter('X-MultiMail-Identity: forged.token'))).toBeNull()
    expect(await seal(letter('x-multimail-oversight-mode: autonomous'))).toBeNull()
  })

  it('has one key for all nodes, which stays', async () => {
    const store = await openStore()
    const clock = createVirtualClock(start)
    const documents = await Promise.all([1, 2, 3].map(async () => (await createIdentity({ store, clock, issuer })).document()))
    await clock.advance(86_400_000)
    documents.push(await (await createIdentity({ store, clock, issuer })).document())
    for (const document of documents) expect(document).toEqual(documents[0])
    expect(documents[0]).toMatchObject({ created_at: '2026-11-22T12:00:00.000Z', keys: [{ alg: 'ES256' }] })
  })

  it('is checked with a key that everybody may fetch, from any page', async () => {
    const { document, privateKey } = knownServiceKey('1f'.repeat(32), start)
    const { url } = await openDesk(openStore, { signingKey: document })
    const answer = await fetch(`${url}/.well-known/multimail-signing-key`)
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, '*'])
    const published = (await answer.json()) as SigningKeyDocument
    expect(published).toEqual(document)
    expect(JSON.stringify(published)).not.toMatch(/PRIVATE|"d":/)
    const claims = { ...plain, kid: published.kid }
    expect(await verifyToken(published, tokenOf({ privateKey }, claims))).toEqual(claims)
  })
})

const plain = {
  ai_generated: true,
  bh: '',
  capabilities: [],
  created_at: '',
  iat: 0,
  iss: issuer,
  mailbox: 'ann@ours.test',
  mid: '',
  operator: 'Zoë',
  oversight: 'gated_send',
  reputation_hash: '',
  service: 'multimail',
  verified_operator: false,
} as const

describe('a token', () => {
  it('is canonical: ai_generated first, keys in order, no white space', () => {
    const token = tokenOf(knownServiceKey('1f'.repeat(32), start), { ...plain, kid: 'k' })
    const payload = String(Buffer.from(token.split('.')[0] ?? '', 'base64url'))
    expect(payload).toBe(canonicalJson(JSON.parse(payload)))
    expect(payload).toMatch(/^\{"ai_generated":true,"bh":"","capabilities":\[\],/)
    expect(Buffer.from(token.split('.')[1] ?? '', 'base64url')).toHaveLength(64)
  })
})
