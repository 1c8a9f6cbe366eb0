import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FindingKind } from '../../../server/model/finding.ts'
import { scan } from '../../../server/oversight/checks/scan.ts'
import { makeKeyText } from '../../../server/identity/key-text.ts'

const hitsIn = (text: string, isHtml = false) => [...scan(text, { isHtml })].flat()
const kindsIn = (text: string, isHtml = false): FindingKind[] => [...new Set(hitsIn(text, isHtml).map(({ kind }) => kind))]
// In pieces, so that no program which looks for such things in code takes them for real.
const joined = (...pieces: string[]): string => pieces.join('')
const letters = 'aB3dE5gH7jK9mN1pQ2sT4vW6yZ8bC0fXqRtUiOpLkJhG'

describe('what looks like a secret', () => {
  it.each([
    ['private_key', joined('-----BEGIN ', 'PRIVATE KEY-----\nMIIE\n')],
    ['private_key', joined('-----BEGIN RSA ', 'PRIVATE KEY-----')],
    ['private_key', joined('-----BEGIN OPENSSH ', 'PRIVATE KEY-----')],
    ['private_key', joined('-----BEGIN PGP ', 'PRIVATE KEY BLOCK-----')],
    ['private_key', joined('AGE-SECRET-', 'KEY-1', letters.toUpperCase())],
    ['private_key', joined('PuTTY-User-', 'Key-File-3: ssh-ed25519')],
    ['access_token', makeKeyText('live')],
    ['access_token', makeKeyText('test')],
    ['access_token', joined('AK', 'IA', 'IOSFODNN7EXAMPLE')],
    ['access_token', joined('gh', 'p_', letters)],
    ['access_token', joined('github_', 'pat_', letters)],
    ['access_token', joined('glp', 'at-', letters)],
    ['access_token', joined('xo', 'xb-', '123456789012-', letters)],
    ['access_token', joined('sk_', 'live_', letters)],
    ['access_token', joined('sk-', 'proj-', letters)],
    ['access_token', joined('AI', 'za', letters.slice(0, 35))],
    ['access_token', joined('SG', '.', letters.slice(0, 22), '.', letters)],
    ['access_token', joined('np', 'm_', letters.slice(0, 36))],
    ['access_token', joined('eyJhbGciOiJIUzI1NiJ9', '.eyJzdWIiOiIxMjM0NTY3ODkwIn0', '.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U')],
    ['assigned_secret', 'The password: Xk9#vQ2!pL'],
    ['assigned_secret', 'DB_PASSWORD=Xk9vQ2pLw8Zt'],
    ['assigned_secret', `"api_key" : "${letters}"`],
    ['assigned_secret', 'dbPassword is Xk9#vQ2!pL'],
  ] as const)('%s in %j', (kind, secret) => {
    const hits = hitsIn(`Dear Bo,\nhere it is: ${secret} as you asked.`)
    expect(hits).toContainEqual({ kind, line: 2, excerpt: expect.any(String) })
    // What a reviewer is shown could not be used.
    for (const { excerpt } of hits) expect(excerpt.replaceAll('-----BEGIN ', '').length).toBeLessThan(secret.length)
  })

  it.each([
    'The password: please ask Cy for it.',
    'Your token of appreciation: a bunch of flowers',
    'password: reset-instructions-follow-soon',
    'Secret: 2026-03-02',
    'the token is https://example.com/reset/Abc123Def456',
    'sk-learn and sk-image are packages',
    'The public key: -----BEGIN PUBLIC KEY-----',
    'mm_live_ is how live keys begin',
  ])('is not %j', (text) => {
    expect(kindsIn(text)).toEqual([])
  })
})

describe('what nobody sees', () => {
  it.each(['\u200b', '\ufe0f', '\u034f', '\u{e0041}', '\u{e0100}'])('keeps nothing apart: %j', (unseen) => {
    const token = joined('gh', 'p_', letters)
    for (const count of [1, 21_000, 100_001])
      for (const at of [2, 10]) {
        const text = `a\nb ${token.slice(0, at)}${unseen.repeat(count)}${token.slice(at)} c`
        expect(hitsIn(text)).toContainEqual({ kind: 'access_token', line: 2, excerpt: expect.any(String) })
      }
  })

  it('and lines are counted where slices meet', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('word\n', '\u{e0041}', '\u200b'.repeat(9000), 'x'.repeat(7000), '\n'), { maxLength: 30 }),
        (pieces) => {
          const before = pieces.join('')
          const [hit] = hitsIn(`${before} 4111 1111 1111 1111 `)
          expect(hit).toMatchObject({ kind: 'card_number', line: before.split('\n').length })
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('a card number', () => {
  it.each([
    '4111 1111 1111 1111',
    '4111111111111111',
    '4111-1111-1111-1111',
    '4111 1111 1111 1111 12/27 123',
    'Bestellung 17 5555 5555 5555 4444',
    '378282246310005',
    '6011 1111 1111 1117',
    '3530.1113.3330.0000',
    '30569309025904',
    '2223003122003222',
    '４１１１ １１１１ １１１１ １１１１',
    '4111\u200b1111\u200b1111\u200b1111',
    '4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1',
  ])('is %j', (text) => {
    expect(kindsIn(`Card: ${text}.`)).toEqual(['card_number'])
  })

  it.each([
    '4111 1111 1111 1112',
    '1234 5678 9012 3456',
    '0000 0000 0000 0000',
    'A4111111111111111',
    '+49 30 901820 17',
    '41111111111111110000',
    'DE 123456789',
  ])('is not %j', (text) => {
    expect(kindsIn(text)).toEqual([])
  })

  it('is shown with its first and last four digits', () => {
    expect(hitsIn('a\nb\n4111 1111 1111 1111')).toEqual([{ kind: 'card_number', line: 3, excerpt: '4111…1111' }])
  })

  it('is found wherever it stands, and without it nothing is', () => {
    fc.assert(
      fc.property(fc.nat({ max: 40_000 }), fc.constantFrom(' ', '\n', 'x '), (before, filling) => {
        const around = filling.repeat(before)
        expect(kindsIn(`${around} 4111 1111 1111 1111 ${around}`)).toEqual(['card_number'])
        expect(kindsIn(`${around} 4111 1111 1111 1112 ${around}`)).toEqual([])
      }),
      { numRuns: 60 },
    )
  })
})

describe('an IBAN', () => {
  it.each([
    'DE89 3704 0044 0532 0130 00',
    'DE89370400440532013000 BIC COBADEFF',
    'gb82west12345698765432',
    'NO93 8601 1117 947',
    'MT84MALT011000012345MTLCAST001S',
  ])('is %j', (text) => {
    expect(kindsIn(`To ${text}, please`)).toEqual(['bank_account'])
  })
  it.each([
    'DE88 3704 0044 0532 0130 00',
    'DE89 3704 0044',
    'ZZ89 3704 0044 0532 0130 00',
    'XDE89370400440532013000',
    'DE893704004405320130001',
  ])('is not %j', (text) => {
    expect(kindsIn(text)).toEqual([])
  })
  it('is masked', () => {
    expect(hitsIn('DE89 3704 0044 0532 0130 00')).toEqual([{ kind: 'bank_account', line: 1, excerpt: 'DE89…00' }])
  })
})

describe('a personal number', () => {
  it.each(['123-45-6789', '123 45 6789', 'AB 12 34 56 C', 'AB123456C', '1 85 05 78 006 084 91', '255081416802538'])('is %j', (text) => {
    expect(kindsIn(`No. ${text}.`)).toEqual(['personal_number'])
  })
  it.each([
    '000-45-6789',
    '666-45-6789',
    '912-45-6789',
    '123-00-6789',
    '123-45-0000',
    '123-456-789',
    '1123-45-6789',
    'BG 12 34 56 C',
    '1 85 05 78 006 084 92',
  ])('is not %j', (text) => {
    expect(kindsIn(text)).toEqual([])
  })
})

describe('data that nobody can read', () => {
  const bytes = Buffer.from(Array.from({ length: 600 }, (_, at) => (at * 73 + (at >> 3)) % 256))
  const base64 = bytes.toString('base64')
  const inLines = base64.match(/.{1,76}/g)?.join('\r\n') ?? ''
  it.each([
    base64,
    base64.slice(0, 260),
    bytes.toString('hex').slice(0, 200),
    inLines,
    inLines.replaceAll('\r\n', '\n> '),
    `data:image/png;base64,${base64}`,
  ])('is %s', (text) => {
    expect(kindsIn(text)).toEqual(['encoded_data'])
  })
  it.each([
    '='.repeat(500),
    'a'.repeat(5000),
    '-----------------------------------------------------------------\n'.repeat(20),
    'f'.repeat(200),
    'The quick brown fox. '.repeat(200),
  ])('is not %s', (text) => {
    expect(kindsIn(text)).toEqual([])
  })
  it('is what a link carries as well', () => {
    expect(kindsIn(`https://evil.test/?q=${'ab%20cd.'.repeat(100)}`)).toEqual(['long_link'])
    expect(kindsIn(`https://evil.test/#${'ab%20cd.'.repeat(100)}`)).toEqual(['long_link'])
    expect(kindsIn('https://shop.test/?utm_source=mail&utm_campaign=spring')).toEqual([])
  })
})

describe('what is fetched from elsewhere', () => {
  it.each([
    '<img src="https://evil.test/p.gif">',
    "<IMG\nSRC = 'http://evil.test/p.gif'>",
    '<img src=//evil.test/p>',
    '<td background="https://evil.test">',
    '<style>p{background:url( "https://evil.test/p" )}</style>',
    '<video poster=https://evil.test/p>',
    '<p>Hi</p><img/src=//evil.test/p>',
    '<p>Hi</p><img alt=">"src="//evil.test/p">',
    '<p>Hi</p><img alt=\'a > b\' title="<" src=https://evil.test/p>',
    '<svg><image width="1" href="https://evil.test/p"/></svg>',
    '<svg:use xlink:href="https://evil.test/p"/>',
    '<LINK rel=stylesheet href=//evil.test/p>',
  ])('is %s', (html) => {
    expect(kindsIn(html, true)).toEqual(['remote_image'])
    expect(kindsIn(html)).toEqual([])
  })
  it.each([
    '<a href="https://shop.test/">shop</a>',
    '<img src="cid:logo">',
    '<img src="data:image/gif;base64,R0lGODlhAQ==">',
    '<p data-src="x">',
    '<a href="https://shop.test/?src=https://else.test/&data=https://else.test/">shop</a>',
    '<p>Say data=https://else.test/ or src = https://else.test/</p>',
    '<p><a href="https://shop.test/">shop</a>: src=https://else.test/</p>',
  ])('is not %s', (html) => {
    expect(kindsIn(html, true)).toEqual([])
  })
})

describe('any text', () => {
  it('is looked through without an error, and what is shown is masked and short', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 50 }),
      fc.constantFrom('4111 1111 1111 1111', 'DE89 3704 0044 0532 0130 00', 'password: ', '-----BEGIN ', 'sk-', '\n', '\ud800', '\0'),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        for (const { excerpt, line } of hitsIn(pieces.join(''), true)) {
          expect(excerpt.length).toBeLessThan(130)
          expect(line).toBeGreaterThan(0)
        }
      }),
    )
  })

  const hostile = [
    '1 ',
    '4 ',
    '62 ',
    '4',
    '4111 ',
    '-----BEGIN ',
    '-----BEGIN A',
    'sk-',
    'eyJ',
    'eyJaaaaaaaaa.',
    'password=',
    'password is ',
    'token ',
    'DE89 ',
    'DE89',
    'https://',
    'https://a?',
    'src=',
    ' src=//',
    '> src=//',
    '<image ',
    '<image href ',
    'url( ',
    'A+/=',
    'abc1'.repeat(14),
    `${'abc1'.repeat(13)} `,
    '123-45-',
    'AB 12 34 ',
    '1 85 05 78 ',
    '\u200b',
    '\ufdfa',
    '\n',
  ]
  it.each(hostile)('of 1 MB of %j takes linear time', { timeout: 60_000 }, (piece) => {
    const timed = (text: string): number => {
      const begun = process.cpuUsage()
      for (const _ of scan(text, { isHtml: true }));
      const { user, system } = process.cpuUsage(begun)
      return (user + system) / 1000
    }
    const text = piece.repeat(Math.ceil(1_000_000 / piece.length))
    // In time of a processor. A search that begins anew at each character takes many minutes.
    expect(timed(text)).toBeLessThan(30_000)
  })
})
