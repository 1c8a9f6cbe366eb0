import { expect, it, onTestFinished } from 'vitest'
import { startRemote } from './crash-remote.ts'
import { connectSmtp } from './smtp-client.ts'

it('a client that dies in the middle of a message has sent none, and the next one is served', async () => {
  const remote = await startRemote('mx.remote.test')
  onTestFinished(() => remote.stop())
  const envelope = { from: 'ann@ours.test', to: 'bo@remote.test' }
  // Also when a refusal is kept ready: that is for a message.
  remote.refuseNext(550, 'No')
  const dying = await connectSmtp(remote.port)
  for (const line of ['MAIL FROM:<ann@ours.test>', 'RCPT TO:<bo@remote.test>', 'DATA']) await dying.ask(line)
  await dying.write('Subject: Half\r\n\r\nthe first')
  dying.reset()

  const next = await connectSmtp(remote.port)
  onTestFinished(() => next.close())
  expect(await next.send({ ...envelope, data: 'Subject: Refused\r\n\r\n.\r\n' })).toMatch(/^550/)
  expect(await next.send({ ...envelope, data: 'Subject: Whole\r\n\r\nall of it\r\n' })).toMatch(/^250/)
  expect(remote.letters().map(({ raw }) => raw.includes('Whole'))).toEqual([true])
})
