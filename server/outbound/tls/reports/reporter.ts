/**
 * The daily reports on TLS (RFC 8460): to each domain that asks for them in the DNS, what our sessions with its mail hosts showed on the day before.
 *
 * Promises: once for each domain and day, however many nodes there are; a try is counted before it begins; nothing is sent while sending is stopped;
 * after a day of trying it is over. What a session of a report itself shows is not counted, so no report is the reason for the next.
 */
import type { MailboxId } from '../../../model/ids.ts'
import type { Job } from '../../../platform/periodic.ts'
import { dueTlsReports, domainsToReport, planTlsReports, removeTlsReportsBefore } from '../../../store/tls-reports.ts'
import { removeTlsResultsBefore } from '../../../store/tls-results.ts'
import { type Watch, createWatch } from '../../control/watch.ts'
import type { SigningKey } from '../../sign.ts'
import { tryReport } from './one-report.ts'
import { dayMs } from './report.ts'
import type { SendDeps } from './send.ts'
import { type Submitter, submitterFor } from './submitter.ts'

/** `sends` false: nothing is planned or sent, only cleaned. */
export type ReporterDeps = SendDeps & {
  sends: boolean
  algorithms: readonly SigningKey['algorithm'][]
  random?: () => number
}

export type Reporter = {
  jobs: readonly Job[]
  /** Breaks off what is under way; it is tried again later. */
  stop(): void
}

const minute = 60_000
// What the last minute of a day brought is in the store by then (counter.ts).
const firstTryAfterMs = 10 * minute
/** RFC 8460 §4.1: not all of the world at midnight. */
const lastFirstTryAfterMs = 4 * 60 * minute
const plannedAtOnce = 1_000
const takenAtOnce = 500
const atOnce = 4
const resultsKeptDays = 8
const reportsKeptDays = 60

export function createReporter(deps: ReporterDeps): Reporter {
  let round = new AbortController()
  const report: Job = {
    name: 'tls-reports',
    schedule: '*/5 * * * *',
    async work(now) {
      round = new AbortController()
      await plan(deps, now)
      await sendDue(deps, now, round)
    },
  }
  return {
    jobs: [...(deps.sends ? [report] : []), { name: 'tls-cleaning', schedule: '41 5 * * *', work: (now) => clean(deps, now) }],
    stop: () => round.abort(),
  }
}

/** Yesterday's (UTC). */
async function plan({ store, random = Math.random }: ReporterDeps, now: number): Promise<void> {
  const today = Math.floor(now / dayMs)
  const earliest = today * dayMs + firstTryAfterMs
  if (now < earliest) return
  const domains = await domainsToReport(store.db, { day: today - 1, limit: plannedAtOnce })
  const spreadMs = lastFirstTryAfterMs - firstTryAfterMs
  const planned = domains.map((domain) => ({ domain, firstTryAt: Math.floor(earliest + random() * spreadMs) }))
  await planTlsReports(store.db, today - 1, planned)
}

async function sendDue(deps: ReporterDeps, now: number, round: AbortController): Promise<void> {
  const due = await dueTlsReports(deps.store.db, { now, limit: takenAtOnce })
  const submitter = due.length === 0 ? null : await submitterFor(deps.store, deps.route.hostname, deps.algorithms)
  if (submitter === null) return
  const watch = createWatch(deps)
  const isHeldBack = (domain: string): boolean => watch.isStopped(stoppable(submitter, domain))
  await watch.look()
  watch.start(() => isHeldBack('') && round.abort())
  const work = async (): Promise<void> => {
    for (let one = due.shift(); one !== undefined && !isHeldBack('') && !round.signal.aborted; one = due.shift())
      await tryReport(deps, one, { submitter, isHeldBack, signal: round.signal })
  }
  const ends = await Promise.allSettled(Array.from({ length: atOnce }, work)).finally(() => watch.stop())
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}

/** A report as the switch sees mail: that of no mailbox. */
const stoppable = ({ accountId }: Submitter, domain: string): Parameters<Watch['isStopped']>[0] => ({
  account_id: accountId,
  world: 'live',
  mailbox_id: '' as MailboxId,
  domain,
})

async function clean({ store }: ReporterDeps, now: number): Promise<void> {
  const today = Math.floor(now / dayMs)
  await removeTlsResultsBefore(store.db, today - resultsKeptDays)
  await removeTlsReportsBefore(store.db, today - reportsKeptDays)
}
