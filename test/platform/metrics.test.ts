import { describe, expect, it } from 'vitest'
import { createMetrics } from '../../server/platform/metrics.ts'

describe('metrics', () => {
  it('show every number that a room asked for, under our name', async () => {
    const metrics = createMetrics()
    const letters = metrics.counter('test_letters_total', 'Letters.', ['outcome'])
    letters.labels({ outcome: 'accepted' }).inc(3)
    metrics.gauge('test_open', 'Open.').set(2)
    metrics.histogram('test_seconds', 'Seconds.', [0.1, 1]).observe(0.5)
    expect((await metrics.text()).split('\n')).toEqual(
      expect.arrayContaining([
        '# HELP multimail_test_letters_total Letters.',
        '# TYPE multimail_test_letters_total counter',
        'multimail_test_letters_total{outcome="accepted"} 3',
        'multimail_test_open 2',
        'multimail_test_seconds_bucket{le="0.1"} 0',
        'multimail_test_seconds_bucket{le="1"} 1',
      ]),
    )
  })

  it('read what is measured only when somebody looks', async () => {
    const metrics = createMetrics()
    let reads = 0
    metrics.measured('test_reads', 'Reads.', () => ++reads)
    expect(reads).toBe(0)
    expect(await metrics.text()).toContain('multimail_test_reads 1\n')
    expect(await metrics.text()).toContain('multimail_test_reads 2\n')
  })

  it('of two appliances in one process are apart, and a name is asked for once', async () => {
    const [one, other] = [createMetrics(), createMetrics()]
    one.gauge('test_open', 'Open.').set(1)
    other.gauge('test_open', 'Open.').set(2)
    expect(await one.text()).toContain('multimail_test_open 1')
    expect(() => one.gauge('test_open', 'Open.')).toThrow(/already been registered/)
  })

  it('tell of the process when asked to', async () => {
    expect(await createMetrics().text()).not.toContain('process_')
    const text = await createMetrics({ ofProcess: true }).text()
    for (const name of ['process_resident_memory_bytes', 'nodejs_heap_size_used_bytes', 'nodejs_eventloop_lag_seconds'])
      expect(text).toContain(`\n${name} `)
  })
})
