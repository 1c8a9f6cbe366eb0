import { domainToASCII } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { borrowedBrand, brandLikeness } from '../../../server/inbound/content/borrowed-names.ts'
import { judgeAuthor } from '../../../server/inbound/content/known-author.ts'
import { isOneOff, likenessOf, nameKey } from '../../../server/inbound/content/look-alike.ts'
import { scanLetter } from '../../support/scan-letter.ts'
import { wildText } from '../../support/arbitraries.ts'

describe('a domain made to be taken for ours', () => {
  it.each([
    ['nordwind.example', null],
    ['mail.nordwind.example', null],
    ['other.example', null],
    ['nordw1nd.example', 'same-look'],
    ['nordvvind.example', 'same-look'],
    [domainToASCII('n\u043erdwind.example'), 'same-look'],
    ['nordwnid.example', 'typo'],
    ['nordwin.example', 'typo'],
    ['nordwind.test', 'other-ending'],
    ['nordwind-mail.example', 'within'],
    ['nordwind.example.collect.test', 'in-front'],
    ['192.0.2.1', null],
    ['localhost', null],
  ])('%s: %s', (host, how) => {
    expect(likenessOf(host, ['nordwind.example'])?.how ?? null).toBe(how)
  })

  it('does not take a short name for a slip of another short name', () => {
    expect(likenessOf('ourselve.test', ['ourselves.test'])?.how).toBe('typo')
    expect(likenessOf('ours.test', ['hours.test'])).toBeNull()
    expect(likenessOf('abd.test', ['abc.test'])).toBeNull()
  })

  it('is looked for in anything', () => {
    fc.assert(fc.property(wildText, wildText, (a, b) => void [likenessOf(a, [b]), brandLikeness(a), borrowedBrand(a, b), nameKey(a)]))
  })
})

it.each([
  ['abcde', 'abcde', false],
  ['abcde', 'abxde', true],
  ['abcde', 'abde', true],
  ['abcde', 'abccde', true],
  ['abcde', 'abdce', true],
  ['abcde', 'axcxe', false],
  ['abcde', 'abc', false],
])('%s and %s are one off: %s', (a, b, expected) => {
  expect(isOneOff(a, b)).toBe(expected)
})

describe('who a letter claims to be from', () => {
  it.each<[string, { address: string; name?: string }, string[]]>([
    ['a company from its own domain', { name: 'PayPal', address: 'service@paypal.com' }, []],
    ['a company from elsewhere', { name: 'PayPal Service', address: 'service@collect.test' }, ['brand-name']],
    ['a company in other letters', { name: 'РayРal', address: 'service@collect.test' }, ['brand-name', 'mixed-script']],
    ['a company of two words', { name: 'Microsoft 365 Team', address: 'a@collect.test' }, ['brand-name']],
    ['a person who is called like a company', { name: 'Chase Apple', address: 'chase@remote.test' }, []],
    ['a department of a company that is a word', { name: 'Apple Support', address: 'a@collect.test' }, ['brand-name']],
    ['a domain that looks like a company’s', { name: 'Service', address: 'a@paypa1.test' }, ['look-alike-author']],
    ['another address than its own', { name: 'ann@ours.test', address: 'a@collect.test' }, ['address-in-name']],
    ['its own address', { name: 'bo@remote.test', address: 'bo@mail.remote.test' }, []],
    ['safety itself', { name: 'Alert', address: 'a@account-security.test' }, ['bait-domain']],
  ])('%s', (_what, from, codes) => {
    expect(scanLetter({ from, plain: 'Hello.' }).codes).toEqual(codes)
  })

  it.each<[string, string, string, string[]]>([
    ['the same domain', 'bo@remote.test', 'desk@help.remote.test', []],
    ['another domain', 'bo@remote.test', 'desk@other.test', ['reply-elsewhere']],
    ['a free mailbox', 'bo@remote.test', 'bo@freemail.test', ['reply-to-free-mail']],
    ['a free mailbox from a free mailbox', 'bo@freemail.example', 'bo@freemail.test', ['reply-elsewhere']],
  ])('answers go to %s', (_what, address, replyTo, codes) => {
    expect(scanLetter({ from: { address }, replyTo: [{ address: replyTo }], plain: 'Hello.' }).codes).toEqual(codes)
  })
})

describe('an author, knowing who we are', () => {
  const ours = { domains: ['ours.test'], people: ['Ann Berg'], correspondents: ['nordwind.example', 'gmail.com'] }
  it.each<[string, { address: string; name?: string } | null, string[]]>([
    ['is nobody', null, []],
    ['is one of us', { name: 'Ann Berg', address: 'ann@ours.test' }, []],
    ['is a stranger', { name: 'Bo', address: 'bo@remote.test' }, []],
    ['is somebody we know', { name: 'Ola', address: 'ola@nordwind.example' }, []],
    ['looks like one of us', { address: 'ann@0urs.test' }, ['look-alike-of-ours']],
    ['looks like somebody we know', { address: 'ola@nordwlnd.example' }, ['look-alike-of-known']],
    ['writes from a service that is no slip of another', { address: 'bo@mail.com' }, []],
    ['has the name of one of us', { name: 'Berg, Ann', address: 'ann@remote.test' }, ['our-name']],
    ['has that name in other letters', { name: 'Аnn Bеrg', address: 'ann@remote.test' }, ['our-name']],
    ['calls itself our support', { name: 'Support of ours.test', address: 'a@remote.test' }, ['our-domain-in-name']],
  ])('%s', (_what, from, codes) => {
    expect(judgeAuthor(from, ours).map(({ code }) => code)).toEqual(codes)
  })
})
