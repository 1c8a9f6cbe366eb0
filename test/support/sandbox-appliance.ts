/** A whole appliance as it runs at an operator's, with a key of the test world: what an agent developer talks to. The DNS answers nobody. */
import { onTestFinished } from 'vitest'
import { loadConfig } from '../../config/load.ts'
import type { Resolver } from '../../dns/resolver.ts'
import { type App, createApp } from '../../server/app.ts'
import { setUp } from '../../server/identity/setup.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import type { OversightMode } from '../../server/model/email.ts'
import { knownDkim } from './known-dkim.ts'
import type { Place } from './stores.ts'

export type SandboxAppliance = {
  app: App
  url: string
  /** `key` is an admin key of the test world, `live` an agent's of the other */
  key: string
  live: string
  mailbox: string
  /** JSON in, JSON out. Throws when the answer is not of the 200s. */
  call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>
  /** What the DNS was asked */
  asked: string[]
}

export async function startSandboxAppliance(newPlace: () => Promise<Place>, mode: OversightMode): Promise<SandboxAppliance> {
  const { databaseUrl, dataDir } = await newPlace()
  const env = {
    MULTIMAIL_HOSTNAME: 'mx.ours.test',
    MULTIMAIL_DATA_DIR: dataDir,
    ...(databaseUrl !== null && { DATABASE_URL: databaseUrl }),
    MULTIMAIL_SMTP_PORT: '0',
    MULTIMAIL_HTTP_PORT: '0',
  }
  const loaded = loadConfig({ env, file: null })
  if (!loaded.ok) throw new Error(loaded.problems.join('\n'))
  const asked: string[] = []
  const app = await createApp(loaded.config, { clock: systemClock, log: silentLog, resolver: mute(asked) })
  onTestFinished(() => app.stop())
  const request = { domain: 'ours.test', mailbox: 'robot', withTestKey: true }
  const setup = await setUp({ store: app.store, clock: systemClock, makeDkim: knownDkim }, request)
  if (!setup.ok) throw new Error(setup.code)
  const { keys, testMailbox } = setup.value
  // A person raises it by a code; here nobody is there to be asked.
  await app.store.db.updateTable('mailboxes').set({ oversight_mode: mode }).where('world', '=', 'test').execute()
  const { http } = await app.start()
  const url = `http://127.0.0.1:${http.port}`
  const key = keys.test?.key ?? ''
  return {
    app,
    url,
    key,
    live: keys.agent?.key ?? '',
    mailbox: testMailbox?.address ?? '',
    asked,
    async call(method, path, body) {
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
      const answer = await fetch(url + path, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) })
      const said = (await answer.json()) as Record<string, unknown>
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(said)}`)
      return said
    },
  }
}

/** Notes each question, and answers none. */
const mute = (asked: string[]): Resolver =>
  new Proxy({} as Resolver, {
    get:
      (_, kind) =>
      (...of: unknown[]) => {
        asked.push([String(kind), ...of.map(String)].join(' '))
        return Promise.reject(new Error('nobody answers'))
      },
  })
