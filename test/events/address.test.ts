import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readAddress } from '../../server/events/address.ts'

const refused = (url: string, allowPrivate = false): boolean => !readAddress(url, allowPrivate).ok

describe('the address of a webhook', () => {
  it.each([
    'https://hooks.example.com/in?a=b',
    'https://hooks.example.com:8443/',
    'https://EXAMPLE.com./x#part',
    'https://8.8.8.8/x',
    'https://[2606:4700::1111]/x',
    'https://xn--bcher-kva.example/',
  ])('may be %s', (url) => expect(readAddress(url, false)).toMatchObject({ ok: true }))

  it.each([
    'http://hooks.example.com/',
    'ftp://hooks.example.com/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'hooks.example.com',
    'https://',
    'https://user@hooks.example.com/',
    'https://user:pass@hooks.example.com/',
    'https://hooks.example.com:25/',
    'https://hooks.example.com:22/',
    'https://hooks.example.com:80/',
    'https://localhost/',
    'https://box.localhost/',
    'https://intranet/',
    'https://printer.local/',
    'https://metadata.google.internal/computeMetadata/v1/',
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://0177.0.0.1/',
    'https://127.1/',
    'https://１２７.0.0.1/',
    'https://10.0.0.1/',
    'https://169.254.169.254/latest/meta-data/',
    'https://100.100.100.200/',
    'https://168.63.129.16/',
    'https://[::1]/',
    'https://[::ffff:169.254.169.254]/',
    'https://[::ffff:a9fe:a9fe]/',
    'https://[64:ff9b::a9fe:a9fe]/',
    'https://[2002:7f00:1::]/',
    'https://[2001:0:7f00:1::]/',
    'https://[fd00:ec2::254]/',
    'https://[fe80::1]/',
    'https://a..b/',
    `https://example.com/${'x'.repeat(2048)}`,
  ])('may not be %s', (url) => expect(readAddress(url, false)).toMatchObject({ ok: false, code: 'WEBHOOK_URL_REFUSED' }))

  it('may be of this machine and without TLS where that is allowed, never with a password', () => {
    for (const url of ['http://localhost:3000/', 'http://127.0.0.1/', 'https://10.0.0.1:80/', 'http://app:8080/x'])
      expect(refused(url, true)).toBe(false)
    expect(refused('http://user:pass@localhost/', true)).toBe(true)
    expect(refused('ftp://localhost/', true)).toBe(true)
  })

  it('is what is dialled: host, port and path are those of the URL as it is kept', () => {
    expect(readAddress('https://Hooks.Example.com:8443/a/../b?c#d', false)).toEqual({
      ok: true,
      value: { url: 'https://hooks.example.com:8443/b?c', host: 'hooks.example.com', port: 8443, path: '/b?c', plain: false },
    })
  })

  it('is refused or read, whatever it is, and reads the same again', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webUrl(),
          fc.string().map((text) => `https://${text}`),
        ),
        fc.boolean(),
        (text, allowPrivate) => {
          const once = readAddress(text, allowPrivate)
          if (once.ok) expect(readAddress(once.value.url, allowPrivate)).toEqual(once)
        },
      ),
    )
  })
})
