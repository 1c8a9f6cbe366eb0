/** The whole appliance in the test's own process, so that its time is the test's: real SMTP and HTTP, names from a zone. Ends when the test does. */
import { onTestFinished } from 'vitest'
import { loadConfig } from '../../config/load.ts'
import { type Zone, createZoneResolver } from '../../dns/resolver.ts'
import { createApp } from '../../server/app.ts'
import { setUp } from '../../server/identity/setup.ts'
import { createLog } from '../../server/platform/log.ts'
import type { Store } from '../../server/store/db.ts'
import { knownDkim } from './known-dkim.ts'
import type { RemoteMx } from './remote-mx.ts'
import type { Place } from './stores.ts'
import type { VirtualClock } from './virtual-clock.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- whatever JSON came back: what a test expects of it is the check
export type Answer = { status: number; body: any }

/** Keys of one account whose mailbox is gated (`gated_send`). */
export type Account = { agent: string; reviewer: string; mailbox: string }

export type InProcess = {
  store: Store
  url: string
  /** JSON in, JSON out. */
  call(key: string, method: 'GET' | 'POST', path: string, body?: unknown): Promise<Answer>
  /** Sets up an account with one mailbox at this domain. */
  account(domain: string, mailbox: string): Promise<Account>
  /** How often an event of this name was logged. */
  count(event: string): number
  /** Resolves once `isSo`; it is asked now, and again after each event of the log. */
  until(isSo: () => boolean): Promise<void>
  drain(): Promise<void>
  stop(): Promise<void>
}

type Options = { place: Place; clock: VirtualClock; zone: Zone; remote: RemoteMx; env?: Record<string, string> }

export async function startInProcess({ place, clock, zone, remote, env = {} }: Options): Promise<InProcess> {
  const loaded = loadConfig({
    env: {
      MULTIMAIL_HOSTNAME: 'mx.ours.test',
      MULTIMAIL_DATA_DIR: place.dataDir,
      ...(place.databaseUrl !== null && { DATABASE_URL: place.databaseUrl }),
      MULTIMAIL_SMTP_PORT: '0',
      MULTIMAIL_HTTP_PORT: '0',
      MULTIMAIL_OUTBOUND_PORT: String(remote.port),
      MULTIMAIL_ALLOW_PRIVATE_TARGETS: 'true',
      MULTIMAIL_TLS_REPORTS: 'false',
      ...env,
    },
    file: null,
  })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  const counts = new Map<string, number>()
  const asking = new Set<() => void>()
  const write = (line: string): void => {
    const { msg } = JSON.parse(line) as { msg: string }
    counts.set(msg, (counts.get(msg) ?? 0) + 1)
    for (const ask of asking) ask()
  }
  const app = await createApp(loaded.config, {
    clock,
    resolver: createZoneResolver(zone),
    log: createLog({ level: 'debug', destination: { write } }),
  })
  let stopping: Promise<void> | null = null
  const stop = async (): Promise<void> => {
    // A remote that has fallen silent would be waited for by a clock that nobody moves any more.
    await remote.close()
    await (stopping ??= app.stop())
  }
  onTestFinished(stop)
  const { http } = await app.start()
  const url = `http://127.0.0.1:${http.port}`
  return {
    store: app.store,
    url,
    async call(key, method, path, body) {
      const headers = { authorization: `Bearer ${key}`, ...(body !== undefined && { 'content-type': 'application/json' }) }
      const answer = await fetch(url + path, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) })
      return { status: answer.status, body: await answer.json() }
    },
    async account(domain, mailbox) {
      const setup = await setUp({ store: app.store, clock, makeDkim: knownDkim }, { domain, mailbox, accountName: domain, newKeys: true })
      if (!setup.ok) throw new Error(setup.code)
      const { keys, mailbox: made } = setup.value
      return { agent: keys.agent?.key ?? '', reviewer: keys.reviewer?.key ?? '', mailbox: made.id }
    },
    count: (event) => counts.get(event) ?? 0,
    until(isSo) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const ask = (): void => {
        if (!isSo()) return
        asking.delete(ask)
        resolve()
      }
      asking.add(ask)
      ask()
      return promise
    },
    drain: () => app.drain(),
    stop,
  }
}
