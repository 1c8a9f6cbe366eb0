import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { createConduct } from '../../server/inbound/conduct/doorkeeper.ts'
import { silentLog } from '../../server/platform/log.ts'
import { createMetrics } from '../../server/platform/metrics.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

it('docs/metrics.md has every number of conduct, and none that is not', async () => {
  const metrics = createMetrics()
  const smtp = { maxConnections: 100, limits: 'on', unlimited: [] } as const
  createConduct({ config: { mode: 'server', smtp }, sharedIn: null, clock: createVirtualClock(0), log: silentLog, metrics })
  const kept = [...(await metrics.text()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, kind]) => `${name} ${kind}`)
  const page = readFileSync('docs/metrics.md', 'utf8')
  const told = [...page.matchAll(/^\| `(multimail_inbound_\w+)(?:\{[\w,]+\})?` \| (\w+) \|/gm)].map(([, name, kind]) => `${name} ${kind}`)
  expect(told.toSorted()).toEqual(kept.toSorted())
})
