import { describe, expect, it } from 'vitest'
import type { Zone } from '../../dns/resolver.ts'
import { createRemoteSender, letter } from '../support/remote-sender.ts'
import { authenticity, signedByHand } from './authentic.ts'

const crlf = (lines: readonly string[]): string => `${lines.join('\r\n')}\r\n`

const header = [
  'From: Joe SixPack <joe@football.example.com>',
  'To: Suzie Q <suzie@shopping.example.net>',
  'Subject: Is dinner ready?',
  'Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)',
  'Message-ID: <20030712040037.46341.5F8J@football.example.com>',
]

describe('the example of RFC 6376 Appendix A', () => {
  const received = [
    'Received: from client1.football.example.com  [192.0.2.1]',
    '      by submitserver.example.com with SUBMISSION;',
    '      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)',
  ]
  const body = ['Hi.', '', 'We lost the game. Are you hungry yet?', '', 'Joe.']
  const signature = [
    'DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;',
    '      c=simple/simple; q=dns/txt; i=joe@football.example.com;',
    '      h=Received : From : To : Subject : Date : Message-ID;',
    '      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;',
    '      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB',
    '      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut',
    '      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV',
    '      4bmp/YzhwvcubU4=;',
  ]
  // Appendix C
  const key =
    'v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB'
  const zone: Zone = { 'brisbane._domainkey.example.com': { TXT: [key] } }
  const signed = crlf([...signature, ...received, ...header, '', ...body])
  const dkim = async (message: string, names: Zone = zone) => (await authenticity(names, message)).results.dkim

  it('passes', async () => {
    expect(await dkim(signed)).toEqual([
      { result: 'pass', domain: 'example.com', selector: 'brisbane', aligned: true, signature: 'AuUoFEfD' },
    ])
  })

  it.each<[what: string, message: string, result: string]>([
    ['another word in the text', signed.replace('hungry', 'thirsty'), 'fail'],
    ['another subject', signed.replace('dinner', 'supper'), 'fail'],
    ['a blank more in a signed field, which c=simple counts', signed.replace('Is dinner', 'Is  dinner'), 'fail'],
    ['empty lines at the end, which nobody counts', `${signed}\r\n\r\n`, 'pass'],
    ['an unsigned field more', `X-Seen: yes\r\n${signed}`, 'pass'],
    ['another algorithm named', signed.replace('rsa-sha256', 'rsa-sha1'), 'fail'],
  ])('with %s', async (_what, message, result) => {
    const [one] = await dkim(message)
    expect(one?.result).toBe(result)
  })

  it.each<[what: string, names: Zone, result: string]>([
    ['there is no key', {}, 'neutral'],
    ['the key was withdrawn', { 'brisbane._domainkey.example.com': { TXT: ['v=DKIM1; p='] } }, 'neutral'],
    ['the key is not for mail', { 'brisbane._domainkey.example.com': { TXT: [key.replace('v=DKIM1;', 'v=DKIM1; s=tlsrpt;')] } }, 'neutral'],
    [
      'the key is for another hash',
      { 'brisbane._domainkey.example.com': { TXT: [key.replace('v=DKIM1;', 'v=DKIM1; h=sha1;')] } },
      'neutral',
    ],
    ['the DNS fails', { 'brisbane._domainkey.example.com': { SERVFAIL: true } }, 'temperror'],
    ['nobody answers', { 'brisbane._domainkey.example.com': { TIMEOUT: true } }, 'temperror'],
  ])('does not pass when %s', async (_what, names, result) => {
    const [one] = await dkim(signed, names)
    expect(one?.result).toBe(result)
  })
})

describe('the example of RFC 8463 Appendix A', () => {
  const zone: Zone = {
    'brisbane._domainkey.football.example.com': { TXT: ['v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo='] },
    'test._domainkey.football.example.com': {
      TXT: [
        'v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB',
      ],
    },
  }
  const ed25519 = [
    'DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;',
    ' d=football.example.com; i=@football.example.com;',
    ' q=dns/txt; s=brisbane; t=1528637909; h=from : to :',
    ' subject : date : message-id : from : subject : date;',
    ' bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;',
    ' b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus',
    ' Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==',
  ]
  const rsa = [
    'DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;',
    ' d=football.example.com; i=@football.example.com;',
    ' q=dns/txt; s=test; t=1528637909; h=from : to : subject :',
    ' date : message-id : from : subject : date;',
    ' bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;',
    ' b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3',
    ' DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz',
    ' dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=',
  ]
  const body = ['Hi.', '', 'We lost the game.  Are you hungry yet?', '', 'Joe.']
  const results = async (message: string, names: Zone = zone) =>
    (await authenticity(names, message)).results.dkim.map(({ selector, result }) => `${selector} ${result}`)

  it('passes by both signatures', async () => {
    expect(await results(crlf([...ed25519, ...rsa, ...header, '', ...body]))).toEqual(['brisbane pass', 'test pass'])
  })

  it('fails by both when it was changed', async () => {
    const changed = crlf([...ed25519, ...rsa, ...header, '', ...body]).replace('lost', 'won')
    expect(await results(changed)).toEqual(['brisbane fail', 'test fail'])
  })

  it('does not pass by a key of the other kind', async () => {
    const one = 'brisbane._domainkey.football.example.com'
    const other = 'test._domainkey.football.example.com'
    const swapped: Zone = { [one]: zone[other] ?? {}, [other]: zone[one] ?? {} }
    for (const result of await results(crlf([...ed25519, ...rsa, ...header, '', ...body]), swapped)) expect(result).not.toMatch(/pass/)
  })
})

describe('what a signature must and need not be', () => {
  const sender = createRemoteSender()
  const results = async (message: string | Buffer, zone: Zone = sender.zone) =>
    (await authenticity(zone, message)).results.dkim.map(({ result }) => result)
  const changed = async (from: string | RegExp, to: string) => results((await sender.sign(letter())).toString().replace(from, to))

  it('covers the author (RFC 6376 §5.4)', async () => {
    const covering = signedByHand({ fields: ['From', 'Subject'] })
    expect(await results(covering.message, covering.names)).toEqual(['pass'])
    const not = signedByHand({ fields: ['Subject'] })
    expect(await results(not.message, not.names)).toEqual(['neutral'])
  })

  it('is not by SHA-1 (RFC 8301 §3.1)', async () => {
    const { message, names } = signedByHand({ hash: 'sha1' })
    expect(await results(message, names)).toEqual(['policy'])
  })

  it('covers the whole text (§8.2)', async () => {
    expect(await results(await sender.sign(letter(), { maxBodyLength: 3 }))).toEqual(['policy'])
  })

  it('has not expired (§3.5, x=)', async () => {
    expect(await changed('v=1;', 'v=1; x=1000000000;')).not.toContain('pass')
  })

  it('names the algorithm, the signer and the key', async () => {
    expect(await changed('a=rsa-sha256', 'a=rsa-md5')).toEqual([])
    expect(await changed('s=test', 's=')).not.toContain('pass')
  })

  it('is one of the ten first: more are not looked at', async () => {
    const { zone, sign } = createRemoteSender()
    const forged = 'DKIM-Signature: v=1; a=rsa-sha256; d=remote.test; s=test; h=From; bh=YQ==; b=YQ==\r\n'.repeat(10)
    expect(await results(forged + (await sign(letter())).toString(), zone)).toHaveLength(10)
  })

  it('is not by a key that anybody can break (RFC 8301 §3.2)', async () => {
    const weak =
      'v=DKIM1; k=rsa; p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAK1ZCmPVkLwL8X4YKMJdJoQ3Xp0Yt8gcvdp1rXvQ8DF0mCIkVQt0lvGqK9bUrGJjFYHfO4kFo2bJQ8cXDGVYbMMCAwEAAQ=='
    expect(await results(await sender.sign(letter()), { 'test._domainkey.remote.test': { TXT: [weak] } })).toEqual(['policy'])
  })
})
