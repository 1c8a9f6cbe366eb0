import { describe, expect, it } from 'vitest'
import { destinationOf, messagesOver, otherLimits, providers, smarthostLimits } from '../../../server/outbound/pace/providers.ts'
import { ruleFor, rules } from '../../../server/outbound/pace/rules.ts'
import { formatReply } from '../../../server/model/reply.ts'

const at = (host: string, more = {}) => destinationOf({ host, address: '203.0.114.7', port: 25, ...more })

describe('who takes the mail', () => {
  it.each([
    ['gmail-smtp-in.l.google.com', 'google'],
    ['aspmx3.googlemail.com', 'google'],
    ['hotmail-com.olc.protection.outlook.com', 'outlook'],
    ['contoso-com.mail.protection.outlook.com', 'office365'],
    ['contoso-com.k-v1.mx.microsoft', 'office365'],
    ['mta5.am0.yahoodns.net', 'yahoo'],
    ['mx01.mail.icloud.com', 'apple'],
    ['smtp-in.orange.fr', 'orange'],
  ])('behind %s is %s', (host, name) => {
    expect(at(host)).toMatchObject({ key: name, name })
  })

  it('is one company for all its hosts, whoever’s domain it is for', () => {
    expect(at('mx1.hoster.example.co.uk')).toEqual({ key: 'example.co.uk', name: 'other', limits: otherLimits })
    expect(at('mx9.other.example.co.uk')?.key).toBe('example.co.uk')
  })

  it('is nobody who only looks like a provider', () => {
    expect(at('notgoogle.com')).toMatchObject({ key: 'notgoogle.com', name: 'other' })
    expect(at('google.com.evil.example')).toMatchObject({ key: 'evil.example', name: 'other' })
    // No host of a stranger can have a provider's name as its key: a key of theirs has a dot.
    for (const { name } of providers) expect(name).not.toContain('.')
  })

  it('is a smarthost by its name, and nobody for a server of our own network', () => {
    const relay = { tls: 'starttls', login: null } as const
    expect(at('relay.example.com', { address: 'relay.example.com', relay })).toEqual({
      key: 'smarthost relay.example.com',
      name: 'smarthost',
      limits: smarthostLimits,
    })
    expect(at('127.0.0.1', { address: '127.0.0.1', relay })).toBeNull()
    expect(at('localhost', { address: 'localhost', relay })).toBeNull()
    expect(at('mx.remote.test', { address: '127.0.0.1', trusted: true })).toBeNull()
    expect(at('mx.remote.test', { trusted: true })).toMatchObject({ name: 'other' })
  })
})

it('a connection is left after as many messages as its provider bears', () => {
  expect(messagesOver({ host: 'mx01.mail.icloud.com', address: '203.0.114.7', port: 25 })).toBe(5)
  expect(messagesOver({ host: 'mx.remote.test', address: '127.0.0.1', port: 25, trusted: true })).toBe(100)
})

describe('what providers ask for', () => {
  it.each(rules)('$name is known by the reply that taught us', (rule) => {
    expect(ruleFor(rule.by ?? 'other', rule.seen)).toBe(rule)
  })

  it('is not heard in what somebody else says, or in what is beyond what is read', () => {
    expect(ruleFor('yahoo', '421 4.7.28 Gmail has detected an unusual rate of mail')).toBeNull()
    expect(ruleFor('other', formatReply({ code: 250, status: '2.0.0', text: 'OK' }))).toBeNull()
    expect(ruleFor('yahoo', `421 ${'a'.repeat(1_000)} [TSS04]`)).toBeNull()
  })

  it('costs no more to look for than a text is long', () => {
    const begun = performance.now()
    for (const text of ['unusual '.repeat(100_000), 'weren'.repeat(100_000), '[TSS0'.repeat(100_000)]) ruleFor('google', text)
    expect(performance.now() - begun).toBeLessThan(1_000)
  })
})
