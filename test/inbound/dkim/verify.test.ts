import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { subjectOf, verifySignatures } from '../../../server/inbound/dkim/verify.ts'
import { splitMessage } from '../../../server/model/headers.ts'
import { byHand, names, ours } from './signed-letters.ts'

const key = names['rsa._domainkey.sender.example'] ?? ''
const verdict = async (message: Buffer, records = names, now = Date.now()): Promise<string> =>
  (await ours(message, records, now)).map(({ result, reason }) => [result, reason].filter(Boolean).join(': ')).join(', ')

const algorithm = 'v=1; a=rsa-sha256'
const syntaxError = 'neutral: signature syntax error'
const missing = 'neutral: signature missing required tag'

describe('the tags of a signature (RFC 6376 §3.5)', () => {
  it.each<[tags: string, says: string]>([
    [algorithm, 'pass'],
    ['v=1; a=RSA-SHA256', 'pass'],
    [`${algorithm}; c=simple/simple`, 'pass'],
    [`${algorithm}; c=Simple`, 'pass'],
    [`${algorithm}; q=dns/txt`, 'pass'],
    [`${algorithm}; q=http/well-known : DNS/TXT`, 'pass'],
    [`${algorithm}; z=From:b=x|h=y; x_new=a "b" (c)`, 'pass'],
    [`${algorithm}; V=2; B=x`, 'pass'],
    [`v = 1;\r\n\ta=\r\n rsa-sha256`, 'pass'],
    ['a=rsa-sha256', missing],
    ['v=2; a=rsa-sha256', 'neutral: incompatible version'],
    ['v=1.0; a=rsa-sha256', 'neutral: incompatible version'],
    ['v=1; V=1; v=1; a=rsa-sha256', syntaxError],
    [`${algorithm}; d=sender.example; d=other.example`, syntaxError],
    [`${algorithm};; c=simple`, syntaxError],
    [`; ${algorithm}`, syntaxError],
    [`${algorithm}; some words`, syntaxError],
    [`${algorithm}; 1x=y`, syntaxError],
    [`${algorithm}; x=\0`, syntaxError],
    [`${algorithm}; z=a\rb`, syntaxError],
    [`${algorithm}; c=`, syntaxError],
    // §6.1: what nobody here knows is as if it were not there
    [`${algorithm}; c=relaxed/other`, ''],
    [`${algorithm}; c=simple/simple/simple`, ''],
    ['v=1; a=rsa-md5', ''],
    ['v=1; a=ed25519-sha1', ''],
    ['v=1; a=rsa-sha256-more', ''],
    [`${algorithm}; d=`, ''],
    [`${algorithm}; s=`, ''],
    [`${algorithm}; q=dns`, 'neutral: unsupported query method'],
    [`${algorithm}; q=`, 'neutral: unsupported query method'],
  ])('%j: %s', async (tags, says) => {
    expect(await verdict(byHand({ tags }))).toBe(says)
  })

  it.each<[tag: string, says: string]>([
    ['i=@sender.example', 'pass'],
    ['i=bo@Sender.Example', 'pass'],
    ['i=bo@a.b.sender.example', 'pass'],
    ['i="a@b"@sender.example', 'pass'],
    ['i=bo=40sender.example', 'pass'],
    ['i=bo\r\n @sender.\r\n\texample', 'pass'],
    ['i=bo@other.example', 'neutral: domain mismatch'],
    ['i=bo@evilsender.example', 'neutral: domain mismatch'],
    ['i=bo@example', 'neutral: domain mismatch'],
    ['i=sender.example', syntaxError],
    ['i=bo@', syntaxError],
    ['i=', syntaxError],
  ])('%j: %s', async (tag, says) => {
    expect(await verdict(byHand({ tags: `${algorithm}; ${tag}` }))).toBe(says)
  })

  it.each<[tags: string, says: string]>([
    ['t=1000', 'pass'],
    ['t=999999999999', 'pass'],
    ['x=2001', 'pass'],
    ['t=1000; x=2000', 'pass'],
    ['x=1999', 'neutral: expired'],
    ['x=0', 'neutral: expired'],
    ['t=2500; x=2500', 'neutral: invalid expiration'],
    ['t=2500; x=2400', 'neutral: invalid expiration'],
    ['x=-1', syntaxError],
    ['x=', syntaxError],
    ['x=9999999999999', syntaxError],
    ['t=1e3', syntaxError],
    ['t=10 00', syntaxError],
  ])('%j at two thousand seconds: %s', async (tags, says) => {
    expect(await verdict(byHand({ tags: `${algorithm}; ${tags}` }), names, 2_000_000)).toBe(says)
  })

  it.each<[tag: string, unsigned: number | null]>([
    ['l=0', 8],
    ['l=5', 3],
    ['l=8', 0],
    ['l=9', 0],
    [`l=${'9'.repeat(76)}`, 0],
    ['l=-1', null],
    ['l=0x5', null],
    ['l=', null],
  ])('%s leaves so much unsigned: %s', async (tag, unsigned) => {
    const limit = Number(tag.slice(2))
    const bodyHash = createHash('sha256')
      .update('Hello.\r\n'.slice(0, limit >= 0 ? limit : 0))
      .digest('base64')
    const [one] = await ours(byHand({ tags: `${algorithm}; ${tag}`, bodyHash }))
    expect([one?.result, one?.unsigned]).toEqual(unsigned === null ? ['neutral', 0] : ['pass', unsigned])
  })

  it.each<[domain: string, selector: string, says: string]>([
    ['sender.example', 'r_1', 'neutral: no key'],
    ['_mail.sender.example', 'rsa', 'neutral: no key'],
    ['Sender.Example', 'RSA', 'pass'],
    ['sender.example.', 'rsa', 'pass'],
    ['example', 'rsa', syntaxError],
    ['192.0.2.1', 'rsa', syntaxError],
    ['sender..example', 'rsa', syntaxError],
    ['sender.example', 'two words', syntaxError],
    ['sender.example', '..', syntaxError],
    ['sender.example', 'a'.repeat(64), syntaxError],
    ['sen der.example', 'rsa', syntaxError],
  ])('d=%s s=%s: %s', async (domain, selector, says) => {
    expect(await verdict(byHand({ tags: `${algorithm}; d=${domain}; s=${selector}` }))).toBe(says)
  })

  it('asks for the key of a name beyond US-ASCII as the DNS has it (RFC 8616 §3)', async () => {
    const utf8 = Buffer.from('bücher.example').toString('latin1')
    const message = byHand({ tags: `${algorithm}; d=${utf8}` })
    expect(await verdict(message, { 'rsa._domainkey.xn--bcher-kva.example': key })).toBe('pass')
    expect((await ours(message)).map(({ domain }) => domain)).toEqual(['bücher.example'])
  })
})

describe('what a signature covers (§5.4)', () => {
  const header = 'From: bo@sender.example\r\nX: 1\r\nSubject: Lunch\r\nX: 2\r\nX : 3\r\n'

  it.each<[names: string, signed: string[]]>([
    ['From', ['from']],
    ['from:SUBJECT', ['from', 'subject']],
    ['From:Subject:From:Subject:To', ['from', 'subject']],
    ['X:From:x', ['x', 'from', 'x']],
    [':From::', ['from']],
  ])('h=%s', async (list, signed) => {
    const plain = header.replace('X : 3\r\n', '')
    const [one] = await ours(byHand({ names: list, header: plain }))
    expect([one?.result, one?.signed]).toEqual(['pass', signed])
  })

  it('is taken from the bottom up', async () => {
    const at = 'From: bo@sender.example\r\nX: 1\r\nX: 2\r\n'
    const message = byHand({ names: 'From:X', header: at }).toString('latin1')
    expect(await verdict(Buffer.from(message.replace('X: 1', 'X: other')))).toBe('pass')
    expect(await verdict(Buffer.from(message.replace('X: 2', 'X: other')))).toBe('fail: bad signature')
  })

  it('is never its own field (§3.5): a name for that stands for none', async () => {
    expect(await verdict(byHand({ names: 'From:DKIM-Signature' }))).toBe('pass')
    const other = 'DKIM-Signature: an older one\r\nFrom: bo@sender.example\r\n'
    expect(await verdict(byHand({ names: 'From:DKIM-Signature:DKIM-Signature', header: other }))).toBe('pass')
  })

  it('is the author at least', async () => {
    expect(await verdict(byHand({ names: 'Subject' }))).toBe('neutral: From field not signed')
  })

  it('ends with its own field, without what stands behind b=', async () => {
    expect(await verdict(byHand({ end: ';' }))).toBe('pass')
    expect(await verdict(byHand({ end: '; z=more;\r\n n=and more' }))).toBe('pass')
    expect(await verdict(byHand({ end: ';;' }))).toBe(syntaxError)
  })
})

describe('the key of a signature (§6.1.2)', () => {
  const at = 'rsa._domainkey.sender.example'

  it('has to be of its kind', async () => {
    expect(await verdict(byHand(), { [at]: names['ed._domainkey.sender.example'] ?? '' })).toBe('neutral: inappropriate key algorithm')
  })

  it('may be for the domain alone', async () => {
    const strict = { [at]: key.replace('k=rsa', 't=s; k=rsa') }
    expect(await verdict(byHand({ tags: `${algorithm}; i=@sender.example` }), strict)).toBe('pass')
    expect(await verdict(byHand({ tags: `${algorithm}; i=@sub.sender.example` }), strict)).toBe('neutral: domain mismatch')
  })

  it('is not asked for when the signature cannot pass', async () => {
    const asked: string[] = []
    const askKey = async (name: string) => (asked.push(name), { kind: 'failed', reason: 'ESERVFAIL' } as const)
    const verdictOf = async (message: Buffer) => (await verifySignatures(subjectOf(splitMessage(message)), { askKey, now: 0 }))[0]?.result
    expect(await verdictOf(byHand({ bodyHash: 'YQ==' }))).toBe('fail')
    expect(await verdictOf(byHand({ tags: 'v=1; a=rsa-sha1', hash: 'sha1' }))).toBe('policy')
    expect(await verdictOf(byHand({ tags: 'v=2; a=rsa-sha256' }))).toBe('neutral')
    expect(asked).toEqual([])
    expect(await verdictOf(byHand())).toBe('temperror')
    expect(asked).toEqual(['rsa._domainkey.sender.example'])
  })

  it('does not fit a signature of another length, or of none', async () => {
    const text = byHand().toString('latin1')
    for (const b of ['AAAA', 'A'.repeat(4_000), 'A'])
      expect(await verdict(Buffer.from(text.replace(/ b=[^\r]*/, ` b=${b}`)))).toBe('fail: bad signature')
    expect(await verdict(Buffer.from(text.replace(/ b=[^\r]*/, ' b=')))).toBe(missing)
    expect(await verdict(Buffer.from(text.replace(/ b=/, ' b=-')))).toBe(syntaxError)
  })
})
