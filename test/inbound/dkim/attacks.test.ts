/** What somebody may do who has a signed letter, or a domain with any key he likes, or time to write a long header. */
import { describe, expect, it } from 'vitest'
import { createAuthenticator } from '../../../server/inbound/examine/authenticate.ts'
import { readResult } from '../../../server/inbound/examine/authentication-result.ts'
import { createZoneResolver } from '../../../dns/resolver.ts'
import { byHand, names, ours } from './signed-letters.ts'

const zone = Object.fromEntries(Object.entries(names).map(([name, record]) => [name, { TXT: [record.match(/.{1,200}/g) ?? []] }]))
const client = { ip: '192.0.2.1', helo: 'client.test', protocol: 'ESMTP', cipher: null }
const judge = async (message: Buffer | string) =>
  (
    await createAuthenticator({ hostname: 'mx.ours.test', resolver: createZoneResolver(zone) })(Buffer.from(message), client, null)
  ).results.dkim.map(({ result }) => result)
const tags = 'v=1; a=rsa-sha256'
const text = (how: Parameters<typeof byHand>[0] = {}): string => byHand(how).toString('latin1')

describe('a signed letter that somebody else has', () => {
  it('proves nothing with words below those that l= covers (RFC 6376 §8.2)', async () => {
    const message = text({ tags: `${tags}; l=8` })
    expect(await judge(message)).toEqual(['pass'])
    expect(await judge(`${message}Pay to another account.\r\n`)).toEqual(['policy'])
    expect(await judge(`${message} `)).toEqual(['policy'])
    expect(await judge(text({ tags: `${tags}; l=0`, bodyHash: '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' }))).toEqual(['policy'])
  })

  it('fails with a second author when the signer named one more than there was (§8.15)', async () => {
    const over = text({ names: 'From:From:Subject:Subject' })
    for (const added of [
      'From: ceo@bank.example\r\n',
      'from : ceo@bank.example\r\n',
      'From\r\n : ceo@bank.example\r\n',
      'Subject: Pay\r\n',
    ]) {
      expect(await judge(added + over)).toEqual(['fail'])
      expect(await judge(over.replace('\r\n\r\n', `\r\n${added}\r\n`))).toEqual(['fail'])
    }
  })

  it('proves nothing with a second subject, above or below (§8.15)', async () => {
    const plain = text()
    expect(await judge(`Subject: Pay\r\n${plain}`)).toEqual(['policy'])
    expect(await judge(plain.replace('\r\n\r\n', '\r\nSubject: Pay\r\n\r\n'))).toEqual(['fail'])
  })

  it('may have fields that are not signed, above and below', async () => {
    const plain = text()
    expect(await judge(`X-Seen: yes\r\n${plain}`)).toEqual(['pass'])
    expect(await judge(plain.replace('\r\n\r\n', '\r\nX-Seen: yes\r\n\r\n'))).toEqual(['pass'])
  })

  it('fails with a line below a signed field that some take for part of it', async () => {
    for (const line of ['more of it', '\u00a0more', ': more', '\u0000', 'a b: c'])
      expect(await judge(text().replace('Lunch\r\n', `Lunch\r\n${line}\r\n`))).toEqual(['fail'])
  })

  it('fails or counts for nothing with any one octet of what is signed changed', async () => {
    const message = byHand({ names: 'From:Subject:To:From:Subject' })
    const from = message.indexOf('\r\nFrom:') + 2
    for (let at = from; at < message.length; at++) {
      const other = Buffer.from(message)
      other[at] = (other[at] ?? 0) ^ 1
      const results = (await ours(other)).map(({ result }) => result)
      expect([at, results]).not.toEqual([at, ['pass']])
    }
  })

  it('passes with no octet of its signature changed', async () => {
    const message = byHand()
    const end = message.indexOf('\r\nFrom:')
    // Some bits of the last digit of base64 stand for nothing (RFC 4648 §3.5).
    const lastDigit = message.lastIndexOf('=', end) - 1
    for (let at = 'DKIM-Signature:'.length; at < end; at++) {
      if (at === lastDigit) continue
      const other = Buffer.from(message)
      other[at] = (other[at] ?? 0) ^ 1
      expect([at, (await ours(other)).map(({ result }) => result)]).not.toEqual([at, ['pass']])
    }
  })
})

describe('a header made to be slow', () => {
  const quickly = async (header: string, count?: number): Promise<void> => {
    const started = process.cpuUsage()
    const results = await ours(Buffer.from(`${header}From: bo@sender.example\r\n\r\nHello.\r\n`, 'latin1'))
    const { user, system } = process.cpuUsage(started)
    // What grows with the square takes minutes for these.
    expect((user + system) / 1e6).toBeLessThan(10)
    expect(results.filter(({ result }) => result === 'pass')).toEqual([])
    if (count !== undefined) expect(results).toHaveLength(count)
  }
  const field = (list: string): string => `DKIM-Signature: ${list}\r\n`
  const whole = (more: string): string => field(`${tags}; d=sender.example; s=rsa; h=From; bh=YQ==; b=YQ==; ${more}`)
  const many = 1_000_000

  it.each<[what: string, list: string]>([
    ['semicolons', ';'.repeat(many)],
    ['tags without a value', 'a;'.repeat(many)],
    ['empty tags', '=;'.repeat(many)],
    ['equals signs', '='.repeat(many)],
    ['blanks', ' '.repeat(many)],
    ['folds', '\r\n '.repeat(many)],
    ['blanks within a tag', `v${' '.repeat(many)}x=1`],
    ['blanks around many tags', ` a ${' '.repeat(1_000)};`.repeat(1_000)],
    ['different tags', Array.from({ length: many / 10 }, (_, n) => `t${n}=1`).join(';')],
  ])('by %s', async (_what, list) => {
    await quickly(field(list))
    await quickly(whole(list))
  })

  it.each<[what: string, list: string]>([
    ['a hundred thousand names in h=', `h=From${':Subject'.repeat(100_000)}`],
    ['names in h= that are all different', `h=From${Array.from({ length: 100_000 }, (_, n) => `:x${n}`).join('')}`],
    ['blanks in h=', `h=From:${' '.repeat(many)}x`],
    ['escapes in i=', `i=${'=40'.repeat(many / 3)}`],
    ['equals signs in i=', `i=${'='.repeat(many)}@sender.example`],
    ['a long b=', `b=${'A '.repeat(many / 2)}`],
    ['a long l=', `l=${'9'.repeat(many)}`],
    ['a long d=', `d=${'a.'.repeat(many / 2)}example`],
  ])('by %s', async (_what, tag) => {
    const name = tag.slice(0, tag.indexOf('='))
    const all = ['v=1', 'a=rsa-sha256', 'd=sender.example', 's=rsa', 'h=From', 'bh=YQ==', 'b=YQ=='].filter(
      (one) => !one.startsWith(`${name}=`),
    )
    await quickly(field([...all, tag].join('; ')), 1)
  })

  it.each<[what: string, header: string]>([
    ['short fields', 'X: y\r\n'.repeat(many)],
    ['lines that are no fields', 'x\r\n'.repeat(many)],
    ['lines without a colon that are long', `${'x'.repeat(1_000)}\r\n`.repeat(1_000)],
    ['names with blanks', `X${' '.repeat(1_000)}\r\n`.repeat(1_000)],
    ['one name with blanks', `a ${' '.repeat(many)}b: c\r\n`],
  ])('by %s', async (_what, header) => {
    await quickly(header + field(`${tags}; d=sender.example; s=rsa; h=From${':X'.repeat(1_000)}; bh=YQ==; b=YQ==`), 1)
  })

  it('by two hundred signatures, of which ten are looked at', async () => {
    const signature = `${text().split('\r\n', 1).join('')}\r\n`
    const results = await judge(signature.repeat(200) + text())
    expect(results).toEqual(Array.from({ length: 10 }, () => 'pass'))
  })

  it('by a hundred million octets, after which only the author is looked at', async () => {
    const header = `X-Padding: ${'a'.repeat(100_000_000)}\r\n`
    expect(await judge(header + text())).toEqual([])
  })
})

it('a result of nothing is nothing', () => {
  expect(readResult({ headerFrom: [], fromFields: 0, signatures: [], spf: false, arc: false, dmarc: false }).results.dkim).toEqual([])
})
