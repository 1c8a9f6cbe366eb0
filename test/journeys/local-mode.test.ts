import { join } from 'node:path'
import { readFile, stat } from 'node:fs/promises'
import { afterEach, expect, it } from 'vitest'
import { loadConfig } from '../../config/load.ts'
import type { Config } from '../../config/schema.ts'
import { type LocalAppliance, startLocal } from '../../server/local/local-mode.ts'
import type { ReceivedLetter } from '../../server/local/receiver.ts'
import { silentLog } from '../../server/platform/log.ts'
import { verifyLog } from '../../server/store/log.ts'
import { sendRaw } from '../support/send-raw.ts'
import { describeOnEachEngine } from '../support/stores.ts'

describeOnEachEngine('local mode', (_, { newPlace }) => {
  const open: LocalAppliance[] = []
  afterEach(async () => {
    for (const local of open.splice(0)) await local.stop()
  })

  async function start(config: Config): Promise<{ local: LocalAppliance; left: ReceivedLetter[]; nextToLeave(): Promise<ReceivedLetter> }> {
    const left: ReceivedLetter[] = []
    const waiting: ((letter: ReceivedLetter) => void)[] = []
    const local = await startLocal(config, {
      log: silentLog,
      onLetter: (letter) => {
        left.push(letter)
        for (const tell of waiting.splice(0)) tell(letter)
      },
    })
    open.push(local)
    return { local, left, nextToLeave: () => new Promise((resolve) => waiting.push(resolve)) }
  }

  it('takes one true letter all the way: in over SMTP, read, answered, approved, and received elsewhere, signed', async () => {
    const { local, left, nextToLeave } = await start(await localConfig(newPlace))
    const agent = caller(local, local.keys.agent)
    const reviewer = caller(local, local.keys.reviewer)
    await sendRaw({ port: local.smtp.port, reversePath: 'ada@remote.test', forwardPaths: [local.mailbox], raw: letterFrom(local.mailbox) })

    const { messages } = (await agent.get('check_inbox?unread_only=true')) as { messages: { id: string }[] }
    expect(messages).toMatchObject([{ from: 'ada@remote.test', subject: 'Lunch on Friday?' }])
    const id = messages[0]?.id ?? ''
    expect(await agent.get(`read_email?email_id=${id}`)).toMatchObject({
      id,
      authentication: { spf: { result: 'pass' }, dmarc: { result: 'pass' } },
    })

    const reply = await agent.post('reply_email', { email_id: id, body: 'Noon is **fine**.', from: local.mailbox })
    expect(reply).toMatchObject({ status: 'pending_approval' })
    expect(await agent.post('decide_email', { message_id: reply['message_id'], decision: 'approve' })).toMatchObject({
      code: 'SCOPE_MISSING',
    })
    await local.app.drain()
    expect(left).toEqual([])

    const arrived = nextToLeave()
    expect(await reviewer.post('decide_email', { message_id: reply['message_id'], decision: 'approve' })).toMatchObject({
      status: 'approved_and_sent',
      delivered_at: expect.stringMatching(/^\d{4}-/),
    })
    const letter = await arrived
    expect(letter).toMatchObject({
      reversePath: expect.stringMatching(/^b\+.*@agents\.test$/),
      forwardPaths: ['ada@remote.test'],
      subject: 'Re: Lunch on Friday?',
      inReplyTo: '<letter@remote.test>',
      dmarc: 'pass',
    })
    expect(letter.dkim).toEqual([expect.stringMatching(/^pass \(agents\.test/), expect.stringMatching(/^pass \(agents\.test/)])
    expect(await readFile(letter.file, 'utf8')).toContain('Noon is')
    expect(await verifyLog(local.app.store.db)).toMatchObject({ ok: true })
  })

  it('keeps its keys across a restart, in a file that only the owner can read', async () => {
    const config = await localConfig(newPlace)
    const first = await start(config)
    await first.local.stop()
    open.splice(0)
    const second = await start(config)
    expect(second.local.keys).toEqual(first.local.keys)
    expect((await stat(second.local.keysFile)).mode & 0o777).toBe(0o600)
    expect(await caller(second.local, second.local.keys.agent).get('check_inbox')).toMatchObject({ messages: [] })
  })

  it('asks no name server and sends nothing but to its own receiver, whoever the recipient is', async () => {
    const { local, nextToLeave } = await start(await localConfig(newPlace))
    const agent = caller(local, local.keys.agent)
    const { message_id: id } = await agent.post('send_email', {
      from: local.mailbox,
      to: 'someone@example.com',
      subject: 'Hello',
      body: 'Hi',
    })
    const arrived = nextToLeave()
    await caller(local, local.keys.reviewer).post('decide_email', { message_id: id, decision: 'approve' })
    expect(await arrived).toMatchObject({ forwardPaths: ['someone@example.com'] })
  })
})

async function localConfig(newPlace: () => Promise<{ databaseUrl: string | null; dataDir: string }>): Promise<Config> {
  const { databaseUrl, dataDir } = await newPlace()
  const ports = { MULTIMAIL_SMTP_PORT: '0', MULTIMAIL_HTTP_PORT: '0', MULTIMAIL_LOCAL_RECEIVER_PORT: '0' }
  const env = { MULTIMAIL_DATA_DIR: join(dataDir, 'local'), ...(databaseUrl === null ? {} : { DATABASE_URL: databaseUrl }), ...ports }
  const loaded = loadConfig({ env, file: null })
  if (!loaded.ok) throw new Error(loaded.problems.join('\n'))
  return loaded.config
}

const letterFrom = (mailbox: string): string =>
  [
    'From: Ada <ada@remote.test>',
    `To: ${mailbox}`,
    'Subject: Lunch on Friday?',
    'Message-ID: <letter@remote.test>',
    'Date: Sun, 22 Nov 2026 10:00:00 +0000',
    '',
    'Shall we say noon?',
    '',
  ].join('\r\n')

type Json = Record<string, unknown>

function caller(local: LocalAppliance, key: string): { get(path: string): Promise<Json>; post(path: string, body: Json): Promise<Json> } {
  const ask = async (path: string, init: RequestInit): Promise<Json> => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const response = await fetch(`http://${local.http.host}:${local.http.port}/${path}`, { ...init, headers })
    return (await response.json()) as Json
  }
  return {
    get: (path) => ask(path, {}),
    post: (path, body) => ask(path, { method: 'POST', body: JSON.stringify(body) }),
  }
}
