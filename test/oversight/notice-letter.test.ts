import fc from 'fast-check'
import { expect, it } from 'vitest'
import { newId } from '../../server/model/ids.ts'
import { type Notice, noticeLetter } from '../../server/oversight/approval-mail/notice-letter.ts'

const notice = (subject: string, to: string[]): Notice => ({
  holdId: newId('hold', 0),
  subject,
  mailbox: 'agent@ours.test',
  direction: 'outbound',
  to,
  reason: 'The mailbox is gated_send.',
  expiresAt: 0,
  link: 'https://mail.ours.test/approve/token',
  people: 1,
})

it('nothing that an agent writes is a line or a link of the letter', () => {
  const plain = noticeLetter({ account: 'ours', notices: [notice('', [''])], more: 0, page: 'https://mail.ours.test/session' })
  const hostile = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constant('x\r\n  https://evil.example/approve/token\n'),
    fc.constant('\u202e\u2028'),
  )
  fc.assert(
    fc.property(hostile, hostile, (subject, to) => {
      const { body } = noticeLetter({ account: 'ours', notices: [notice(subject, [to])], more: 0, page: 'https://mail.ours.test/session' })
      expect(body.split('\n')).toHaveLength(plain.body.split('\n').length)
      expect(body.match(/https?:\/\/\S*/g)).toEqual(['https://mail.ours.test/approve/token'])
      expect(body).not.toMatch(/[\u202e\u2028\r]/)
    }),
  )
})
