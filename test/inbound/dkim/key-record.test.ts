import { type KeyObject, generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { getPublicKey } from 'mailauth/lib/tools.js'
import { describe, expect, it } from 'vitest'
import { readKeyRecord } from '../../../server/inbound/dkim/key-record.ts'

const derOf = (key: KeyObject, type: 'spki' | 'pkcs1' = 'spki'): Buffer => key.export({ type, format: 'der' })
const rsaOf = (modulusLength: number): KeyObject => generateKeyPairSync('rsa', { modulusLength }).publicKey
const rsa = rsaOf(1_024)
const ed25519 = generateKeyPairSync('ed25519').publicKey
const p = derOf(rsa).toString('base64')
const edP = derOf(ed25519).subarray(-32).toString('base64')
const read = (record: string): string => {
  const key = readKeyRecord(record)
  return key.kind === 'key' ? `${key.type}${key.sameDomain ? ' same' : ''}` : `${key.result}: ${key.reason}`
}

describe('a key record (RFC 6376 §3.6.1)', () => {
  it.each<[record: string, says: string]>([
    [`v=DKIM1; k=rsa; p=${p}`, 'rsa'],
    [`p=${p}`, 'rsa'],
    [`p=${derOf(rsa, 'pkcs1').toString('base64')}`, 'rsa'],
    [`v=DKIM1; p=${p}; n=a note; x-more=1;`, 'rsa'],
    [`v=DKIM1; p=${p.replaceAll(/.{20}/g, '$& ')}`, 'rsa'],
    [`v=DKIM1; s=email; p=${p}`, 'rsa'],
    [`v=DKIM1; s=tlsrpt:*; p=${p}`, 'rsa'],
    [`v=DKIM1; h=sha1:SHA256; p=${p}`, 'rsa'],
    [`v=DKIM1; t=y; p=${p}`, 'rsa'],
    [`v=DKIM1; t=y:s; p=${p}`, 'rsa same'],
    [`v=DKIM1; k=ed25519; p=${edP}`, 'ed25519'],
    // written sloppily, and there is no doubt
    [`k=RSA; V=dkim1; P=${p};;`, 'rsa'],
    [`v=DKIM1; p=${edP}`, 'ed25519'],
    ['v=DKIM1; p=', 'neutral: invalid public key'],
    ['v=DKIM1; k=rsa', 'neutral: invalid public key'],
    ['', 'neutral: invalid public key'],
    ['v=DKIM1; p=not base64!', 'neutral: invalid public key'],
    [`v=DKIM2; p=${p}`, 'neutral: unknown key version'],
    [`v=; p=${p}`, 'neutral: unknown key version'],
    [`v=DKIM1; s=tlsrpt; p=${p}`, 'neutral: key not for email'],
    [`v=DKIM1; h=sha1; p=${p}`, 'neutral: inappropriate hash algorithm'],
    [`v=DKIM1; k=ed25519; p=${p}`, 'neutral: unknown key type'],
    [`v=DKIM1; k=rsa; p=${edP}`, 'neutral: unknown key type'],
    [`v=DKIM1; k=dsa; p=${p}`, 'neutral: unknown key type'],
    ['v=DKIM1; p=AAAA', 'neutral: unknown key type'],
    [`v=DKIM1; p=${p.slice(0, 60)}`, 'neutral: unknown key type'],
  ])('%s: %s', (record, says) => {
    expect([read(record), read(record)]).toEqual([says, says])
  })

  it.each([
    generateKeyPairSync('rsa-pss', { modulusLength: 1_024 }),
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    generateKeyPairSync('x25519'),
  ])('is for RSA or Ed25519 (%#)', ({ publicKey }) => {
    expect(read(`v=DKIM1; p=${derOf(publicKey).toString('base64')}`)).toBe('neutral: unknown key type')
  })

  it('is not trusted when anybody can break it (RFC 8301 §3.2)', () => {
    expect(read(`p=${derOf(rsaOf(512)).toString('base64')}`)).toBe('policy: weak-key')
    expect(read(`p=${derOf(rsaOf(1_016)).toString('base64')}`)).toBe('policy: weak-key')
  })

  it('is none when it is made to take long', () => {
    // 16,384 bits, the largest that OpenSSL takes, and 3,072 with an exponent as long
    expect(read(`p=${rsaByHand(2_048, Buffer.from([1, 0, 1])).toString('base64')}`)).toBe('neutral: invalid public key')
    expect(read(`p=${rsaByHand(384, Buffer.alloc(384, 0x7f)).toString('base64')}`)).toBe('neutral: invalid public key')
    expect(read(`p=${rsaByHand(512, Buffer.from([1, 0, 1])).toString('base64')}`)).toBe('rsa')
    expect(read(`p=${'A'.repeat(1_000_000)}`)).toBe('neutral: invalid public key')
    expect(read(`${'t=y;'.repeat(1_000_000)}p=${p}`)).toBe('neutral: invalid public key')
  })

  it('of a point that is on no curve, or of low order, is a key that nothing is signed with', () => {
    for (const point of [Buffer.alloc(32), Buffer.alloc(32, 0xff), Buffer.concat([Buffer.from([1]), Buffer.alloc(31)])])
      expect(['ed25519', 'neutral: unknown key type']).toContain(read(`k=ed25519; p=${point.toString('base64')}`))
  })

  it('is read as mailauth reads it, whatever is wrong with it', async () => {
    const tag = fc.oneof(
      fc.constantFrom(
        'v=DKIM1',
        'v=DKIM2',
        'V=DKIM1',
        'k=rsa',
        'k=ed25519',
        'k=',
        `p=${p}`,
        `p=${edP}`,
        'p=',
        'P=AAAA',
        's=*',
        's=email:x',
        's=',
      ),
      fc.constantFrom(
        'h=sha256',
        'h=sha1',
        'h=sha1:sha256',
        't=y',
        't=s',
        't=y:s',
        'n=x',
        ' ',
        '',
        'a=b=c',
        `p=${p.slice(0, 100)}`,
        `p=${p}=`,
      ),
      fc.tuple(fc.constantFrom('v', 'k', 's', 'h', 'x'), fc.string({ maxLength: 5 })).map((parts) => parts.join('=').replaceAll(';', '')),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(tag, { maxLength: 6 }), async (tags) => {
        const record = tags.join('; ')
        const its = await getPublicKey('DKIM', 'x', 1_024, async () => [[record]], { hashAlgo: 'sha256' }).then(
          () => 'key',
          () => 'none',
        )
        expect(readKeyRecord(record).kind).toBe(its)
      }),
      { numRuns: 500 },
    )
  })
})

/** An RSAPublicKey that nobody has the other half of. */
function rsaByHand(modulusOctets: number, exponent: Buffer): Buffer {
  const modulus = Buffer.alloc(modulusOctets, 0xab)
  const integer = (octets: Buffer): Buffer => der(0x02, (octets[0] ?? 0) > 127 ? Buffer.concat([Buffer.alloc(1), octets]) : octets)
  return der(0x30, Buffer.concat([integer(modulus), integer(exponent)]))
}

const der = (tag: number, octets: Buffer): Buffer =>
  Buffer.concat([Buffer.from([tag, 0x82, octets.length >> 8, octets.length & 255]), octets])
