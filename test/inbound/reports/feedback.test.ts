import { expect, it } from 'vitest'
import { readFeedback } from '../../../server/inbound/reports/feedback-report.ts'
import { letter } from '../../support/remote-sender.ts'
import { ourMessageId, recognise, sample } from './corpus.ts'

it('a complaint names the message, who complained, and where it came from', async () => {
  expect(await recognise(await sample('arf.eml'))).toEqual({
    kind: 'complaint',
    complaint: {
      feedbackType: 'abuse',
      originalMessageId: ourMessageId,
      originalRecipients: ['bo@remote.test'],
      sourceIp: '198.51.100.1',
      reportedDomains: ['ours.test'],
    },
  })
})

it('a complaint with a header only, and its recipient made unreadable', async () => {
  expect(await recognise(await sample('arf-redacted.eml'))).toMatchObject({
    kind: 'complaint',
    complaint: {
      feedbackType: 'fraud',
      originalMessageId: ourMessageId,
      sourceIp: '2001:db8::1',
      originalRecipients: ['redacted-3f2a@remote.test'],
    },
  })
})

it('a report of failed authentication is no complaint', async () => {
  expect(await recognise(await sample('auth-failure.eml'))).toEqual({ kind: 'authentication-failure' })
})

it('a letter with a feedback report attached is a letter, and so is a report that does not say what it is', async () => {
  const text = (await sample('arf.eml')).toString('latin1')
  expect(await recognise(Buffer.from(text.replace('multipart/report', 'multipart/mixed'), 'latin1'))).toBeNull()
  expect(await recognise(Buffer.from(text.replace('Feedback-Type: abuse', 'Feedback: abuse'), 'latin1'))).toBeNull()
  expect(await recognise(Buffer.from(letter()))).toBeNull()
})

it.each(['', 'Feedback-Type: <script>alert(1)</script>', `Feedback-Type: ${'a'.repeat(100)}`, 'Feedback-Type:\r\n abuse now'])(
  'a feedback type %j is none',
  (text) => expect(readFeedback(Buffer.from(`${text}\r\n`))).toBeNull(),
)

it('names of domains and recipients are few, and are names', () => {
  const many = Array.from({ length: 500 }, (_, at) => `Reported-Domain: d${at}.test\r\nOriginal-Rcpt-To: r${at}@remote.test\r\n`).join('')
  const read = readFeedback(Buffer.from(`Feedback-Type: abuse\r\nReported-Domain: <b>x</b>\r\nSource-IP: 999.1.1.1\r\n${many}`))
  expect(read).toMatchObject({ sourceIp: null })
  expect(read?.reportedDomains).toHaveLength(19)
  expect(read?.originalRecipients).toHaveLength(20)
})
