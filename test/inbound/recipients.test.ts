import { expect, it } from 'vitest'
import { type RecipientFacts, judgeRecipient, judgeRecipientParameters, judgeSender } from '../../server/inbound/recipients.ts'
import type { MailboxId } from '../../server/model/ids.ts'
import { formatReply } from '../../server/model/reply.ts'
import { address } from '../support/offices.ts'

const mailbox = { id: 'mbx_1' as MailboxId, isActive: true }
const facts: RecipientFacts = { address: address('ann@ours.test'), domainIsOurs: true, mailbox }

it.each<[what: string, facts: RecipientFacts, reply: string]>([
  ['a mailbox of ours', facts, 'accepted'],
  ['no address we can read', { ...facts, address: null, mailbox: null }, '553 5.1.3 Address syntax not supported'],
  ['a foreign domain', { ...facts, domainIsOurs: false, mailbox: null }, '550 5.7.1 Relaying denied'],
  ['nobody at our domain', { ...facts, mailbox: null }, '550 5.1.1 No such mailbox here'],
  ['a disabled mailbox', { ...facts, mailbox: { ...mailbox, isActive: false } }, '550 5.2.1 Mailbox disabled'],
])('RCPT TO %s', (_what, given, reply) => {
  const verdict = judgeRecipient(given)
  expect(verdict.ok ? 'accepted' : formatReply(verdict.reply)).toBe(reply)
})

it.each([
  ['', [], null],
  ['bo@remote.test', ['SIZE', 'BODY', 'SMTPUTF8'], 'bo@remote.test'],
  ['bo@bücher.test', [], 'bo@xn--bcher-kva.test'],
  ['bo@remote.test', ['RET'], '555 5.5.4 Parameter not recognized'],
  ['bo', [], '553 5.1.7 Sender address syntax not supported'],
])('MAIL FROM:<%s> with %j', (path, parameters, expected) => {
  const verdict = judgeSender(path, parameters)
  expect(verdict.ok ? verdict.reversePath : formatReply(verdict.reply)).toBe(expected)
})

it('RCPT TO takes no parameters', () => {
  expect(judgeRecipientParameters([]).ok).toBe(true)
  expect(judgeRecipientParameters(['NOTIFY'])).toMatchObject({ reply: { code: 555 } })
})
