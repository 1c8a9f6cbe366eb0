import fc from 'fast-check'
import { type AuthenticateResult, authenticate } from 'mailauth'
import { expect, it } from 'vitest'
import { type Zone, createZoneResolver, forMailauth } from '../../dns/resolver.ts'
import { type Verified, verifyMessage } from '../../server/inbound/examine/verify-message.ts'
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
  const its = await authenticate(message, { ...options, rejectRsaSha1: true, disableBimi: true, strict: false })
  return [ourFound(await verifyMessage(message, options)), itsFound(its)]
}

const ourFound = ({ signatures, headerFrom, fromFields, ...rest }: Verified): object => ({
  dkim: signatures.map(({ domain, selector, signature, result, isAligned, signed: names, unsigned }) =>
    result === 'pass' ? { domain, selector, signature, isAligned, signed: names.length, unsigned } : { domain, result },
  ),
  authors: [headerFrom, fromFields],
  ...others(rest),
})

const itsFound = ({ dkim, ...rest }: AuthenticateResult): object => ({
  dkim: dkim.results.filter(({ signingDomain }) => Boolean(signingDomain)).map(signatureIn),
  authors: [dkim.headerFrom, dkim.fromFields],
  ...others(rest),
})

/** A body that was changed is a failure (RFC 8601 §2.7.1), which it calls neutral. */
function signatureIn({
  signingDomain: domain,
  selector,
  signature,
  status,
  signingHeaders,
}: AuthenticateResult['dkim']['results'][number]): object {
  if (status.result !== 'pass') return { domain, result: status.comment === 'body hash did not verify' ? 'fail' : status.result }
  const signedNames = (signingHeaders?.keys ?? '').split(': ').length
  return { domain, selector, signature, isAligned: Boolean(status.aligned), signed: signedNames, unsigned: status.underSized ?? 0 }
}

const others = ({ spf, dmarc, arc, dmarcSkipReason }: Pick<AuthenticateResult, 'spf' | 'dmarc' | 'arc' | 'dmarcSkipReason'>): object => ({
  spf,
  dmarc: dmarc && {
    ...dmarc,
    alignment: { spf: dmarc.alignment?.spf, dkim: { ...dmarc.alignment?.dkim, id: undefined, underSized: undefined } },
  },
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

// What a signature must be to be one is stricter here; test/inbound/dkim/differential.test.ts holds that beside mailauth's strict mode.
it('so is a signed message that was tampered with anywhere behind its signature', async () => {
  const whole = await signed(letter({ Subject: 'a  b' }, 'One.\r\n\r\nTwo. \r\n'))
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: whole.indexOf('\r\nFrom:') + '\r\nFrom:'.length, max: whole.length - 1 }),
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
