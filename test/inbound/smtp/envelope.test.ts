import { expect, it } from 'vitest'
import { createHost, openSession } from './desk.ts'

it('a recipient who is named again is not looked up again, and conduct hears of a word that leads nowhere', async () => {
  const host = createHost()
  const asked: string[] = []
  const session = openSession({ ...host, judgeRecipient: (path, talk) => (asked.push(path), host.judgeRecipient(path, talk)) })
  for (const line of ['EHLO a.test', 'MAIL FROM:<bo@remote.test>', 'RCPT TO:<ann@ours.test>']) await session.ask(line)
  expect(await session.ask('RCPT TO:<Ann@ours.test>')).toBe('250 2.1.5 Recipient accepted')
  expect(session.said.at(-1)).toMatchObject({ verb: 'NOOP' })
  expect(asked).toEqual(['ann@ours.test'])
})
