import fc from 'fast-check'
import { parsePolicy, validateMx } from 'mailauth/lib/mta-sts.js'
import { describe, expect, it } from 'vitest'
import type { DomainName } from '../../../dns/name.ts'
import { namesHost, parseStsPolicy, stsIdIn } from '../../../server/outbound/tls/mta-sts-policy.ts'
import { domainText, wildText } from '../../support/arbitraries.ts'

const host = (text: string) => text as DomainName
const day = 86_400_000

describe('the record of a domain with MTA-STS', () => {
  it.each<[string, string[][], string | null]>([
    ['as in RFC 8461 §3.1', [['v=STSv1; id=20160831085700Z;']], '20160831085700Z'],
    ['without its last semicolon', [['v=STSv1; id=1']], '1'],
    ['in several strings', [['v=STS', 'v1;id', '=1;']], '1'],
    ['with fields of a later version', [['v=STSv1; new_field=x:y; id=1; other.field=2']], '1'],
    ['with two ids: the first', [['v=STSv1; id=1; id=2']], '1'],
    ['beside another record', [['v=spf1 -all'], ['v=STSv1; id=1;']], '1'],
    ['beside another one of its kind', [['v=STSv1; id=1;'], ['v=STSv1; id=2;']], null],
    ['of another version', [['v=STSv2; id=1;']], null],
    ['without an id', [['v=STSv1;']], null],
    ['with an id of 33', [[`v=STSv1; id=${'a'.repeat(33)};`]], null],
    ['with an id that is none', [['v=STSv1; id=a-b;']], null],
    ['with something between', [['v=STSv1; nothing; id=1;']], null],
    ['there is none', [], null],
  ])('is read %s', (_, records, id) => expect(stsIdIn(records)).toBe(id))

  it('may be anything at all', () => {
    fc.assert(fc.property(fc.array(fc.array(wildText)), (records) => void stsIdIn(records)))
    fc.assert(fc.property(wildText, (text) => void stsIdIn([[`v=STSv1;${text}`]])))
  })
})

const policy = (...lines: string[]): string => lines.map((line) => `${line}\r\n`).join('')
const enforce = ['version: STSv1', 'mode: enforce', 'mx: mail.example.com', 'mx: *.example.net', 'max_age: 604800']

describe('a policy file', () => {
  it('is read as in RFC 8461 §3.2', () => {
    const read = { mode: 'enforce', mx: ['mail.example.com', '*.example.net'], maxAgeMs: 7 * day }
    expect(parseStsPolicy(policy(...enforce))).toEqual(read)
    expect(parseStsPolicy(enforce.join('\n'))).toEqual(read)
    expect(parseStsPolicy(policy('max_age: 604800', ...enforce.slice(0, 4), 'x-new: thing', '', ''))).toEqual(read)
    expect(
      parseStsPolicy(policy('version:STSv1', 'mode:enforce', 'mx:\tMAIL.Example.com  ', 'mx:*.EXAMPLE.net', 'max_age:604800')),
    ).toEqual(read)
  })

  it('counts the first of what may be there once', () => {
    expect(parseStsPolicy(policy(...enforce, 'mode: none', 'max_age: 1'))).toMatchObject({ mode: 'enforce', maxAgeMs: 7 * day })
  })

  it('needs no host when it says that there is no policy any more', () => {
    expect(parseStsPolicy(policy('version: STSv1', 'mode: none', 'max_age: 86400'))).toEqual({ mode: 'none', mx: [], maxAgeMs: day })
  })

  it('is believed for a year at most', () => {
    expect(parseStsPolicy(policy(...enforce.slice(0, 4), 'max_age: 9999999999'))?.maxAgeMs).toBe(31_557_600_000)
  })

  it.each([
    ['no version', enforce.slice(1)],
    ['another version', ['version: STSv2', ...enforce.slice(1)]],
    ['no mode', enforce.filter((line) => !line.startsWith('mode'))],
    ['another mode', ['mode: Enforce', ...enforce]],
    ['no host', enforce.filter((line) => !line.startsWith('mx'))],
    ['an address as a host', [...enforce, 'mx: 192.0.2.1']],
    ['a star in the middle', [...enforce, 'mx: mx.*.example.com']],
    ['a star for a part', [...enforce, 'mx: mx*.example.com']],
    ['two names in one', [...enforce, 'mx: a.example.com b.example.com']],
    ['no age', enforce.slice(0, 4)],
    ['an age that is no number', ['max_age: -1', ...enforce]],
    ['an age of eleven digits', ['max_age: 10000000000', ...enforce]],
    ['a line that is none', [...enforce, '<html>']],
    ['a NUL', [...enforce, 'x: a\0b']],
    ['more hosts than anybody has', [...enforce, ...Array.from({ length: 100 }, (_, at) => `mx: mx${at}.example.com`)]],
    ['lines without end', [...enforce, ...Array.from({ length: 2_000 }, () => 'x: y')]],
  ])('is none with %s', (_, lines) => expect(parseStsPolicy(policy(...lines))).toBeNull())

  const line = fc.oneof(
    fc.constantFrom(
      ...enforce,
      'mode: testing',
      'mode: none',
      'max_age: 0',
      'version: STSv1 ',
      'mx: .',
      'mx: *.',
      'mx: a..b',
      ': x',
      'mx',
      'ext: value',
    ),
    domainText.map((name) => `mx: ${name}`),
    wildText,
  )
  it('may be anything at all', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), fc.constantFrom('\n', '\r\n'), (lines, end) => {
        const read = parseStsPolicy(lines.join(end))
        if (read === null) return
        expect(read.maxAgeMs).toBeLessThanOrEqual(31_557_600_000)
        expect(read.mx.every((pattern) => /^(\*\.)?[a-z0-9_.-]{1,253}$/.test(pattern))).toBe(true)
      }),
    )
  })

  it('means to another reader what it means to us, whenever we take it for one', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const text = [...lines, ...enforce].join('\r\n')
        const read = parseStsPolicy(text)
        if (read === null || read.maxAgeMs === 31_557_600_000) return
        const other = parsePolicy(text, { strict: true })
        expect({ mode: other.mode, maxAgeMs: Number(other.maxAge) * 1000, mx: other.mx ?? [] }).toEqual(read)
      }),
    )
  })

  it('is read in a time that its length bounds', () => {
    const began = performance.now()
    for (const text of [
      policy(...Array.from({ length: 9_000 }, (_, at) => `mx:${at.toString(36)}`)),
      ' '.repeat(65_000),
      `mx:${' '.repeat(65_000)}x`,
      `mx: ${'a.'.repeat(32_000)}`,
    ])
      parseStsPolicy(`${policy(...enforce)}${text}`)
    expect(performance.now() - began).toBeLessThan(1_000)
  })
})

describe('a host', () => {
  const mx = ['mail.example.com', '*.example.net']
  it.each([
    ['mail.example.com', true],
    ['example.com', false],
    ['other.example.com', false],
    ['x.mail.example.com', false],
    ['a.example.net', true],
    ['a.b.example.net', false],
    ['example.net', false],
    ['evilexample.net', false],
  ])('%s is named: %s', (name, named) => {
    expect(namesHost({ mx }, host(name))).toBe(named)
    expect(validateMx(name, { version: 'STSv1', mode: 'enforce', mx, maxAge: 1 }).valid).toBe(named)
  })
  it('of one label is not named by a star', () => expect(namesHost({ mx: ['*.com'] }, host('com'))).toBe(false))
})
