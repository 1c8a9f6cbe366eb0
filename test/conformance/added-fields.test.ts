import { expect, it } from 'vitest'
import { createRemoteSender, letter } from '../support/remote-sender.ts'
import { authenticity } from './authentic.ts'

/** Who has a letter that the bank signed sends it on with more above it. The signature holds: it covers the lower of two (RFC 6376 §5.4.2, §8.15). */
const bank = createRemoteSender({ domain: 'bank.test', spf: 'ip4:198.51.100.1' })
const fields = {
  From: 'ceo@bank.test',
  Subject: 'Hello',
  'Reply-To': 'ceo@bank.test',
  'Content-Type': 'text/plain',
  'Content-Transfer-Encoding': '7bit',
}
const everyField = ['from', 'subject', 'reply-to', 'to', 'date', 'message-id', 'content-type', 'content-transfer-encoding']

it.each([
  'Subject: Pay at once',
  'subject : Pay at once',
  'Reply-To: me@evil.test',
  'To: you@ours.test',
  'Date: Mon, 1 Jan 2001 00:00:00 +0000',
  'Message-ID: <other@evil.test>',
  'Content-Type: text/html',
  'Content-Transfer-Encoding: base64',
])('a signature does not prove a letter with "%s" above it', async (field) => {
  const signed = (await bank.sign(letter(fields), { headerList: everyField })).toString()
  expect((await authenticity(bank.zone, signed)).results).toMatchObject({ dmarc: { result: 'pass' }, dkim: [{ result: 'pass' }] })
  const { results } = await authenticity(bank.zone, `${field}\r\n${signed}`)
  expect(results).toMatchObject({ dmarc: { result: 'fail', policy: 'reject' }, dkim: [{ result: 'policy' }] })
})

it('a field that was signed twice, or one that nobody reads, changes nothing', async () => {
  const twice = `Subject: Hello\r\n${letter(fields)}`
  const signed = (await bank.sign(twice, { headerList: [...everyField, 'subject'] })).toString()
  for (const message of [signed, `Received: from anywhere\r\nX-Spam: no\r\nX-Spam: no\r\n${signed}`])
    expect((await authenticity(bank.zone, message)).results).toMatchObject({ dmarc: { result: 'pass' }, dkim: [{ result: 'pass' }] })
})

it('a forwarder that sealed such a letter did not see what was added', async () => {
  const forwarder = createRemoteSender({ domain: 'list.test' })
  const zone = { ...bank.zone, ...forwarder.zone }
  const sealed = (await forwarder.seal(letter(fields), 'dmarc=pass header.from=bank.test')).toString()
  expect(await authenticity(zone, sealed)).toMatchObject({ chain: { sealers: ['list.test'] } })
  expect(await authenticity(zone, `Subject: Pay at once\r\n${sealed}`)).toMatchObject({ chain: null })
})
