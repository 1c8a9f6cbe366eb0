import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressKey, domainOf, localPartOf, parseAddress } from '../../server/model/address.ts'
import { addressText, harmful, wildText } from '../support/arbitraries.ts'

describe('an address', () => {
  it.each([
    ['ann@example.com', 'ann@example.com'],
    ['Ann.Lee+tag@Example.COM.', 'Ann.Lee+tag@example.com'],
    ['"two words"@example.com', '"two words"@example.com'],
    [String.raw`"a\"b"@example.com`, String.raw`"a\"b"@example.com`],
    ['"@"@example.com', '"@"@example.com'],
    ['grün@bücher.example', 'grün@xn--bcher-kva.example'],
    [`${'a'.repeat(64)}@example.com`, `${'a'.repeat(64)}@example.com`],
    ["o'hara!#$%&*/=?^_`{|}~-@example.com", "o'hara!#$%&*/=?^_`{|}~-@example.com"],
  ])('%s is read as %s', (text, address) => {
    expect(parseAddress(text)).toBe(address)
  })

  it.each([
    '',
    '@',
    'ann',
    'ann@',
    '@example.com',
    'ann@@example.com',
    'ann @example.com',
    ' ann@example.com',
    'ann@example.com ',
    'ann@exa mple.com',
    'Ann <ann@example.com>',
    '<ann@example.com>',
    '@relay.example:ann@example.com',
    'ann@[192.0.2.1]',
    'ann@192.0.2.1',
    '.ann@example.com',
    'ann.@example.com',
    'an..n@example.com',
    'ann,bob@example.com',
    'ann;bob@example.com',
    '"unclosed@example.com',
    '"a"b"@example.com',
    '"a\r\nb"@example.com',
    'ann\r\nRCPT TO:<eve@example.net>@example.com',
    'ann\u0000@example.com',
    'ann@example.com\r\n',
    'an\u200bn@example.com',
    'an\u202en@example.com',
    'ann\ufe0f@example.com',
    'a.\u3164@example.com',
    'ann@exam\u00adple..com',
    `${'a'.repeat(65)}@example.com`,
    `ann@${'a.'.repeat(125)}example.com`,
    `${'ü'.repeat(33)}@example.com`,
    'ann@-example.com',
    `ann@${'a'.repeat(64)}.com`,
  ])('%j is none', (text) => {
    expect(parseAddress(text)).toBeNull()
  })

  it.each([
    ['Ann@Ours.test', 'ann@ours.test'],
    ['"Ann"@ours.test', 'ann@ours.test'],
    [String.raw`"a\nn"@ours.test`, 'ann@ours.test'],
    ['"ann.lee+x"@ours.test', 'ann.lee+x@ours.test'],
    ['"an n"@ours.test', '"an n"@ours.test'],
    [String.raw`"an\ n"@ours.test`, '"an n"@ours.test'],
    [String.raw`"a\"\\"@ours.test`, String.raw`"a\"\\"@ours.test`],
    ['"ann@evil.test"@ours.test', '"ann@evil.test"@ours.test'],
    ['"ann."@ours.test', '"ann."@ours.test'],
    ['""@ours.test', '""@ours.test'],
    ['e\u0301ve@ours.test', '\u00e9ve@ours.test'],
    ['E\u0301VE@ours.test', '\u00e9ve@ours.test'],
  ])('%s is compared as %s', (text, key) => {
    expect(addressKey(text)).toBe(key)
  })

  it('never throws, and what it lets through has nothing a protocol or a terminal obeys', () => {
    fc.assert(
      fc.property(fc.oneof(wildText, addressText), (text) => {
        const address = parseAddress(text)
        if (address === null) return
        expect(address).not.toMatch(harmful)
        expect(Buffer.byteLength(address)).toBeLessThanOrEqual(254)
      }),
    )
  })

  it('read again is the same, and is its two parts', () => {
    fc.assert(
      fc.property(addressText, (text) => {
        const address = parseAddress(text)
        fc.pre(address !== null)
        expect(parseAddress(address)).toBe(address)
        expect(`${localPartOf(address)}@${domainOf(address)}`).toBe(address)
        expect(addressKey(addressKey(address))).toBe(addressKey(address))
        // The compared form is an address, too: it is what mailboxes are stored under.
        expect(parseAddress(addressKey(address))).toBe(addressKey(address))
      }),
    )
  })
})
