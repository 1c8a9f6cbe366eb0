import { expect, it } from 'vitest'
import { loadConfig } from '../../config/load.ts'

const load = (text: string) => loadConfig({ env: { MULTIMAIL_HOSTNAME: 'mx.example.com', MULTIMAIL_WARM_UP: text }, file: null })
const day = Date.UTC(2026, 10, 22)

it.each([
  ['2026-11-22', [{ address: null, since: day }]],
  [
    '192.0.2.7=2026-11-22, 2001:db8::7 = 2026-11-23',
    [
      { address: '192.0.2.7', since: day },
      { address: '2001:db8::7', since: day + 86_400_000 },
    ],
  ],
])('MULTIMAIL_WARM_UP understands %s', (text, warmUp) => {
  expect(load(text)).toMatchObject({ ok: true, config: { outbound: { warmUp } } })
})

it.each(['yes', '22.11.2026', '2026-02-30', '2026-13-01', '192.0.2.300=2026-11-22', '192.0.2.7', `${'2026-11-22,'.repeat(17)}2026-11-22`])(
  'MULTIMAIL_WARM_UP refuses %j',
  (text) => {
    expect(load(text).ok).toBe(false)
  },
)

it('is off unless it is set, and in local mode, where no mail leaves the machine', () => {
  expect(loadConfig({ env: { MULTIMAIL_HOSTNAME: 'mx.example.com' }, file: null })).toMatchObject({ config: { outbound: { warmUp: [] } } })
  expect(loadConfig({ env: {}, file: null })).toMatchObject({ config: { outbound: { warmUp: [] } } })
})
