import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newId } from '../../server/model/ids.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { openStore } from '../../server/store/db.ts'
import { type NewReport, insertReport } from '../../server/store/reports.ts'
import { multimail } from '../support/cli.ts'
import { createScratch } from '../support/scratch.ts'

describe('multimail reports', () => {
  let scratch: Awaited<ReturnType<typeof createScratch>>
  let env: Record<string, string>
  beforeEach(async () => {
    scratch = await createScratch('cli')
    env = { MULTIMAIL_DATA_DIR: scratch.path, MULTIMAIL_HOSTNAME: 'mx.example.net' }
  })
  afterEach(() => scratch.remove())

  const day = 86_400_000
  const keep = async (...changes: Partial<NewReport>[]): Promise<void> => {
    const store = await openStore({ databaseUrl: null, dataDir: scratch.path, log: silentLog, clock: systemClock })
    const now = systemClock.now()
    try {
      for (const change of changes) {
        const id = newId('report', now)
        const summary = { verified: true, fromDomain: 'remote.test', policy: 'reject', passed: 10, failed: 0, omitted: 0 }
        const common = { id, report_id: id, kind: 'dmarc', domain: 'ours.test', organization: 'Remote', email_id: null } as const
        const times = { begin_at: now - day, end_at: now, created_at: now }
        await store.transaction((tx) => insertReport(tx, { ...common, ...times, summary, rows: [], ...change }))
      }
    } finally {
      await store.close()
    }
  }
  const summary = (change: Partial<NewReport['summary']>): NewReport['summary'] => ({
    verified: true,
    fromDomain: 'remote.test',
    policy: 'reject',
    passed: 0,
    failed: 0,
    omitted: 0,
    ...change,
  })
  const source = (sourceIp: string, count: number, passed: boolean) =>
    ({
      sourceIp,
      count,
      dkim: passed ? 'pass' : 'fail',
      spf: 'fail',
      disposition: passed ? 'none' : 'reject',
      headerFrom: 'ours.test',
    }) as const

  it('dmarc adds up who sent in our name, without what nobody vouches for', async () => {
    await keep(
      { summary: summary({ passed: 5, failed: 40 }), rows: [source('203.0.113.9', 40, false), source('198.51.100.1', 5, true)] },
      { summary: summary({ passed: 7, failed: 1, omitted: 3 }), rows: [source('198.51.100.1', 7, true), source('198.51.100.1', 1, false)] },
      { summary: summary({ passed: 999, verified: false }), rows: [source('192.0.2.66', 999, true)] },
      { summary: summary({ passed: 50 }), rows: [source('192.0.2.77', 50, true)], end_at: systemClock.now() - 40 * day },
    )
    const { code, out } = await multimail(env, 'reports', 'dmarc')
    expect(code).toBe(0)
    expect(out.split('\n')).toEqual([
      'ours.test: 53 messages in 2 reports, 12 passed and 41 did not',
      '  203.0.113.9: 40 messages, none passed, 40 refused. Either somebody else writes in your name, or a server of yours neither signs (DKIM) nor is in your SPF record.',
      '  198.51.100.1: 13 messages, 12 passed and 1 did not, 1 refused.',
      '  3 further rows of these reports were too many to keep',
      'Left out because nobody vouches for them: 1. --all counts them, too.',
      '',
    ])
    expect((await multimail(env, 'reports', 'dmarc', '--all', '--days', '60')).out).toContain('ours.test: 1102 messages in 4 reports')
    expect((await multimail(env, 'reports', 'dmarc', '--domain', 'THEIRS.test')).out).toBe('There are no reports.\n')
    expect(await multimail(env, 'reports', 'dmarc', '--days', '1e9')).toMatchObject({ code: 2 })
  })

  it('tls says what failed in plain words; a stranger’s word is shown as it is', async () => {
    const failure = (resultType: string, count: number) => ({ resultType, count, sendingMtaIp: null, receivingMx: null })
    await keep({
      kind: 'tls',
      summary: summary({ policy: 'sts', passed: 100, failed: 5 }),
      rows: [failure('certificate-expired', 3), failure('odd\u202ething', 2)],
    })
    expect((await multimail(env, 'reports', 'tls')).out).toBe(
      'ours.test: 105 sessions in 1 report, 100 passed and 5 did not\n  3 failed: the certificate has expired.\n  2 failed: odd⟨U+202E⟩thing\n',
    )
  })

  it('lists reports, and shows one whole', async () => {
    expect((await multimail(env, 'reports')).out).toBe('There are no reports.\n')
    await keep(
      { organization: 'Remote \u001b[31m', rows: [source('203.0.113.9', 40, false)] },
      { kind: 'tls', summary: summary({ verified: false }) },
    )
    const { out } = await multimail(env, 'reports')
    expect(out).toMatch(/^rpt_\w+ {2}[\d-]{10} {2}tls {2}ours\.test {2}0 sessions were well, 0 failed {2}Remote \(NOT verified\)\n/)
    expect(out).toContain('10 messages passed, 0 did not  Remote ⟨U+001B⟩[31m (from remote.test)')
    const [newest, oldest] = JSON.parse((await multimail(env, 'reports', '--json')).out) as { id: string }[]
    expect(JSON.parse((await multimail(env, 'reports', 'show', oldest?.id ?? '')).out)).toMatchObject({
      rows: [{ sourceIp: '203.0.113.9', count: 40 }],
    })
    expect(newest).toMatchObject({ kind: 'tls' })
    expect(await multimail(env, 'reports', 'show', 'rpt_x')).toMatchObject({ code: 1, err: expect.stringContaining('There is no report') })
  })
})
