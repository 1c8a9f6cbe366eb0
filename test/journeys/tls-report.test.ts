import { gunzipSync } from 'node:zlib'
import PostalMime from 'postal-mime'
import { expect, it, onTestFinished } from 'vitest'
import { loadConfig } from '../../config/load.ts'
import { createZoneResolver } from '../../dns/resolver.ts'
import { createApp } from '../../server/app.ts'
import { setUp } from '../../server/identity/setup.ts'
import type { Clock } from '../../server/platform/clock.ts'
import { createLog } from '../../server/platform/log.ts'
import { createRemoteMx } from '../support/remote-mx.ts'
import { createScratch } from '../support/scratch.ts'

const hour = 60 * 60_000

it('a domain to which mail went learns on the next day how it was encrypted, as it asked in the DNS', async () => {
  const remote = await createRemoteMx({ tls: 'works' })
  const { clock, leap } = createLeapingClock(Date.UTC(2026, 10, 22, 12))
  const office = await startOffice(remote.port, clock)
  await office.send('bo@remote.test')
  await office.drain()
  expect(await remote.received(1)).toMatchObject([{ forwardPaths: ['bo@remote.test'], tls: true }])
  leap(61_000)
  await office.untilCounted()
  const round = office.untilRound()
  leap(16 * hour)
  await round
  expect(await office.reports()).toEqual([{ domain: 'remote.test', state: 'sent' }])
  const [, report] = await remote.received(2)
  expect(report).toMatchObject({ reversePath: '', forwardPaths: ['tls@remote.test'] })
  expect(report?.raw.toString('latin1')).toMatch(/^DKIM-Signature: v=1; a=(?:rsa|ed25519)-sha256; c=relaxed\/relaxed; d=ours\.test;/)
  const { attachments } = await PostalMime.parse(report?.raw ?? '')
  expect(JSON.parse(gunzipSync(Buffer.from(attachments[0]?.content as ArrayBuffer)).toString())).toMatchObject({
    'organization-name': 'ours.test',
    'date-range': { 'start-datetime': '2026-11-22T00:00:00Z' },
    policies: [
      {
        policy: { 'policy-type': 'no-policy-found', 'policy-domain': 'remote.test' },
        summary: { 'total-successful-session-count': 1, 'total-failure-session-count': 0 },
      },
    ],
  })
})

/** An appliance with a mailbox whose agent sends alone; `remote.test` and what it asks for; all of it on loopback. */
async function startOffice(remotePort: number, clock: Clock) {
  const scratch = await createScratch('tls-report')
  onTestFinished(() => scratch.remove())
  const env = {
    MULTIMAIL_HOSTNAME: 'mx.ours.test',
    MULTIMAIL_DATA_DIR: scratch.path,
    MULTIMAIL_SMTP_PORT: '0',
    MULTIMAIL_HTTP_PORT: '0',
    MULTIMAIL_OUTBOUND_PORT: String(remotePort),
    MULTIMAIL_ALLOW_PRIVATE_TARGETS: 'true',
  }
  const loaded = loadConfig({ env, file: null })
  if (!loaded.ok) throw new Error('no configuration')
  const resolver = createZoneResolver({
    'remote.test': { MX: [{ priority: 10, exchange: 'mx.remote.test' }] },
    'mx.remote.test': { A: ['127.0.0.1'] },
    '_smtp._tls.remote.test': { TXT: ['v=TLSRPTv1; rua=mailto:tls@remote.test'] },
  })
  const waiting: (() => void)[] = []
  const write = (line: string): void => {
    const { msg, job } = JSON.parse(line) as { msg: string; job?: string }
    if (msg === 'periodic.done' && job === 'tls-reports') for (const resolve of waiting.splice(0)) resolve()
  }
  const app = await createApp(loaded.config, { clock, resolver, log: createLog({ level: 'debug', destination: { write } }) })
  onTestFinished(() => app.stop())
  const setup = await setUp({ store: app.store, clock }, { domain: 'ours.test', mailbox: 'robot' })
  if (!setup.ok) throw new Error(setup.code)
  await app.store.db.updateTable('mailboxes').set({ oversight_mode: 'autonomous' }).execute()
  const { http } = await app.start()
  return {
    drain: app.drain,
    async untilCounted() {
      while ((await app.store.db.selectFrom('tls_results').select('sessions').execute()).length === 0);
    },
    reports: () => app.store.db.selectFrom('tls_reports').select(['domain', 'state']).execute(),
    untilRound: () => new Promise<void>((resolve) => void waiting.push(resolve)),
    async send(to: string) {
      const headers = { authorization: `Bearer ${setup.value.keys.agent?.key ?? ''}`, 'content-type': 'application/json' }
      const body = JSON.stringify({ to: [to], subject: 'Hello', markdown: 'Hello.' })
      const response = await fetch(`http://127.0.0.1:${http.port}/send_email`, { method: 'POST', headers, body })
      expect(response.status).toBe(200)
    },
  }
}

/** Time that passes in one step: what was to be done meanwhile is done once, at its end. */
function createLeapingClock(start: number): { clock: Clock; leap(ms: number): void } {
  let now = start
  const waiting = new Set<{ time: number; work: () => void }>()
  const doDue = (): void => {
    for (const one of [...waiting].filter(({ time }) => time <= now)) if (waiting.delete(one)) one.work()
  }
  return {
    clock: {
      now: () => now,
      at(time, work) {
        const one = { time, work }
        waiting.add(one)
        if (time <= now) setImmediate(doDue)
        return { cancel: () => void waiting.delete(one) }
      },
    },
    leap(ms) {
      now += ms
      doDue()
    },
  }
}
