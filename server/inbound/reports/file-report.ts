/** What a report comes to when the message that brought it is filed: all of it in the same transaction, or none. */
import type { SystemActor } from '../../model/actor.ts'
import type { DmarcReport, DmarcRow, TlsFailure, TlsReport } from '../../model/aggregate-report.ts'
import type { Bringer } from '../../model/feedback.ts'
import { newId } from '../../model/ids.ts'
import type { Tenancy } from '../../model/world.ts'
import type { Tx } from '../../store/db.ts'
import type { NewLogEntry } from '../../store/log.ts'
import { domainsOf, insertReport } from '../../store/reports.ts'
import type { HandOn } from '../filing/hand-on.ts'
import type { ArrivedReport } from './arrived-report.ts'

const inbound: SystemActor = { kind: 'system', part: 'inbound' }

/** Of what nobody vouches for little is kept: a few kilobytes, sent by anybody, may unpack to a megabyte of rows. */
const mostUnverifiedRows = 200

export type AggregateReport = DmarcReport | TlsReport

/** The aggregate reports about domains of this account. What is about others only is a letter. */
export async function ownReports(tx: Tx, report: ArrivedReport | null, { accountId, world }: Tenancy): Promise<AggregateReport[]> {
  // Domains are the live world's; what comes to a test mailbox says nothing about them.
  if (report?.kind !== 'aggregate' || world === 'test') return []
  const names = report.reports.map(({ domain }) => domain)
  const ours = await domainsOf(tx, accountId, names)
  return report.reports.filter(({ domain }) => ours.has(domain))
}

/** Keeps aggregate reports and hands the others on. @returns what goes on the record, for the end of the transaction
 *  @param own from `ownReports` */
export async function fileReport(
  tx: Tx,
  handOn: HandOn,
  { report, own, tenancy, bringer }: { report: ArrivedReport | null; own: readonly AggregateReport[]; tenancy: Tenancy; bringer: Bringer },
): Promise<NewLogEntry[]> {
  if (report?.kind === 'delivery') return handOn.onDsn(tx, report.report, bringer)
  if (report?.kind === 'complaint') return handOn.onComplaint(tx, report.complaint, bringer)
  const entries: NewLogEntry[] = []
  for (const one of own) entries.push(...(await keep(tx, one, tenancy, bringer)))
  return entries
}

async function keep(
  tx: Tx,
  report: AggregateReport,
  tenancy: Tenancy,
  { emailId, verified, fromDomain, receivedAt }: Bringer,
): Promise<NewLogEntry[]> {
  const { rows, omitted } = kept(report, verified)
  const { passed, failed, policy } = countsOf(report)
  const id = await insertReport(tx, {
    id: newId('report', receivedAt),
    kind: report.kind,
    domain: report.domain,
    organization: report.organization,
    report_id: report.reportId,
    begin_at: report.beginAt,
    end_at: report.endAt,
    summary: { verified, fromDomain, policy, passed, failed, omitted },
    rows,
    email_id: emailId,
    created_at: receivedAt,
  })
  if (id === null) return []
  return [
    {
      at: receivedAt,
      actor: inbound,
      tenancy,
      action: 'report.received',
      resourceType: 'report',
      resourceId: id,
      metadata: { kind: report.kind, domain: report.domain, email_id: emailId, verified, passed, failed },
      details: { organization: report.organization, report_id: report.reportId },
    },
  ]
}

function kept(report: AggregateReport, verified: boolean): { rows: readonly (DmarcRow | TlsFailure)[]; omitted: number } {
  const all = report.kind === 'dmarc' ? report.rows : report.details
  const rows = verified ? all : all.slice(0, mostUnverifiedRows)
  return { rows, omitted: report.omitted + all.length - rows.length }
}

const countsOf = (report: AggregateReport): { passed: number; failed: number; policy: string } =>
  report.kind === 'dmarc'
    ? { passed: report.passed, failed: report.messages - report.passed, policy: report.policy }
    : { passed: report.successes, failed: report.failures, policy: report.policyType }
