import fc from 'fast-check'
import { type AuthenticateResult, authenticate } from 'mailauth'
import { expect, it } from 'vitest'
import { type Zone, createZoneResolver, forMailauth } from '../../dns/resolver.ts'
import { verifyMessage } from '../../server/inbound/examine/verify-message.ts'
import { createRemoteSender, letter } from '../support/remote-sender.ts'

const sender = createRemoteSender()
const other = createRemoteSender({ domain: 'other.test', dmarc: null })
const zone = { ...sender.zone, ...other.zone }

const client = { ip: '127.0.0.1', helo: 'out.remote.test', sender: 'bo@remote.test' }
type Client = Partial<typeof client>

/** What we read of a result, from both ways. */
async function bothWays(message: Buffer, from: Client = {}, names: Zone = zone): Promise<[ours: object, its: object]> {
  const resolver = forMailauth(createZoneResolver(names)) as (name: string, type: string) => Promise<string[][]>
  const options = { ...client, ...from, mta: 'mx.ours.test', resolver, minBitLength: 1_024 }
  return [
    found(await verifyMessage(message, options)),
    found(await authenticate(message, { ...options, rejectRsaSha1: true, disableBimi: true })),
  ]
}

const found = ({ dkim, spf, dmarc, arc, dmarcSkipReason }: AuthenticateResult): object => ({
  // A signature without a value has an id by chance, and a key is an object or its text.
  dkim: dkim.results.map(({ id: _id, publicKey: _key, ...rest }) => rest),
  authors: [dkim.headerFrom, dkim.fromFields],
  spf,
  dmarc,
  arc: arc && { status: arc.status, i: arc.i, authenticationResults: arc.authenticationResults },
  dmarcSkipReason,
})

const signed = (text: string, options = {}): Promise<Buffer> => sender.sign(text, options)
const withBrokenBody = async (): Promise<Buffer> => Buffer.from((await signed(letter())).toString().replace('Hello.', 'Hullo.'))

it.each<[what: string, message: () => Promise<Buffer> | Buffer, from?: Client, names?: Zone]>([
  ['signed', () => signed(letter())],
  ['signed four times', () => signed(letter(), { signatures: 4 })],
  ['signed by another', () => other.sign(letter())],
  ['signed by both', async () => sender.sign((await other.sign(letter())).toString())],
  ['signed in part', async () => Buffer.concat([await signed(letter({}, 'Hello.\r\n'), { maxBodyLength: 4 }), Buffer.from('More.\r\n')])],
  ['without signature', () => Buffer.from(letter())],
  ['with a changed body', withBrokenBody],
  ['with blank lines at its end', async () => Buffer.concat([await signed(letter()), Buffer.from('\r\n\r\n')])],
  ['with an empty body', () => signed(letter({}, ''))],
  ['with spaces everywhere', () => signed(letter({ Subject: 'a   b \t c' }, 'a \t b  \r\n\r\n  c\t\r\n \r\n'))],
  ['with a long body', () => signed(letter({}, 'a line of some words, again and again\r\n'.repeat(3_000)))],
  ['sealed', () => sender.seal(letter())],
  ['sealed and changed', async () => Buffer.concat([await sender.seal(letter()), Buffer.from('More.\r\n')])],
  ['of two authors', () => signed(letter({ From: 'bo@remote.test, al@other.test' }))],
  ['of no author', () => Buffer.from(letter({ From: null }))],
  ['without a body', () => Buffer.from('From: bo@remote.test\r\nSubject: x')],
  ['that is all body', () => Buffer.from('\r\nHello.\r\n')],
  ['of nothing', () => Buffer.alloc(0)],
  ['from a stranger’s address', () => signed(letter()), { ip: '192.0.2.9' }],
  ['from an IPv6 address', () => signed(letter()), { ip: '2001:db8::9' }],
  ['from nobody', () => signed(letter()), { sender: '' }],
  ['from who greets by address', () => signed(letter()), { helo: '127.0.0.1', sender: '' }],
  ['from who does not greet', () => signed(letter()), { helo: '', sender: '' }],
  ['whose key is gone', () => signed(letter()), {}, { 'remote.test': {} }],
  ['whose key cannot be asked for', () => signed(letter()), {}, { ...zone, 'test._domainkey.remote.test': { SERVFAIL: true } }],
  ['whose policy cannot be asked for', () => signed(letter()), {}, { ...zone, '_dmarc.remote.test': { TIMEOUT: true } }],
  [
    'whose policy is strict',
    () => other.sign(letter()),
    {},
    { ...zone, '_dmarc.remote.test': { TXT: ['v=DMARC1; p=reject; adkim=s; aspf=s'] } },
  ],
])('a message %s is found to be what mailauth says', async (_what, message, from, names) => {
  const [ours, its] = await bothWays(await message(), from, names)
  expect(ours).toEqual(its)
})

it('so is a signed message that was tampered with anywhere', async () => {
  const whole = await signed(letter({ Subject: 'a  b' }, 'One.\r\n\r\nTwo. \r\n'))
  await fc.assert(
    fc.asyncProperty(
      fc.nat(whole.length - 1),
      fc.constantFrom('', ' ', '\r\n', '\r\n ', ';', '=', 'x', ':', '<', ','),
      fc.nat(2),
      async (at, put, cut) => {
        const changed = Buffer.concat([whole.subarray(0, at), Buffer.from(put), whole.subarray(at + cut)])
        // Only CRLF ends a line in what comes here.
        const text = changed.toString('latin1').replaceAll(/\r(?!\n)|(?<!\r)\n/g, '')
        const [ours, its] = await bothWays(Buffer.from(text, 'latin1'))
        expect(ours).toEqual(its)
      },
    ),
    { numRuns: 200 },
  )
})
