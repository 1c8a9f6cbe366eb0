import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isWithin, parseDomainName } from '../../dns/name.ts'
import { domainText, wildText } from '../support/arbitraries.ts'

const name = (text: string) => parseDomainName(text) ?? expect.fail(text)

describe('a domain name', () => {
  it.each([
    ['Example.COM.', 'example.com'],
    ['localhost', 'localhost'],
    ['_dmarc.example.com', '_dmarc.example.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['BÜCHER.example', 'xn--bcher-kva.example'],
    ['東京.jp', 'xn--1lqs71d.jp'],
    ['faß.de', 'xn--fa-hia.de'],
    ['1.2.3.example', '1.2.3.example'],
    [`${'a'.repeat(63)}.com`, `${'a'.repeat(63)}.com`],
  ])('%s is read as %s', (text, read) => {
    expect(parseDomainName(text)).toBe(read)
  })

  it.each([
    '',
    '.',
    '..',
    'a..b',
    '.a',
    'a..',
    '-a.com',
    'a-.com',
    'a b.com',
    'a/b.com',
    'a:25',
    'a@b.com',
    '1.2.3.4',
    '[1.2.3.4]',
    '0x7f.1',
    '0x7f000001',
    '2130706433',
    '１.２.３.４',
    '::1',
    '%65xample.com',
    'exam\u0000ple.com',
    'example.com\n',
    'example.com\r\n.evil',
    '\u202eexample.com',
    `${'a'.repeat(64)}.com`,
    `${'a.'.repeat(127)}b`,
    'x'.repeat(5000),
    'a\tb.com',
    'a／b.com',
    'a％2eb.com',
    'a＠b.com',
    'a：25',
    'a？b.com',
    'a＃b.com',
    'exam\u00adple.com',
    'exam\u200bple.com',
    'exam\u0085ple.com',
    '\ud800.com',
    'ex\u3002',
  ])('%j is none', (text) => {
    expect(parseDomainName(text)).toBeNull()
  })

  it('never throws, and is lower-case ASCII within the limits of RFC 1035', () => {
    fc.assert(
      fc.property(fc.oneof(wildText, domainText), (text) => {
        const read = parseDomainName(text)
        if (read === null) return
        expect(read).toMatch(/^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/)
        expect(read.length).toBeLessThanOrEqual(253)
        expect(parseDomainName(read)).toBe(read)
        expect(parseDomainName(`${read.toUpperCase()}.`)).toBe(read)
      }),
    )
  })

  it('lies within another only at a dot', () => {
    expect(isWithin(name('a.example.com'), name('example.com'))).toBe(true)
    expect(isWithin(name('example.com'), name('example.com'))).toBe(true)
    expect(isWithin(name('notexample.com'), name('example.com'))).toBe(false)
    expect(isWithin(name('com'), name('example.com'))).toBe(false)
  })
})
