import { type KeyObject, generateKeyPairSync } from 'node:crypto'
import { sealMessage } from 'mailauth'
import { describe, expect, it } from 'vitest'
import type { Zone } from '../../dns/resolver.ts'
import { createRemoteSender, letter } from '../support/remote-sender.ts'
import { authenticity } from './authentic.ts'

const author = createRemoteSender({ domain: 'author.test', dmarc: 'p=reject' })
const original = letter({ From: 'Bo <bo@author.test>' })

const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 })
const ed25519 = generateKeyPairSync('ed25519')
const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }) as string
const sealers: Zone = {
  'r._domainkey.list.test': { TXT: [`v=DKIM1; p=${rsa.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')}`] },
  'r._domainkey.forwarder.test': { TXT: [`v=DKIM1; p=${rsa.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')}`] },
  'e._domainkey.forwarder.test': {
    TXT: [`v=DKIM1; k=ed25519; p=${ed25519.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64')}`],
  },
}
const zone: Zone = { ...author.zone, ...sealers }

type Seal = { by: string; cv?: 'none' | 'pass' | 'fail'; says?: string; i?: number; key?: 'r' | 'e' }

/** The message as it leaves a sealer. */
async function sealed(
  message: string | Buffer,
  { by, cv = 'none', says = 'dmarc=pass header.from=author.test', i, key = 'r' }: Seal,
): Promise<string> {
  const set = await sealMessage(Buffer.from(message), {
    signingDomain: by,
    selector: key,
    privateKey: pem(key === 'r' ? rsa.privateKey : ed25519.privateKey),
    cv,
    authResults: `mx.${by}; ${says}`,
    ...(i !== undefined && { i }),
  })
  return Buffer.concat([set, Buffer.from(message)]).toString()
}

const arcOf = async (message: string, names: Zone = zone) => {
  const { results, chain } = await authenticity(names, message)
  return { result: results.arc.result, chain }
}

describe('a chain (RFC 8617 §5.2)', () => {
  it('is none where there are no fields of it', async () => {
    expect(await arcOf(original)).toEqual({ result: 'none', chain: null })
  })

  it('of one set passes, by either kind of key', async () => {
    expect(await arcOf(await sealed(original, { by: 'list.test' }))).toEqual({
      result: 'pass',
      chain: { sealers: ['list.test'], first: { dmarc: 'pass', author: 'author.test' } },
    })
    expect((await arcOf(await sealed(original, { by: 'forwarder.test', key: 'e' }))).result).toBe('pass')
  })

  it('tells of a journey like those of Appendix B: signed, changed by a list, passed on, and nothing else proves it any more', async () => {
    const signed = (await author.sign(original)).toString()
    const first = await sealed(signed, {
      by: 'list.test',
      says: 'spf=pass smtp.mailfrom=author.test; dkim=pass header.d=author.test; dmarc=pass header.from=author.test',
    })
    const changed = first.replace('Subject: Lunch', 'Subject: [friends] Lunch')
    // The list changed what it had sealed, so it is no longer what the list saw.
    expect((await arcOf(changed)).result).toBe('fail')

    const byList = await sealed(signed.replace('Subject: Lunch', 'Subject: [friends] Lunch'), { by: 'list.test' })
    const passedOn = await sealed(byList, { by: 'forwarder.test', cv: 'pass', says: 'arc=pass; dmarc=fail header.from=author.test' })
    const { results, chain } = await authenticity(zone, passedOn)
    expect(results).toMatchObject({ dkim: [{ result: 'fail' }], dmarc: { result: 'fail', policy: 'reject' }, arc: { result: 'pass' } })
    expect(chain).toEqual({ sealers: ['list.test', 'forwarder.test'], first: { dmarc: 'pass', author: 'author.test' } })
  })

  it('says what its first sealer found, also when that was a failure', async () => {
    const { chain } = await arcOf(await sealed(original, { by: 'list.test', says: 'dmarc=fail header.from=author.test' }))
    expect(chain?.first).toEqual({ dmarc: 'fail', author: 'author.test' })
    const silent = await arcOf(await sealed(original, { by: 'list.test', says: 'spf=pass' }))
    expect(silent.chain?.first).toEqual({ dmarc: 'none', author: null })
  })

  it('of many sets passes, and of more than fifty fails', async () => {
    let message = await sealed(original, { by: 'list.test' })
    for (let i = 2; i <= 6; i++) message = await sealed(message, { by: 'forwarder.test', cv: 'pass' })
    expect((await arcOf(message)).chain?.sealers).toHaveLength(6)
    const many = Array.from({ length: 51 }, (_, at) => setOf(message, 1).replaceAll('i=1;', `i=${at + 1};`)).join('')
    expect((await arcOf(many + original)).result).toBe('fail')
  })
})

describe('a chain fails', () => {
  /** Two sets, of the list and of the forwarder. */
  const twice = async (): Promise<string> => sealed(await sealed(original, { by: 'list.test' }), { by: 'forwarder.test', cv: 'pass' })

  it.each<[what: string, change: (message: string) => string]>([
    ['when the text was changed after the last seal', (message) => message.replace('Hello', 'Hallo')],
    ['when a signed field was changed', (message) => message.replace('Subject: Lunch', 'Subject: Dinner')],
    [
      'when what the first sealer found was changed',
      (message) => message.replace('i=1; mx.list.test; dmarc=pass', 'i=1; mx.list.test; dmarc=fail'),
    ],
    ['without one of its fields', (message) => message.replace(/^ARC-Message-Signature: i=1;(?:.|\r\n[ \t])*\r\n/m, '')],
    ['without its first set', (message) => message.replace(setOf(message, 1), '')],
    ['with a field twice', (message) => `${/^ARC-Seal: i=2;(?:.|\r\n[ \t])*\r\n/m.exec(message)?.[0] ?? ''}${message}`],
    [
      'with an instance it cannot have',
      (message) => message.replace('ARC-Authentication-Results: i=2;', 'ARC-Authentication-Results: i=0;'),
    ],
    ['with a seal that says nothing was there before', (message) => message.replace(/(ARC-Seal: i=2;(?:.|\r\n[ \t])*?cv=)pass/, '$1none')],
  ])('%s', async (_what, change) => {
    const message = await twice()
    expect(change(message)).not.toBe(message)
    expect(await arcOf(change(message))).toEqual({ result: 'fail', chain: null })
  })

  it('when a sealer found it broken already', async () => {
    const broken = (await sealed(original, { by: 'list.test' })).replace('Hello', 'Hallo')
    expect((await arcOf(await sealed(broken, { by: 'forwarder.test', cv: 'fail' }))).result).toBe('fail')
  })

  it('when a first set claims that one before it was right', async () => {
    expect((await arcOf(await sealed(original, { by: 'list.test', cv: 'pass', i: 1 }))).result).toBe('fail')
  })

  it('when a key is gone or somebody else’s', async () => {
    const message = await twice()
    expect((await arcOf(message, { ...zone, 'r._domainkey.list.test': {} })).result).toBe('fail')
    expect((await arcOf(message, { ...zone, 'r._domainkey.list.test': sealers['e._domainkey.forwarder.test'] ?? {} })).result).toBe('fail')
  })
})

/** The three fields of one set. */
function setOf(message: string, i: number): string {
  const fields = message.match(new RegExp(`^ARC-[A-Za-z-]+: i=${i};(?:.|\\r\\n[ \\t])*\\r\\n`, 'gm')) ?? []
  return fields.join('')
}
