import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { dkimVerify } from 'mailauth/lib/dkim/verify.js'
import { beforeAll, describe, expect, it } from 'vitest'
import type { DomainName } from '../../dns/name.ts'
import { type SigningKey, senderAddress, signMessage } from '../../server/outbound/sign.ts'
import { makeDkimKeys } from '../../server/identity/dkim-keys.ts'
import type { DomainId } from '../../server/model/ids.ts'

const now = Date.UTC(2026, 10, 22, 12)
const domain = 'ours.test' as DomainName
const when = { now, validForMs: 72 * 3_600_000 }
let keys: SigningKey[]
let records: Map<string, string>

beforeAll(async () => {
  const rows = (await makeDkimKeys(now)).map((make) => make('dom_1' as DomainId))
  keys = rows.map((row) => ({ domain, selector: row.selector, algorithm: row.algorithm, privateKey: row.private_key }))
  records = new Map(
    rows.map((row) => [
      `${row.selector}._domainkey.${domain}`,
      `v=DKIM1; k=${row.algorithm.startsWith('rsa') ? 'rsa' : 'ed25519'}; p=${row.public_key}`,
    ]),
  )
})

const resolver = (name: string): Promise<string[][]> => {
  const record = records.get(name)
  return record === undefined
    ? Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }))
    : Promise.resolve([[record]])
}
const verify = async (message: Buffer | string, at = now) => {
  const { results } = await dkimVerify(Buffer.from(message), { resolver, curTime: new Date(at), sender: 'ann@ours.test' })
  return results.map(({ status, algo }) => [algo, status.result])
}
const passes = [
  ['ed25519-sha256', 'pass'],
  ['rsa-sha256', 'pass'],
]
const sorted = (results: unknown[][]) => results.toSorted((one, other) => String(one).localeCompare(String(other)))

const header = [
  'Date: Sun, 22 Nov 2026 12:00:00 +0000',
  'From: =?utf-8?Q?Ann?= <ann@ours.test>',
  'To: Bo <bo@remote.test>,',
  '\tCy <cy@remote.test>',
  'Subject:   A  subject',
  'Message-ID: <one@ours.test>',
  'MIME-Version: 1.0',
  'Content-Type: text/plain; charset=utf-8',
]
const build = (fields: readonly string[], body: string): Buffer => Buffer.from([...fields, '', body].join('\r\n'))
const message = build(header, 'Hello  there \t\r\n\r\n.\r\nGrüße\r\n\r\n\r\n')
const signed = async (what = message): Promise<Buffer> => Buffer.concat([Buffer.from(await signMessage(what, keys, when)), what])

describe('a signed message', () => {
  it('verifies for both algorithms', async () => {
    expect(sorted(await verify(await signed()))).toEqual(passes)
  })

  it('says what it promises: relaxed, all fields once more than they occur, expiry after 72 hours, no length', async () => {
    const [field = ''] = (await signMessage(message, keys, when)).split(/\r\n(?=DKIM-Signature)/)
    const tags = new Map(
      field
        .replace('DKIM-Signature:', '')
        .split(';')
        .map((tag) => tag.replaceAll(/\s/g, '').split(/=(.*)/s).slice(0, 2) as [string, string]),
    )
    expect(tags.get('c')).toBe('relaxed/relaxed')
    expect(tags.get('d')).toBe('ours.test')
    expect(Number(tags.get('t'))).toBe(now / 1000)
    expect(Number(tags.get('x')) - Number(tags.get('t'))).toBe(72 * 60 * 60)
    expect(tags.has('l')).toBe(false)
    expect(tags.get('h')?.toLowerCase()).toBe(
      'from:from:to:to:cc:subject:subject:date:date:message-id:message-id:reply-to:' +
        'mime-version:mime-version:content-type:content-type:in-reply-to:references:list-unsubscribe:list-unsubscribe-post:' +
        'x-ai-generated:x-multimail-identity:x-multimail-reputation',
    )
  })

  it('has lines of at most 78 characters, each signature ending in CRLF', async () => {
    const fields = await signMessage(message, keys, when)
    expect(fields.endsWith('\r\n')).toBe(true)
    expect(fields.match(/^DKIM-Signature: /gm)).toHaveLength(2)
    for (const line of fields.split('\r\n')) expect(line.length).toBeLessThanOrEqual(78)
  })

  it.each([
    ['an empty body', ''],
    ['a body of empty lines', '\r\n\r\n\r\n'],
    ['a body of white space', '  \t \r\n \r\n'],
    ['a body without a last line end', 'one\r\ntwo'],
    ['white space before the end', 'one \t \r\n  \r\n\t\r\n'],
    ['white space at the start of lines', ' one\r\n\t\ttwo\r\n'],
    ['more than a mebibyte', 'a line of  some  length \r\n\r\n'.repeat(60_000)],
  ])('with %s verifies', async (_what, body) => {
    expect(sorted(await verify(await signed(build(header, body))))).toEqual(passes)
  })

  it('verifies whatever is in it', async () => {
    const word = fc.stringMatching(/^[ -~\tü]{0,40}$/)
    const property = fc.asyncProperty(fc.array(word, { maxLength: 8 }), word, fc.boolean(), async (lines, subject, twice) => {
      const fields = [...header, `Subject: ${subject}`, ...(twice ? ['Subject: again'] : [])]
      expect(sorted(await verify(await signed(build(fields, lines.join('\r\n')))))).toEqual(passes)
    })
    await fc.assert(property, { numRuns: 40 })
  })
})

describe('a change on the way', () => {
  it.each([
    ['a letter of the body', (text: string) => text.replace('Hello', 'Hallo')],
    ['text behind the body', (text: string) => `${text}more\r\n`],
    ['the subject', (text: string) => text.replace('A  subject', 'Another')],
    ['the date', (text: string) => text.replace('12:00:00', '12:00:01')],
    ['a recipient', (text: string) => text.replace('cy@remote.test', 'di@remote.test')],
    ['the content type', (text: string) => text.replace('text/plain', 'text/html')],
    ...['From: x@y.test', 'To: x@y.test', 'Cc: x@y.test', 'Subject: x', 'Date: x', 'Message-ID: <x>', 'Reply-To: x@y.test'].map(
      (field) => [`a further ${field}`, (text: string) => `${field}\r\n${text}`] as const,
    ),
    ...[
      'MIME-Version: 1.0',
      'Content-Type: text/html',
      'In-Reply-To: <x>',
      'References: <x>',
      'List-Unsubscribe: <https://x.test>',
      'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
      'X-AI-Generated: false',
      'X-MultiMail-Identity: x.y',
      'X-MultiMail-Reputation: x',
    ].map((field) => [`a further ${field}`, (text: string) => text.replace('\r\nMessage-ID', `\r\n${field}\r\nMessage-ID`)] as const),
  ] as const)('in %s breaks both signatures', async (_what, change) => {
    const before = (await signed()).toString()
    const after = change(before)
    expect(after).not.toBe(before)
    for (const [, result] of await verify(after)) expect(result).not.toBe('pass')
  })

  it('of any octet of the body, or of a signed value, is noticed', async () => {
    const whole = await signed()
    const from = whole.indexOf('Date: ')
    const noticed = fc.asyncProperty(fc.integer({ min: from, max: whole.length - 7 }), async (at) => {
      const changed = Buffer.from(whole)
      changed[at] = (changed[at] ?? 0) ^ 0x01
      if (isWhite(whole[at]) || isWhite(changed[at])) return // relaxed: white space may change
      for (const [, result] of await verify(changed)) expect(result).not.toBe('pass')
    })
    await fc.assert(noticed, { numRuns: 100 })
  })
  const isWhite = (octet = 0): boolean => [9, 10, 13, 32, 33].includes(octet)

  it('of white space only is forgiven, as relaxed means', async () => {
    expect(
      sorted(await verify((await signed()).toString().replace('Hello  there', 'Hello there').replace('A  subject', 'A subject'))),
    ).toEqual(passes)
  })

  it('does not survive the time that an operator sets', async () => {
    const whole = Buffer.concat([Buffer.from(await signMessage(message, keys, { now, validForMs: 3_600_000 })), message])
    expect(sorted(await verify(whole, now + 3_599_000))).toEqual(passes)
    for (const [, result] of await verify(whole, now + 3_602_000)) expect(result).not.toBe('pass')
  })

  it('does not survive 72 hours', async () => {
    const whole = await signed()
    expect(sorted(await verify(whole, now + 71 * 3_600_000))).toEqual(passes)
    for (const [, result] of await verify(whole, now + 73 * 3_600_000)) expect(result).not.toBe('pass')
  })
})

describe('the author to sign for', () => {
  it.each([
    ['From: ann@ours.test', 'ann@ours.test'],
    ['From: "Ann, the Agent" <ann@OURS.test>', 'ann@ours.test'],
    ['From: =?utf-8?Q?J=C3=B6rg?=\r\n <ann@b\u00fccher.test>', 'ann@xn--bcher-kva.test'],
    ['From: ann@ours.test, bo@other.test', null],
    ['From: ann@ours.test\r\nFrom: bo@other.test', null],
    ['From: nobody', null],
    ['From: Group: ann@ours.test, bo@other.test;', null],
    ['Sender: ann@ours.test', null],
  ])('of %j is %s', (fields, expected) => {
    expect(senderAddress(Buffer.from(`${fields}\r\nSubject: x\r\n\r\nbody\r\n`))).toBe(expected)
  })
})

it('hashes an empty body to the value RFC 6376 §3.4.4 gives', async () => {
  const fields = await signMessage(build(header, ''), keys.slice(0, 1), when)
  expect(fields).toContain(`bh=${createHash('sha256').digest('base64')};`)
  expect(fields).toContain('bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=')
})
