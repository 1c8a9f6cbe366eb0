import { z } from 'zod'
import type { KeyActor } from '../model/actor.ts'
import { type ReportId, isId } from '../model/ids.ts'
import type { Db } from '../store/db.ts'
import { type ListedReport, type ReportFilter, dmarcRows, findReport, listReports, summaryOf, tlsFailures } from '../store/reports.ts'
import type { Row } from '../store/schema.ts'
import { OperationError } from './errors.ts'
import { Limit, ReportCursor, SearchText, cursorAt } from './input.ts'
import { operation } from './procedure.ts'
import { recordRead } from './record.ts'
import { OutsideText, fromOutside, isoTime } from './views.ts'

const defaultLimit = 20
/** The largest groups say it all; the whole report is in the email that brought it. */
const mostRowsShown = 500
const maxIdLength = 64

const Report = z.strictObject({
  id: z.string(),
  kind: z.enum(['dmarc', 'tls']),
  domain: z.string().describe('The domain of yours that it is about'),
  organization: OutsideText.describe('Who says that they made it'),
  report_id: OutsideText,
  begin_at: z.string().describe('ISO 8601, UTC'),
  end_at: z.string(),
  policy: OutsideText.describe('The policy they found'),
  passed: z.int().describe('dmarc: messages in the name of the domain that passed. tls: sessions that were encrypted as they should be'),
  failed: z.int(),
  sender_verified: z.boolean().describe('False means that anybody may have written this report'),
  sender_domain: z.string().nullable().meta(fromOutside).describe('The domain of the address it came from'),
  email_id: z.string().nullable().describe('The email that brought it'),
  received_at: z.string(),
})

const reportView = (row: ListedReport): z.infer<typeof Report> => {
  const { verified, fromDomain, policy, passed, failed } = summaryOf(row)
  return {
    id: row.id,
    kind: row.kind,
    domain: row.domain,
    organization: row.organization,
    report_id: row.report_id,
    begin_at: isoTime(row.begin_at),
    end_at: isoTime(row.end_at),
    policy,
    passed,
    failed,
    sender_verified: verified,
    sender_domain: fromDomain,
    email_id: row.email_id,
    received_at: isoTime(row.created_at),
  }
}

export const list_reports = operation({
  scope: 'admin',
  title: 'List the reports about your domains',
  description:
    'Lists what other mail systems reported about mail in the name of your domains, newest first: DMARC aggregate reports (who sent in your name, and did it pass) and ' +
    'TLS reports (could mail to you be encrypted). get_report shows one with its rows. Anybody can write a report: look at sender_verified and sender_domain.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: { limit: 20 } }],
  rest: ['GET /list_reports', 'GET /v1/reports'],
})
  .input(
    z.strictObject({
      kind: z.enum(['dmarc', 'tls']).exactOptional(),
      domain: SearchText.exactOptional().describe('Only about this domain'),
      limit: Limit.default(defaultLimit),
      cursor: ReportCursor.exactOptional(),
    }),
  )
  .output(z.strictObject({ reports: z.array(Report), cursor: z.string().nullable() }))
  .query(({ ctx, input }) => {
    const { kind, domain, limit, cursor } = input
    return ctx.rooms.store.transaction(async (tx) => {
      const rows = await ownList(tx, ctx.actor, {
        limit: limit + 1,
        ...(kind !== undefined && { kind }),
        ...(domain !== undefined && { domain: domain.toLowerCase() }),
        ...(cursor !== undefined && { before: cursor }),
      })
      const page = rows.slice(0, limit)
      const view = { reports: page.map(reportView), cursor: rows.length > page.length ? cursorAt(page.at(-1)?.id ?? '') : null }
      await recordRead(tx, ctx, {
        action: 'reports.listed',
        resourceType: 'account',
        resourceId: ctx.actor.accountId,
        view,
        metadata: { count: page.length },
      })
      return view
    })
  })

/** Reports belong to the account, not to one mailbox; and to the live world, where its domains are. */
function ownList(db: Db, actor: KeyActor, filter: Omit<ReportFilter, 'accountId'>): Promise<ListedReport[]> {
  if (actor.mailboxIds !== null) throw new OperationError('KEY_BOUND')
  return actor.world === 'test' ? Promise.resolve([]) : listReports(db, { ...filter, accountId: actor.accountId })
}

const Source = z.strictObject({
  source_ip: z.string(),
  count: z.int(),
  dkim: z.enum(['pass', 'fail']),
  spf: z.enum(['pass', 'fail']),
  disposition: z.enum(['none', 'quarantine', 'reject']).describe('What the receiver did with the messages'),
  header_from: z.string(),
})
const Failure = z.strictObject({
  result_type: OutsideText.describe('RFC 8460 §4.3, such as certificate-expired'),
  count: z.int(),
  sending_mta_ip: z.string().nullable(),
  receiving_mx: z.string().nullable(),
})
const ReportDetail = Report.extend({
  sources: z.array(Source).describe('dmarc: who sent in the name of the domain, most messages first'),
  failures: z.array(Failure).describe('tls: what failed, most sessions first'),
  rows_omitted: z.int().describe('Rows that are not shown; passed and failed count them'),
})

export const get_report = operation({
  scope: 'admin',
  title: 'Read a report about your domain',
  description: `Returns one report of list_reports with its rows, the largest ${mostRowsShown} of them. The email of email_id has the whole of it.`,
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: { id: '{report_id}' } }],
  rest: ['GET /get_report', 'GET /v1/reports/{id}'],
})
  .input(z.strictObject({ id: z.string().min(1).max(maxIdLength).describe('Id of a report, from list_reports') }))
  .output(ReportDetail)
  .query(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const row = await ownReport(tx, ctx.actor, input.id)
      if (row === undefined) throw new OperationError('REPORT_NOT_FOUND')
      const view = detailView(row)
      await recordRead(tx, ctx, { action: 'report.read', resourceType: 'report', resourceId: row.id, view })
      return view
    }),
  )

async function ownReport(db: Db, actor: KeyActor, id: string): Promise<Row<'received_reports'> | undefined> {
  if (actor.mailboxIds !== null) throw new OperationError('KEY_BOUND')
  return isReportId(id) && actor.world === 'live' ? findReport(db, actor.accountId, id) : undefined
}

const isReportId = (text: string): text is ReportId => isId('report', text)

function detailView(row: Row<'received_reports'>): z.infer<typeof ReportDetail> {
  const sources = row.kind === 'dmarc' ? largest(dmarcRows(row)) : largest([])
  const failures = row.kind === 'tls' ? largest(tlsFailures(row)) : largest([])
  return {
    ...reportView(row),
    sources: sources.shown.map(({ sourceIp, count, dkim, spf, disposition, headerFrom }) => ({
      source_ip: sourceIp,
      count,
      dkim,
      spf,
      disposition,
      header_from: headerFrom,
    })),
    failures: failures.shown.map(({ resultType, count, sendingMtaIp, receivingMx }) => ({
      result_type: resultType,
      count,
      sending_mta_ip: sendingMtaIp,
      receiving_mx: receivingMx,
    })),
    rows_omitted: summaryOf(row).omitted + sources.rest + failures.rest,
  }
}

function largest<T extends { count: number }>(rows: readonly T[]): { shown: T[]; rest: number } {
  const shown = rows.toSorted((one, other) => other.count - one.count).slice(0, mostRowsShown)
  return { shown, rest: rows.length - shown.length }
}
