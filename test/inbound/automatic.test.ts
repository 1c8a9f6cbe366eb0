import { describe, expect, it } from 'vitest'
import { automaticKind } from '../../server/inbound/automatic/automatic.ts'
import { isDaemon } from '../../server/inbound/automatic/daemon.ts'
import type { ArrivedReport } from '../../server/inbound/reports/arrived-report.ts'
import type { Automatic } from '../../server/model/automatic.ts'
import { splitMessage } from '../../server/model/headers.ts'
import { address } from '../support/offices.ts'
import { letter } from '../support/remote-sender.ts'

type Options = { reversePath?: string | null; report?: ArrivedReport | null }
const kindOf = (fields: Record<string, string | null>, { reversePath = 'bo@remote.test', report = null }: Options = {}): Automatic | null =>
  automaticKind({
    header: splitMessage(Buffer.from(letter(fields))).header,
    reversePath: reversePath === null ? null : address(reversePath),
    report,
  })

describe('a letter of a person', () => {
  it.each<[string, Record<string, string | null>, Options?]>([
    ['as it is', {}],
    ['that says so', { 'Auto-Submitted': 'no' }],
    ['that says so with a comment', { 'Auto-Submitted': 'No (really)' }],
    ['about being away', { Subject: 'Out of office on Friday?' }],
    ['through a provider that marks it', { 'Feedback-ID': '1.eu-west-1:AmazonSES' }],
    ['of the postmaster', { From: 'postmaster@remote.test' }],
    ['of somebody called mailer', { From: 'mailer@remote.test' }],
    ['that is urgent', { Precedence: 'first-class', Priority: 'urgent' }],
    ['with nothing in its fields', { 'Auto-Submitted': '', Precedence: '', 'X-Auto-Response-Suppress': '' }],
    ['with an aggregate report: whose domain it names shows later', {}, { report: { kind: 'aggregate', reports: [] } }],
  ])('%s', (_what, fields, options) => expect(kindOf(fields, options)).toBeNull())
})

describe('what a program wrote', () => {
  it.each<[Automatic, string, Record<string, string | null>, Options?]>([
    ['reply', 'an answer by RFC 3834', { 'Auto-Submitted': 'auto-replied' }],
    ['reply', 'an answer, in capitals and with a comment', { 'AUTO-SUBMITTED': 'Auto-Replied (vacation)' }],
    ['reply', 'an old absence notice', { Precedence: 'auto_reply' }],
    ['reply', 'an old absence notice by its field', { 'X-Autoreply': 'yes', Precedence: 'bulk' }],
    ['reply', 'a rule of Exchange', { 'X-MS-Exchange-Inbox-Rules-Loop': 'bo@remote.test' }],
    ['reply', 'an absence by subject and null reverse-path', { Subject: 'Automatic reply: Lunch' }, { reversePath: null }],
    ['reply', 'an absence in German, encoded', { Subject: '=?utf-8?q?Abwesenheitsnotiz?=', 'X-Auto-Response-Suppress': 'DR' }],
    ['reply', 'an absence in French', { Subject: '=?utf-8?b?UsOpcG9uc2UgYXV0b21hdGlxdWU=?= : Lunch', Precedence: 'junk' }],
    ['reply', 'an absence in Japanese', { Subject: '自動応答: Lunch', 'Auto-Submitted': 'auto-generated' }],
    ['list', 'a list', { 'List-Id': '<talk.remote.test>', 'List-Post': '<mailto:talk@remote.test>', 'List-Unsubscribe': '<https://x>' }],
    ['list', 'an old list', { Precedence: 'list' }],
    ['list', 'a list with a name only', { 'List-Id': '<talk.remote.test>' }],
    ['bulk', 'a newsletter', { 'List-Unsubscribe': '<https://remote.test/u>' }],
    ['bulk', 'a newsletter with a name', { 'List-Id': '<news.remote.test>', 'List-Unsubscribe': '<https://remote.test/u>' }],
    ['bulk', 'bulk mail', { Precedence: 'bulk' }],
    ['bulk', 'junk mail', { Precedence: 'JUNK' }],
    ['bulk', 'a campaign', { 'X-Campaign-ID': '7' }],
    ['notice', 'another agent', { 'Auto-Submitted': 'auto-generated' }],
    ['notice', 'a filter that tells', { 'Auto-Submitted': 'auto-notified; owner-email="bo@remote.test"' }],
    ['notice', 'a word of its own', { 'Auto-Submitted': 'x-cron' }],
    ['notice', 'a program that wants no answers', { 'X-Auto-Response-Suppress': 'OOF, AutoReply' }],
    ['notice', 'what cannot be answered', {}, { reversePath: null }],
    ['notice', 'no-reply through a provider', { From: 'no-reply@remote.test', 'Feedback-ID': '1' }],
    [
      'notice',
      'a receipt that a letter was read',
      { 'Content-Type': 'multipart/report; report-type=disposition-notification; boundary=b' },
    ],
    ['notice', 'a report of failed authentication', {}, { report: { kind: 'authentication-failure' } }],
    [
      'delivery-report',
      'a bounce that could not be read',
      { 'Content-Type': 'multipart/report;\r\n boundary="b";\r\n report-type="delivery-status"' },
    ],
    ['delivery-report', 'words of a mail system', { From: 'MAILER-DAEMON@remote.test (Mail Delivery System)' }, { reversePath: null }],
    ['delivery-report', 'a postmaster who takes no answer', { From: 'Postmaster <postmaster@remote.test>' }, { reversePath: null }],
    [
      'delivery-report',
      'a bounce that says it is an answer',
      { 'Auto-Submitted': 'auto-replied' },
      {
        reversePath: null,
        report: { kind: 'delivery', report: { reportingMta: null, originalEnvelopeId: null, originalMessageId: null, recipients: [] } },
      },
    ],
    [
      'complaint',
      'a complaint',
      { Precedence: 'list' },
      {
        report: {
          kind: 'complaint',
          complaint: { feedbackType: 'abuse', originalMessageId: null, originalRecipients: [], sourceIp: null, reportedDomains: [] },
        },
      },
    ],
  ])('%s: %s', (kind, _what, fields, options) => expect(kindOf(fields, options)).toBe(kind))
})

it('is read from a header made to be slow', () => {
  const slow = {
    From: `${'('.repeat(50_000)}<${'a'.repeat(50_000)}`,
    Subject: '=?utf-8?q?'.repeat(20_000),
    'Content-Type': `multipart/report${'; report-type'.repeat(20_000)}`,
    'Auto-Submitted': `${'no '.repeat(50_000)}auto-replied`,
  }
  expect(kindOf(slow)).toBeNull()
  expect(kindOf({ ...slow, 'X-A': `${'a\r\n '.repeat(100_000)}b` })).toBeNull()
})

it.each([
  ['MAILER-DAEMON@remote.test', true],
  ['MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@remote.test', true],
  ['postmaster@remote.test', true],
  ['microsoftexchange@remote.test', false],
  ['mailer-daemon.bo@remote.test', false],
  ['@remote.test', false],
  ['', false],
])('a mail system writes from %j: %s', (from, is) => expect(isDaemon(from)).toBe(is))
