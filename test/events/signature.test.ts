import { createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newSecret, newSeed, publicKeyOf, secretOctets, signatureHeaders } from '../../server/events/signature.ts'

const at = 1_614_265_330_000

/** As a receiver does it that knows the specification and nothing of ours (standardwebhooks.com, spec 1.0.0, "Verifying signatures"). */
function isGenuine(headers: Record<string, string>, body: Buffer, key: { secret: string } | { publicKey: string }): boolean {
  const signed = Buffer.concat([Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`), body])
  return (headers['webhook-signature'] ?? '').split(' ').some((one) => {
    const [version, signature = ''] = one.split(',')
    const octets = Buffer.from(signature, 'base64')
    if ('secret' in key) {
      const expected = createHmac('sha256', Buffer.from(key.secret.replace(/^whsec_/, ''), 'base64'))
        .update(signed)
        .digest()
      return version === 'v1' && octets.length === expected.length && timingSafeEqual(octets, expected)
    }
    const x = Buffer.from(key.publicKey.replace(/^whpk_/, ''), 'base64').toString('base64url')
    return version === 'v1a' && verify(null, signed, createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }), octets)
  })
}

describe('a signature', () => {
  it('is the one of the published example', () => {
    const secrets = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'] as const
    const message = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', at, body: Buffer.from('{"test": 2432232314}') }
    expect(signatureHeaders(message, { secrets, seed: newSeed() })).toMatchObject({
      'webhook-id': message.id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': expect.stringMatching(/^v1,g0hM9SsE\+OTPJTGt\/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1a,[\w+/]{86}==$/),
    })
  })

  it('is the Ed25519 of RFC 8032 §7.1, test 3, under the same key', () => {
    const seed = 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7'
    const key = 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025'
    expect(publicKeyOf(seed)).toBe(`whpk_${Buffer.from(key, 'hex').toString('base64')}`)
  })

  it('holds for any body, with every key, and for no body with another octet, another id or another time', () => {
    const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((octets) => Buffer.from(octets).toString('hex'))
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 2_000 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        seeds,
        (octets, place, flip, seed) => {
          const body = Buffer.from(octets)
          const secrets = [newSecret(), newSecret()] as const
          const headers = signatureHeaders({ id: 'evt_1', at, body }, { secrets, seed })
          const keys = [{ secret: secrets[0] }, { secret: secrets[1] }, { publicKey: publicKeyOf(seed) }]
          const changed = Buffer.from(body)
          changed[place % body.length] = (changed[place % body.length] ?? 0) ^ flip
          for (const key of keys) {
            expect(isGenuine(headers, body, key)).toBe(true)
            expect(isGenuine(headers, changed, key)).toBe(false)
            expect(isGenuine({ ...headers, 'webhook-id': 'evt_2' }, body, key)).toBe(false)
            expect(isGenuine({ ...headers, 'webhook-timestamp': '1614265331' }, body, key)).toBe(false)
          }
          expect(isGenuine(headers, body, { secret: newSecret() })).toBe(false)
          expect(isGenuine(headers, body, { publicKey: publicKeyOf(newSeed()) })).toBe(false)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('of our own header takes the secret as text, over the body alone; the secret before it has a header of its own', () => {
    const body = Buffer.from('{"a":1}')
    const of = (secret: string) => `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
    const seed = newSeed()
    const alone = signatureHeaders({ id: 'evt_1', at, body }, { secrets: ['a chosen secret!'], seed })
    expect(alone['X-MultiMail-Signature']).toBe(of('a chosen secret!'))
    expect(alone).not.toHaveProperty('X-MultiMail-Signature-Previous')
    expect(signatureHeaders({ id: 'evt_1', at, body }, { secrets: ['new', 'old'], seed })).toMatchObject({
      'X-MultiMail-Signature': of('new'),
      'X-MultiMail-Signature-Previous': of('old'),
      'X-MultiMail-Timestamp': '1614265330',
    })
  })
})

describe('a secret', () => {
  it('is long enough for the specification, and never the same', () => {
    const [one, other] = [newSecret(), newSecret()]
    expect(one).toMatch(/^whsec_[\w+/]{43}=$/)
    expect(one).not.toBe(other)
    expect(secretOctets(one)).toHaveLength(32)
  })

  it.each(['correct-horse-battery-staple', 'whsec_too-short', 'whsec_', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'])(
    'that somebody chose and that is none of the specification is taken as it stands: %s',
    (secret) => expect(secretOctets(secret).toString()).toBe(secret),
  )
})
