import { describe, expect, it } from 'vitest'
import { shownDomain } from '../../../server/inbound/content/links.ts'
import { scanLetter } from '../../support/scan-letter.ts'

const link = (target: string, text = 'here') => ({ html: `<p>Please have a look at the page, it is</p><a href="${target}">${text}</a>` })

describe('a link', () => {
  it.each<[string, string, string, string[]]>([
    ['shows where it leads', 'https://www.bank.example/login', 'bank.example', []],
    ['shows another address', 'https://collect.test/x', 'https://www.bank.example/login', ['link-mismatch']],
    ['shows another address without a scheme', 'https://collect.test/x', 'www.bank.example', ['link-mismatch']],
    ["shows its sender's address, and counts clicks", 'https://click.mailer.example/x', 'www.remote.test', ['link-tracked']],
    ['shows the name of a file', 'https://forge.example/a/README.md', 'README.md', []],
    ['shows the name of a program', 'https://nodejs.example/', 'Node.js', []],
    ['shows a sentence', 'https://collect.test/x', 'Read more at bank.example today', []],
    ['leads to an address of digits', 'http://203.0.113.9/login', 'here', ['link-ip']],
    ['leads to such an address in other digits', 'http://0xcb.0x71.0x0.0x9/login', 'here', ['link-ip']],
    ['leads to an IPv6 address', 'http://[2001:db8::1]/', 'here', ['link-ip']],
    ['has a name before its host', 'https://www.bank.example@collect.test/', 'here', ['link-userinfo']],
    ['runs a script', 'javascript:alert(1)', 'here', ['link-script']],
    ['is its own page', 'data:text/html;base64,PGI+', 'here', ['link-script']],
    ['is shortened', 'https://bit.ly/abc', 'here', ['link-shortened']],
    ['leads on', 'https://remote.test/go?to=https%3A%2F%2Fcollect.test', 'here', ['link-redirect']],
    ['has a host of look-alike letters', 'https://xn--pple-43d.test/', 'here', ['link-look-alike', 'link-mixed-script']],
    ['has a host in another script', 'https://xn--fsq092h.test/', 'here', ['link-punycode']],
    ['has a host that looks like a brand', 'https://paypa1.test/', 'here', ['link-look-alike']],
    ['has a brand in a longer name', 'https://paypal-login.test/', 'here', ['bait-domain', 'link-look-alike']],
    ['has the domain of a brand before its own', 'https://paypal.com.collect.test/', 'here', ['link-look-alike']],
    ['leads to a brand', 'https://www.paypal.com/', 'here', []],
    ['is made of what should calm', 'https://secure-login.test/', 'here', ['bait-domain']],
    ['is none', 'not a url', 'here', []],
    ['is an address to write to', 'mailto:bo@remote.test', 'bo@remote.test', []],
  ])('%s', (_what, target, text, codes) => {
    expect(scanLetter(link(target, text)).codes).toEqual(codes)
  })

  it('in plain text is looked at as well', () => {
    expect(scanLetter({ plain: 'See http://203.0.113.9/x, or <https://paypa1.test>.' }).codes).toEqual(['link-ip', 'link-look-alike'])
  })
})

it.each([
  ['https://www.bank.example/login', 'bank.example'],
  ['WWW.BANK.EXAMPLE', 'bank.example'],
  ['bücher.example/a', 'xn--bcher-kva.example'],
  ['bank.example…', 'bank.example'],
  ['bo@bank.example', null],
  ['v1.2.3', null],
  ['build.sh', null],
  ['two words.example', null],
  ['…', null],
])('the text %s shows %s', (text, domain) => {
  expect(shownDomain(text)).toBe(domain)
})

describe('a form', () => {
  it.each([
    ['for a password', '<input type=Password>', ['password-form']],
    ['for anything else', '<input name=a>', ['form']],
  ])('%s', (_what, input, codes) => {
    expect(scanLetter({ html: `<p>Please fill in what is missing here:</p><form action="https://a.test">${input}</form>` }).codes).toEqual(
      codes,
    )
  })
})
