/**
 * The whole story in one terminal, over real SMTP and HTTP: a letter arrives, an agent reads it and answers, a reviewer
 * approves, and another mail server receives it signed. Uses free ports and a data folder of its own, removed afterwards.
 * Usage: npm run demo
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { styleText } from 'node:util'
import { loadConfig, problemsText } from '../config/load.ts'
import { type LocalAppliance, startLocal } from '../server/local/local-mode.ts'
import type { ReceivedLetter } from '../server/local/receiver.ts'
import { createLog } from '../server/platform/log.ts'
import { httpUrl } from '../server/platform/reach.ts'
import { sendLetter } from './send-letter.ts'

async function play(folder: string): Promise<void> {
  const env = { MULTIMAIL_DATA_DIR: folder, MULTIMAIL_SMTP_PORT: '0', MULTIMAIL_HTTP_PORT: '0', MULTIMAIL_LOCAL_RECEIVER_PORT: '0' }
  const loaded = loadConfig({ env, file: null })
  if (!loaded.ok) throw new Error(problemsText(loaded.problems))
  const left = Promise.withResolvers<ReceivedLetter>()
  const local = await startLocal(loaded.config, { log: createLog({ level: 'error' }), onLetter: left.resolve })
  try {
    await tell(local, left.promise)
  } finally {
    await local.stop()
  }
}

async function tell(local: LocalAppliance, left: Promise<ReceivedLetter>): Promise<void> {
  const agent = caller(local, local.keys.agent)
  const reviewer = caller(local, local.keys.reviewer)

  say('1', `A stranger writes to ${local.mailbox}, over SMTP on port ${local.smtp.port}.`)
  const letter = { from: 'ada@remote.test', to: local.mailbox, subject: 'Lunch on Friday?', text: 'Shall we say noon?\n\nAda' }
  show(await sendLetter({ host: local.smtp.host, port: local.smtp.port, ...letter }))

  say('2', 'The agent looks into its inbox and reads the letter. The verdict on who sent it travels along.')
  const [summary] = (await agent('GET', 'check_inbox?unread_only=true'))['messages'] as { id: string }[]
  if (summary === undefined) throw new Error('the letter is not in the inbox')
  const email = await agent('GET', `read_email?email_id=${summary.id}`)
  show(pick(email, 'id', 'from', 'subject', 'body', 'authentication'))

  say('3', 'It answers. Its mailbox is gated_send, so the answer waits for a person.')
  const reply = await agent('POST', 'reply_email', { email_id: summary.id, body: 'Noon is **fine**. See you there.', from: local.mailbox })
  show(pick(reply, 'message_id', 'status', 'thread_id'))

  say('4', 'The agent tries to approve its own mail, and may not.')
  show(await agent('POST', 'decide_email', { message_id: reply['message_id'], decision: 'approve' }))

  say('5', 'The reviewer sees exactly what would leave, and approves it.')
  const pending = (await reviewer('GET', 'list_pending'))['messages'] as Record<string, unknown>[]
  show(pick(pending[0] ?? {}, 'id', 'to', 'subject', 'body', 'content_hash', 'reason'))
  show(pick(await reviewer('POST', 'decide_email', { message_id: reply['message_id'], decision: 'approve' }), 'status', 'delivered_at'))

  say('6', `Another mail server (port ${local.receiver.port}) has received it, signed.`)
  const { reversePath, forwardPaths, subject, inReplyTo, dkim, dmarc } = await left
  show({ reversePath, forwardPaths, subject, inReplyTo, dkim, dmarc })
}

type Answer = Record<string, unknown>

const caller =
  (local: LocalAppliance, key: string) =>
  async (method: 'GET' | 'POST', path: string, body?: Answer): Promise<Answer> => {
    const response = await fetch(`${httpUrl(local.http)}/${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return (await response.json()) as Answer
  }

const pick = (from: Answer, ...names: string[]): Answer =>
  Object.fromEntries(names.filter((name) => name in from).map((name) => [name, from[name]]))

const say = (number: string, text: string): void => console.log(`\n${styleText('bold', `${number}. ${text}`)}`)
const show = (value: unknown): void => console.log(styleText('dim', typeof value === 'string' ? value : JSON.stringify(value, null, 2)))

const dataDir = await mkdtemp(join(tmpdir(), 'multimail-demo-'))
try {
  await play(dataDir)
} finally {
  await rm(dataDir, { recursive: true, force: true })
}
