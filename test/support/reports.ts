import { type ReportId, newId } from '../../server/model/ids.ts'
import { type NewReport, insertReport } from '../../server/store/reports.ts'
import type { Desk, Office } from './desk.ts'

/** A DMARC report about the domain of an office, with one source that passed and one that did not; `change` makes it another. */
export async function keepReport({ store, clock }: Desk, office: Office, change: Partial<NewReport> = {}): Promise<ReportId> {
  const now = clock.now()
  const id = newId('report', now)
  const kept = await store.transaction((tx) =>
    insertReport(tx, {
      id,
      kind: 'dmarc',
      domain: office.gated.address.split('@')[1] ?? '',
      organization: 'Remote',
      report_id: id,
      begin_at: now - 86_400_000,
      end_at: now,
      summary: { verified: true, fromDomain: 'remote.test', policy: 'reject', passed: 12, failed: 40, omitted: 0 },
      rows: [
        { sourceIp: '198.51.100.1', count: 12, disposition: 'none', dkim: 'pass', spf: 'fail', headerFrom: 'ours.test' },
        { sourceIp: '203.0.113.9', count: 40, disposition: 'reject', dkim: 'fail', spf: 'fail', headerFrom: 'ours.test' },
      ],
      email_id: null,
      created_at: now,
      ...change,
    }),
  )
  if (kept === null) throw new Error('there is such a report already')
  return kept
}
