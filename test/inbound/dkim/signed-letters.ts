/** Letters of every kind, signed by mailauth, and what may happen to them on the way. */
import { type KeyObject, createHash, generateKeyPairSync, sign } from 'node:crypto'
import fc from 'fast-check'
import { dkimSign } from 'mailauth'
import { DkimVerifier } from 'mailauth/lib/dkim/dkim-verifier.js'
import { parseHeaders } from 'mailauth/lib/tools.js'
import { splitMessage } from '../../../server/model/headers.ts'
import { type VerifiedSignature, subjectOf, verifySignatures } from '../../../server/inbound/dkim/verify.ts'

export type Names = Readonly<Record<string, string>>
type Pair = { privateKey: KeyObject; publicKey: KeyObject }

const rsa: Pair = generateKeyPairSync('rsa', { modulusLength: 1024 })
const ed25519: Pair = generateKeyPairSync('ed25519')
const domain = 'sender.example'

const spki = ({ publicKey }: Pair): Buffer => publicKey.export({ type: 'spki', format: 'der' })

export const names: Names = {
  [`rsa._domainkey.${domain}`]: `v=DKIM1; k=rsa; p=${spki(rsa).toString('base64')}`,
  [`ed._domainkey.${domain}`]: `v=DKIM1; k=ed25519; p=${spki(ed25519).subarray(-32).toString('base64')}`,
}

export type HowSigned = {
  canonicalization: string
  algorithm: 'rsa-sha256' | 'ed25519-sha256'
  headerList?: string[]
  maxBodyLength?: number
}

export async function signed(message: Buffer, how: readonly HowSigned[]): Promise<Buffer> {
  const signatureData = how.map(({ algorithm, ...more }) => ({
    signingDomain: domain,
    selector: algorithm === 'rsa-sha256' ? 'rsa' : 'ed',
    privateKey: String((algorithm === 'rsa-sha256' ? rsa : ed25519).privateKey.export({ type: 'pkcs8', format: 'pem' })),
    algorithm,
    ...more,
  }))
  const [first] = signatureData
  if (first === undefined) return message
  const { signatures, errors } = await dkimSign(message, { ...first, signatureData })
  if (errors.length > 0) throw new Error(String(errors[0]?.err))
  return Buffer.concat([Buffer.from(signatures, 'latin1'), message])
}

export const ours = (message: Buffer, records: Names = names, now = Date.now()): Promise<VerifiedSignature[]> =>
  verifySignatures(subjectOf(splitMessage(message)), {
    askKey: async (name) => (records[name] === undefined ? { kind: 'none' } : { kind: 'found', record: records[name] }),
    now,
  })

type ByHand = { tags?: string; names?: string; header?: string; body?: string; hash?: 'sha1' | 'sha256'; bodyHash?: string; end?: string }

/** A letter signed by the book (c=simple/simple), whatever its tags say. @param how.names of `h=` @param how.end what follows the signature */
export function byHand(how: ByHand = {}): Buffer {
  const { tags = 'v=1; a=rsa-sha256', names: list = 'From:Subject', body: text = 'Hello.\r\n', hash = 'sha256', end = '' } = how
  const { header = 'From: bo@sender.example\r\nSubject: Lunch\r\n', bodyHash = createHash(hash).update(text).digest('base64') } = how
  const isNamed = (name: string) => tags.includes(`; ${name}=`)
  const more = ['d=sender.example', 's=rsa', `h=${list}`, `bh=${bodyHash}`].filter((tag) => !isNamed(tag.slice(0, tag.indexOf('='))))
  const field = `DKIM-Signature: ${[tags, ...more].join('; ')}; b=`
  const signedText = Buffer.from(covered(header, list) + field + end, 'latin1')
  return Buffer.from(`${field}${sign(hash, signedText, rsa.privateKey).toString('base64')}${end}\r\n${header}\r\n${text}`, 'latin1')
}

/** RFC 6376 §5.4.2: from the bottom up, each field once. */
function covered(header: string, list: string): string {
  const fields = header.split(/(?<=\r\n)(?![ \t])/).filter((line) => line !== '')
  return list
    .toLowerCase()
    .split(':')
    .map((name) => fields.splice(fields.findLastIndex((one) => one.toLowerCase().startsWith(`${name.trim()}:`)) >>> 0, 1).join(''))
    .join('')
}

export type Its = { result: string; comment: string; signed: number; unsigned: number }

/** @param strict whether it goes by the letter of RFC 6376 */
export async function mailauths(
  message: Buffer,
  { records = names, strict = true }: { records?: Names; strict?: boolean } = {},
): Promise<Its[]> {
  const resolver = async (name: string): Promise<string[][]> => {
    const record = records[name.toLowerCase()]
    if (record === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
    return [[record]]
  }
  const verifier = new DkimVerifier({ resolver, strict, rejectRsaSha1: true, minBitLength: 1_024 })
  const { body } = splitMessage(message)
  await verifier.messageHeaders(parseHeaders(message.subarray(0, message.length - body.length)))
  if (body.length > 0) await verifier.nextChunk(body)
  await verifier.finalChunk()
  return verifier.results
    .filter(({ signingDomain }) => Boolean(signingDomain))
    .map(({ status, signingHeaders }) => ({
      result: status.result,
      comment: typeof status.comment === 'string' ? status.comment : '',
      signed: (signingHeaders?.keys ?? '').split(': ').filter((name) => name !== '').length,
      unsigned: status.underSized ?? 0,
    }))
}

const someWhite = fc.constantFrom(' ', '  ', '\t', ' \t ', '\r\n ', '\r\n\t ', ' \r\n  ', '')
const word = fc.oneof(
  fc.constantFrom('a', 'Hello', 'ü', '\u00a0', 'x;y=z', 'b=c', '=20', '..', '--', ':', '<bo@sender.example>', '\0', '\r', '\x85', '日本'),
  fc.string({ minLength: 1, maxLength: 8 }).map((text) => text.replaceAll(/[\r\n]/g, '')),
)
const folded = fc.array(fc.tuple(someWhite, word), { maxLength: 8 }).map((parts) => parts.map((part) => part.join('')).join(''))
const fieldName = fc.constantFrom('Subject', 'To', 'Cc', 'Date', 'X-Other', 'subject', 'SUBJECT', 'Message-ID', 'Content-Type', 'X', 'From')
const field = fc
  .tuple(fieldName, fc.constantFrom('', '', '', ' ', '\t', '\r\n '), folded)
  .map(([name, blank, value]) => `${name}${blank}:${value}`)
/** A line that only fills what is above it must not look like the end of the header. */
const withoutEmptyLines = (text: string): string => text.replaceAll(/\r\n[ \t]*(?=\r\n)/g, '')

const bodyLine = fc
  .array(fc.tuple(fc.constantFrom('', ' ', '  ', '\t', ' \t'), word), { maxLength: 6 })
  .map((parts) => parts.flat().join(''))
const body = fc
  .tuple(
    fc.array(fc.oneof({ weight: 4, arbitrary: bodyLine }, fc.constantFrom('', ' ', '\t', '.', '   ')), { maxLength: 8 }),
    fc.constantFrom('', '\r\n', '\r\n\r\n', '\r\n \r\n', ' ', '\t\r\n', '\r\n\r\n\r\n\r\n', '\r'),
  )
  .map(([lines, end]) => lines.join('\r\n') + end)

export const anyLetter = fc
  .record({ before: fc.array(field, { maxLength: 5 }), from: folded, after: fc.array(field, { maxLength: 5 }), body })
  .map(({ before, from, after, body: text }) => {
    const header = withoutEmptyLines([...before, `From: Bo <bo@sender.example>${from}`, ...after].join('\r\n'))
    return Buffer.from(`${header}\r\n\r\n${text}`)
  })

const listed = fc.array(fc.constantFrom('Subject', 'To', 'Date', 'X-Other', 'subject', 'Absent', 'from', 'Message-ID', 'Received'), {
  maxLength: 8,
})

export const anyWay: fc.Arbitrary<HowSigned> = fc
  .record({
    canonicalization: fc.constantFrom('simple/simple', 'simple/relaxed', 'relaxed/simple', 'relaxed/relaxed'),
    algorithm: fc.constantFrom<HowSigned['algorithm']>('rsa-sha256', 'ed25519-sha256'),
    headerList: fc.option(listed, { nil: undefined }),
    maxBodyLength: fc.option(fc.nat(40), { nil: undefined, freq: 4 }),
  })
  .map(({ headerList, maxBodyLength, ...how }) => ({
    ...how,
    ...(headerList && { headerList: ['From', ...headerList] }),
    ...(maxBodyLength !== undefined && { maxBodyLength }),
  }))

/** Something put in, and something taken out, at a place that is a share of the length. */
export type Change = { at: number; put: string; cut: number; where: 'signature' | 'anywhere' }
export const anyChange: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(9_999).map((at) => at / 10_000),
  put: fc.constantFrom(
    '',
    ' ',
    '\t',
    '\r\n ',
    '\r\n',
    ';',
    ';;',
    '=',
    ':',
    'x',
    'A',
    '0',
    '; d=other.example',
    '; b=',
    ';l=0;',
    '; x=1;',
    '; v=1',
    '; i=@x.sender.example',
    '; i=bo@other.example',
    '; q=dns/txt',
    '; q=dns',
    ';c=relaxed',
    '; t=99999999999',
    ';h=from',
    '; z=b=AAAA',
    '\u00e4',
    '\0',
    '_',
    '/',
    'From: x\r\n',
    '; L=3',
    ';B=xx',
    '; s=ed',
    '; a=rsa-sha1',
    '; h=',
    '\r\n \r\n ',
    'dkim-signature:',
    ':dkim-signature',
    ':from',
    ': subject',
    ' : ',
  ),
  cut: fc.nat(3),
  where: fc.constantFrom<Change['where']>('signature', 'signature', 'anywhere'),
})

export function changed(message: Buffer, { at, put, cut, where }: Change): Buffer {
  const length = where === 'anywhere' ? message.length : signatureLength(message)
  const from = Math.floor(at * length)
  return Buffer.concat([message.subarray(0, from), Buffer.from(put), message.subarray(from + cut)])
}

/** Most of a signature is base64, of which one octet is like another: the first of it is enough. */
const signatureLength = (message: Buffer): number => message.indexOf('\r\n', message.indexOf(' b=')) + 3
