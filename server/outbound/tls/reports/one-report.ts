/** One report: what is in it, where it goes, and what came of it there. */
import { gzipSync } from 'node:zlib'
import type { DomainName } from '../../../../dns/name.ts'
import { domainOf } from '../../../model/address.ts'
import type { SystemActor } from '../../../model/actor.ts'
import { appendLog } from '../../../store/log.ts'
import { type TlsReport, beginTlsReport, endTlsReport } from '../../../store/tls-reports.ts'
import { tlsResultsOf } from '../../../store/tls-results.ts'
import { type Place, placesIn } from './record.ts'
import { type Report, buildReport, dayMs } from './report.ts'
import { type SendDeps, type SendEnd, sendReport } from './send.ts'
import type { Submitter } from './submitter.ts'

/** `isHeldBack`: whether mail to this domain may not leave now. */
export type Round = { submitter: Submitter; isHeldBack: (domain: DomainName) => boolean; signal: AbortSignal }

const minute = 60_000
const hour = 60 * minute
/** RFC 8460 §5.5: again for a day, waiting longer each time. */
const waitsMs = [15 * minute, 30 * minute, hour, 2 * hour, 4 * hour, 8 * hour]
// A day after the last of the first tries; later it is of no use.
const overAfterMs = 4 * hour + dayMs

/** Tries one report once, unless another node does. Rejects only when the store fails. */
export async function tryReport(deps: SendDeps, due: TlsReport, round: Round): Promise<void> {
  const now = deps.clock.now()
  const wait = waitsMs[due.tries]
  if (!(await beginTlsReport(deps.store.db, due, now + (wait ?? dayMs)))) return
  if (now >= (due.day + 1) * dayMs + overAfterMs) return await settle(deps, due, { places: due.places, isDone: true, report: null })
  const asked = await placesOf(deps, due.domain)
  const counts = asked?.length === 0 ? [] : await tlsResultsOf(deps.store.db, due.day, due.domain)
  if (counts.length === 0) return await deps.store.transaction((tx) => endTlsReport(tx, due, { state: 'unwanted', places: {} }))
  const report = buildReport({ subject: due.domain, submitter: round.submitter.domain, day: due.day }, counts)
  const places = await bring(deps, due, asked ?? [], { report, round })
  const isDone = wait === undefined || asked?.every(({ uri }) => Object.hasOwn(places, uri)) === true
  await settle(deps, due, { places, isDone, report })
}

/** Null when nobody could say. */
async function placesOf({ resolver }: SendDeps, domain: DomainName): Promise<Place[] | null> {
  const texts = await resolver.txt(`_smtp._tls.${domain}`)
  if (texts.kind === 'failed') return null
  return texts.kind === 'found' ? placesIn(texts.value) : []
}

type Content = { report: Report; round: Round }

/** To those places that are not done with. @returns the ends of all that are then */
async function bring(deps: SendDeps, due: TlsReport, asked: readonly Place[], content: Content): Promise<TlsReport['places']> {
  const places = { ...due.places }
  const gzip = gzipSync(content.report.json)
  for (const place of asked.filter(({ uri }) => !Object.hasOwn(places, uri))) {
    const { end, detail } = await bringTo(deps, place, gzip, content)
    deps.log.info(
      { domain: due.domain, reportId: content.report.id, place: place.uri, attempt: due.tries + 1, end, detail },
      'tls-report.tried',
    )
    if (end !== 'later') places[place.uri] = end
  }
  return places
}

async function bringTo(deps: SendDeps, place: Place, gzip: Buffer, { report, round }: Content): Promise<SendEnd> {
  const domain = place.kind === 'mail' ? domainOf(place.address) : place.host
  if (round.signal.aborted || round.isHeldBack(domain)) return { end: 'later', detail: 'sending is stopped' }
  return await sendReport(deps, place, { report, gzip, keys: round.submitter.keys, signal: round.signal })
}

type Outcome = { places: TlsReport['places']; isDone: boolean; report: Report | null }

async function settle({ store, clock }: SendDeps, due: TlsReport, { places, isDone, report }: Outcome): Promise<void> {
  const isTaken = Object.values(places).includes('took')
  const wasTaken = Object.values(due.places).includes('took')
  await store.transaction(async (tx) => {
    await endTlsReport(tx, due, { state: isDone ? (isTaken ? 'sent' : 'failed') : 'due', places })
    if (report === null || !isTaken || wasTaken) return
    const details = { domain: due.domain, places: Object.keys(places) }
    const resource = { resourceType: 'tls_report', resourceId: report.id }
    await appendLog(tx, { at: clock.now(), actor: outbound, tenancy: null, action: 'tls_report.sent', ...resource, details })
  })
}

const outbound: SystemActor = { kind: 'system', part: 'outbound' }
