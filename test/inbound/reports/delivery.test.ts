import { describe, expect, it } from 'vitest'
import type { DsnRecipient } from '../../../server/model/feedback.ts'
import { readBounceText } from '../../../server/inbound/reports/bounce-text.ts'
import { readDeliveryStatus, statusIn } from '../../../server/inbound/reports/delivery-status.ts'
import { letter } from '../../support/remote-sender.ts'
import { ourMessageId, recognise, sample } from './corpus.ts'

type Row = [file: string, recipients: Partial<DsnRecipient>[], more?: object]
const diagnostic = (text: string): string => expect.stringContaining(text) as string

const bounces: Row[] = [
  [
    'postfix.eml',
    [
      {
        finalRecipient: 'cy@inner.test',
        originalRecipient: 'cy@remote.test',
        action: 'failed',
        status: '5.1.1',
        diagnosticCode: '550 5.1.1 <cy@inner.test>: Recipient address rejected: User unknown',
        remoteMta: 'mail.inner.test',
      },
    ],
    { reportingMta: 'mx.remote.test' },
  ],
  ['postfix-delayed.eml', [{ finalRecipient: 'bo@remote.test', action: 'delayed', status: '4.4.1', remoteMta: null }]],
  [
    'postfix-text.eml',
    [{ finalRecipient: 'cy@remote.test', action: 'failed', status: '5.2.2', diagnosticCode: diagnostic('said: 552 5.2.2') }],
  ],
  [
    'sendmail.eml',
    [
      { finalRecipient: 'bo@remote.test', action: 'failed', status: '5.7.1', diagnosticCode: '554 5.7.1 Not wanted here' },
      { finalRecipient: 'dora@remote.test', action: 'relayed', status: '2.1.5', diagnosticCode: null },
    ],
    { originalEnvelopeId: 'em_01JDAAAA.7' },
  ],
  [
    'exim.eml',
    [
      { finalRecipient: 'bo@remote.test', action: 'failed', status: '5.1.1', diagnosticCode: diagnostic('550 5.1.1 No such person') },
      { finalRecipient: 'dora@remote.test', action: 'failed', status: null, diagnosticCode: 'retry timeout exceeded' },
    ],
  ],
  ['exim-delayed.eml', [{ finalRecipient: 'bo@remote.test', action: 'delayed', status: '4.3.2' }], { originalMessageId: null }],
  ['exim-report.eml', [{ finalRecipient: 'bo@remote.test', action: 'failed', status: '5.0.0', remoteMta: 'inner.remote.test' }]],
  [
    'qmail.eml',
    [
      { finalRecipient: 'bo@remote.test', action: 'failed', status: '5.1.1', diagnosticCode: diagnostic('Remote host said: 550 5.1.1') },
      { finalRecipient: 'dora@remote.test', action: 'failed', status: '5.1.1' },
    ],
  ],
  ['yahoo.eml', [{ finalRecipient: 'bo@remote.test', action: 'failed', status: null, diagnosticCode: diagnostic('no account here') }]],
  ['exchange.eml', [{ finalRecipient: 'bo@remote.test', action: 'failed', status: '5.1.10' }], { reportingMta: 'EX01.remote.test' }],
  [
    'exchange-text.eml',
    [
      { finalRecipient: 'bo@remote.test', action: 'failed', status: '5.1.1', diagnosticCode: diagnostic('RESOLVER.ADR.RecipNotFound') },
      { finalRecipient: 'dora@remote.test', action: 'failed', status: '5.7.1' },
    ],
  ],
  ['exchange-2003.eml', [{ finalRecipient: 'bo@remote.test', action: 'failed', status: '5.1.1' }]],
  [
    'google.eml',
    [
      {
        finalRecipient: 'bo@remote.test',
        action: 'failed',
        status: '5.1.1',
        diagnosticCode: diagnostic('550-5.1.1 There is no account of that name'),
      },
    ],
  ],
  ['global.eml', [{ finalRecipient: 'jürgen@remote.test', originalRecipient: 'jürgen@remote.test', action: 'failed', status: '5.1.1' }]],
]

describe('a bounce', () => {
  it.each(bounces)('%s: who did not get which message, and why', async (file, recipients, more = {}) => {
    expect(await recognise(await sample(file))).toMatchObject({
      kind: 'delivery',
      report: { originalMessageId: ourMessageId, recipients, ...more },
    })
  })

  it('that a person forwards, quotes or attaches is a letter', async () => {
    const text = (await sample('qmail.eml')).toString('latin1')
    const body = text.slice(text.indexOf('\r\n\r\n') + 4)
    expect(await recognise(Buffer.from(letter({ From: 'Bo <bo@remote.test>' }, body)))).toBeNull()
    const report = (await sample('postfix.eml'))
      .toString('latin1')
      .replace('multipart/report; report-type=delivery-status', 'multipart/mixed')
    expect(await recognise(Buffer.from(report.replace('MAILER-DAEMON@', 'bo@'), 'latin1'))).toBeNull()
    // From a mail system it is one, whatever it calls its parts.
    expect(await recognise(Buffer.from(report, 'latin1'))).toMatchObject({ kind: 'delivery' })
  })

  it('without a part about its recipients takes them from the header, and says nothing when there are none', async () => {
    const text = (await sample('exim-report.eml')).toString('latin1').replace(/Action: failed\r\nFinal-Recipient: .*\r\nStatus: .*\r\n/, '')
    expect(await recognise(Buffer.from(text, 'latin1'))).toMatchObject({
      report: { recipients: [{ finalRecipient: 'bo@remote.test', action: 'failed', status: null }] },
    })
    const none = text.replace(/X-Failed-Recipients.*\r\n/, '').replace(/ {2}bo@remote\.test\r\n/, '')
    expect(await recognise(Buffer.from(none, 'latin1'))).toBeNull()
  })
})

describe('message/delivery-status', () => {
  const read = (text: string) => readDeliveryStatus(Buffer.from(text.replaceAll('\n', '\r\n')))
  it.each([
    ['without the empty line', 'Reporting-MTA: dns; a.test\nFinal-Recipient: rfc822; bo@remote.test\nStatus: 5.1.1\n'],
    ['with the recipients only', 'Final-Recipient: rfc822;<bo@remote.test>\nAction: Failed\nStatus: 5.1.1 (no such user)\n\n'],
    [
      'with LF line ends, blanks and empty groups',
      '\n\nReporting-MTA : dns;a.test\n \n\nFINAL-RECIPIENT:RFC822 ; BO@remote.test (Bo)\nstatus:5.1.1\n',
    ],
  ])('%s', (_what, text) => {
    expect(read(text).recipients).toMatchObject([{ finalRecipient: 'bo@remote.test', action: 'failed', status: '5.1.1' }])
  })

  it('keeps of a stranger’s words one printable line of a thousand characters', () => {
    const found = read(
      `X: y\n\nFinal-Recipient: x; nobody\nAction: failed\nDiagnostic-Code: smtp; \u001b[31m\u202e${'<b>'.repeat(2_000)}\nRemote-MTA: dns;\u0000\n`,
    )
    expect(found.recipients).toMatchObject([{ finalRecipient: null, remoteMta: null }])
    const code = found.recipients[0]?.diagnosticCode ?? ''
    expect(code).toMatch(/^\[31m(?:<b>)+/)
    expect(code.length).toBeLessThanOrEqual(1_000)
  })

  it('knows a hundred recipients, and not those that nothing is said about', () => {
    const group = (at: number) => `Final-Recipient: rfc822; r${at}@remote.test\nAction: failed\n\n`
    expect(read(`X: y\n\n${Array.from({ length: 5_000 }, (_, at) => group(at)).join('')}`).recipients).toHaveLength(100)
    expect(read('X: y\n\nFinal-Recipient: rfc822; bo@remote.test\nAction: pondered\n').recipients).toEqual([])
  })
})

it.each([
  ['550 5.1.1 No', '5.1.1'],
  ['smtp;550-5.7.26 x', '5.7.26'],
  ['#4.4.7', '4.4.7'],
  ['host 5.6.7.8 said no', null],
  ['192.0.2.1', null],
  ['v15.1.2', null],
  ['3.1.1', null],
])('the status in %j is %s', (text, status) => expect(statusIn(text)).toBe(status))

it('a text of one form with the words of none of its recipients is nothing', () => {
  expect(readBounceText('Hi. This is the qmail-send program at a.test.\n<bo>:\nno\n', [])).toBeNull()
  expect(readBounceText('Hi. This is Bo.\n<bo@remote.test>:\nno\n', [])).toBeNull()
})
