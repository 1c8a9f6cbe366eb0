import { isId } from '../model/ids.ts'
import { systemClock } from '../platform/clock.ts'
import type { Store } from '../store/db.ts'
import {
  type ListedReport,
  type ReportKind,
  dmarcRows,
  findReport,
  listReports,
  readReports,
  summaryOf,
  tlsFailures,
} from '../store/reports.ts'
import type { Row } from '../store/schema.ts'
import { type Call, type Command, Stop, jsonOption } from './command.ts'
import { withStore } from './host.ts'
import { type Totals, countReport, newTotals, sourcesText, tlsText } from './report-totals.ts'
import { visibleJson, visibleLine } from './visible.ts'

const dayMs = 86_400_000
const maxDays = 3650
const usualDays = 30
const pageSize = 20
const maxListed = 100

export const reportsList: Command = {
  help: `Lists the newest ${maxListed} reports of other mail systems about your domains: DMARC reports (who sent in your name) and TLS reports (could mail to you be encrypted). \`multimail reports dmarc\` and \`multimail reports tls\` add them up.`,
  options: jsonOption,
  async run(call) {
    const rows = await withStore(call, (store) => listReports(store.db, { accountId: null, limit: maxListed }))
    call.io.out(call.flag('json') ? `${visibleJson(rows.map(jsonOf))}\n` : rows.map(line).join('') || 'There are no reports.\n')
    return 0
  },
}

export const reportsShow: Command = {
  help: 'Shows one report with all its rows, as JSON.',
  words: ['ID'],
  async run(call) {
    const id = call.word('ID')
    const row = isId('report', id) ? await withStore(call, (store) => findReport(store.db, null, id)) : undefined
    if (row === undefined) throw new Stop(`There is no report ${visibleLine(id, 100)}. \`multimail reports\` lists them.`)
    call.io.out(`${visibleJson({ ...jsonOf(row), rows: row.kind === 'dmarc' ? dmarcRows(row) : tlsFailures(row) })}\n`)
    return 0
  },
}

export const reportsDmarc = totalling('dmarc', sourcesText, 'Adds up who sent in the name of your domains, by address, and what passed.')
export const reportsTls = totalling(
  'tls',
  tlsText,
  'Adds up how often mail to your domains could be encrypted as it should be, and why not.',
)

function totalling(kind: ReportKind, textOf: (totals: Totals) => string, what: string): Command {
  return {
    help: `${what} Reports that nobody vouches for are left out: anybody can write one.`,
    options: {
      domain: { value: 'NAME', help: 'only of this domain' },
      days: { value: 'NUMBER', help: `how far back (default: ${usualDays})` },
      all: { help: 'count the reports that nobody vouches for, too' },
    },
    async run(call) {
      const days = daysOf(call)
      const totals = await withStore(call, (store) => addUp(store, kind, call, systemClock.now() - days * dayMs))
      call.io.out(`${textOf(totals) || 'There are no reports.\n'}${leftOut(totals)}`)
      return 0
    },
  }
}

function daysOf(call: Call): number {
  const text = call.text('days') ?? String(usualDays)
  const days = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (days < 1 || days > maxDays) throw new Stop(`--days takes a whole number from 1 to ${maxDays}.`, 2)
  return days
}

/** A page at a time: each report may have ten thousand rows. */
async function addUp(store: Store, kind: ReportKind, call: Call, endedFrom: number): Promise<Totals> {
  const totals = newTotals()
  const domain = call.text('domain')?.toLowerCase()
  const filter = { accountId: null, kind, endedFrom, limit: pageSize, ...(domain !== undefined && { domain }) }
  let page = await readReports(store.db, filter)
  while (page.length > 0) {
    for (const row of page) countReport(totals, row, call.flag('all'))
    const last = page.at(-1)
    page = page.length < pageSize || last === undefined ? [] : await readReports(store.db, { ...filter, before: last.id })
  }
  return totals
}

const leftOut = ({ unverified }: Totals): string =>
  unverified === 0 ? '' : `Left out because nobody vouches for them: ${unverified}. --all counts them, too.\n`

const jsonOf = (row: ListedReport | Row<'received_reports'>) => ({
  id: row.id,
  kind: row.kind,
  domain: row.domain,
  organization: row.organization,
  report_id: row.report_id,
  begin_at: new Date(row.begin_at).toISOString(),
  end_at: new Date(row.end_at).toISOString(),
  summary: summaryOf(row),
  email_id: row.email_id,
})

function line(row: ListedReport): string {
  const { passed, failed, verified, fromDomain } = summaryOf(row)
  const from = verified ? `from ${visibleLine(fromDomain ?? '', 80)}` : 'NOT verified'
  const counts = row.kind === 'dmarc' ? `${passed} messages passed, ${failed} did not` : `${passed} sessions were well, ${failed} failed`
  const day = new Date(row.end_at).toISOString().slice(0, 10)
  return `${row.id}  ${day}  ${row.kind}  ${row.domain}  ${counts}  ${visibleLine(row.organization, 60)} (${from})\n`
}
