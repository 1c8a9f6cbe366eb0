import { describe, expect, it } from 'vitest'
import { type EmailStatus, emailStatuses } from '../../server/model/email.ts'
import { replyHead, replySubject } from '../../server/outbound/reply-head.ts'
import type { EmailRow } from '../../server/store/emails.ts'

const email = (change: Partial<EmailRow> = {}): EmailRow =>
  ({
    direction: 'inbound',
    status: 'read',
    message_id: '<b@remote.test>',
    in_reply_to: '<a@ours.test>',
    references_json: '[]',
    subject: 'Question',
    from_address: 'bo@remote.test',
    reply_to_json: '[]',
    automatic: null,
    to_json: '[{"address":"ann@ours.test"}]',
    ...change,
  }) as EmailRow

describe('the subject of a reply', () => {
  it.each([
    ['Question', 'Re: Question'],
    ['Re: Question', 'Re: Question'],
    ['RE:Question', 'RE:Question'],
    ['Re[2]: Question', 'Re[2]: Question'],
    ['Reply wanted', 'Re: Reply wanted'],
    ['', 'Re:'],
    ['a\r\nBcc: thief@evil.test', 'Re: a Bcc: thief@evil.test'],
    ['x'.repeat(2000), `Re: ${'x'.repeat(994)}`],
  ])('%j → %j', (subject, reply) => {
    expect(replySubject(subject)).toBe(reply)
  })
})

describe('the head of a reply', () => {
  it('answers the sender and points back (RFC 5322 §3.6.4)', () => {
    expect(replyHead(email())).toEqual({
      ok: true,
      value: {
        to: ['bo@remote.test'],
        cc: [],
        subject: 'Re: Question',
        inReplyTo: '<b@remote.test>',
        references: ['<a@ours.test>', '<b@remote.test>'],
      },
    })
  })

  it.each([
    [
      'Reply-To before From',
      { reply_to_json: '[{"address":"desk@remote.test"},{"address":"cy@else.test"}]' },
      ['desk@remote.test', 'cy@else.test'],
    ],
    ['From when no Reply-To can be read', { reply_to_json: '[{"address":"nobody"}]' }, ['bo@remote.test']],
    ['those we wrote to', { direction: 'outbound', status: 'sent', to_json: '[{"address":"bo@remote.test"}]' }, ['bo@remote.test']],
  ] as const)('goes to %s', (_, change, to) => {
    expect(replyHead(email(change))).toMatchObject({ ok: true, value: { to } })
  })

  it('needs somebody to go to', () => {
    expect(replyHead(email({ from_address: '' }))).toMatchObject({ ok: false, code: 'INVALID_RECIPIENT' })
  })

  it('answers what the agent has read or what we have sent, and nothing else', () => {
    const answerable = (direction: 'inbound' | 'outbound'): EmailStatus[] =>
      emailStatuses.filter((status) => replyHead(email({ direction, status })).ok)
    expect(answerable('inbound')).toEqual(['unread', 'read', 'spam_flagged'])
    expect(answerable('outbound')).toEqual(['sent'])
    expect(replyHead(email({ status: 'pending_inbound_approval' }))).toMatchObject({ code: 'EMAIL_NOT_FOUND' })
    expect(replyHead(email({ status: 'spam_quarantined' }))).toMatchObject({ code: 'NOT_REPLIABLE' })
  })
})
