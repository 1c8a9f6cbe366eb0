/** Brings a report to one place that asked for it. */
import type { Resolver } from '../../../../dns/resolver.ts'
import { domainOf } from '../../../model/address.ts'
import { formatReply } from '../../../model/reply.ts'
import type { Clock } from '../../../platform/clock.ts'
import type { Log } from '../../../platform/log.ts'
import type { Store } from '../../../store/db.ts'
import { hostedDomain } from '../../../store/domains.ts'
import type { PlaceEnd } from '../../../store/tls-reports.ts'
import { classify } from '../../classify.ts'
import { tryHosts } from '../../hosts.ts'
import { type RouteConfig, findRoute } from '../../route.ts'
import { type SigningKey, signMessage } from '../../sign.ts'
import type { Ending, Transport } from '../../transport.ts'
import { type HttpsDeps, askOverHttps } from '../../../platform/https.ts'
import type { Place } from './record.ts'
import { composeReportMail } from './report-mail.ts'
import type { Report } from './report.ts'

export type SendDeps = {
  store: Store
  resolver: Resolver
  route: RouteConfig
  /** the bare one: RFC 8460 §5.3.1 forbids to insist on TLS here, and what comes of it is not counted, so that no report brings about the next */
  transport: Transport
  https: HttpsDeps
  clock: Clock
  log: Log
}

/** `gzip`: the report's JSON. `keys` sign for its submitter, at least one. */
export type Parcel = { report: Report; gzip: Buffer; keys: readonly SigningKey[]; signal: AbortSignal }
/** `detail`: a stranger's words or ours. */
export type SendEnd = { end: PlaceEnd | 'later'; detail: string }

/** Rejects only when the store fails. */
export const sendReport = (deps: SendDeps, place: Place, parcel: Parcel): Promise<SendEnd> =>
  place.kind === 'mail' ? byMail(deps, place, parcel) : byWeb(deps, place, parcel)

// One report is not worth a session of half an hour.
const longestMs = 5 * 60_000
const validForMs = 24 * 60 * 60_000

async function byMail(
  deps: SendDeps,
  { address }: Extract<Place, { kind: 'mail' }>,
  { report, gzip, keys, signal }: Parcel,
): Promise<SendEnd> {
  const { store, clock, log, transport, resolver, route: config } = deps
  const now = clock.now()
  const letter = composeReportMail({ report, gzip, to: address, now })
  const signatures = await signMessage(letter, keys, { now, validForMs })
  const domain = domainOf(address)
  const isOurs = (await hostedDomain(store.db, domain)) !== undefined
  const route = await findRoute({ resolver, config, domain, isOurs })
  if (route.kind === 'none') return endOf(route.ending)
  const limit = new AbortController()
  const alarm = clock.at(now + longestMs, () => limit.abort())
  // No return path: nobody waits for what becomes of it (RFC 5321 §4.5.5), and a bounce would be one letter more about no letter of anybody's.
  const dispatch = { reversePath: null, forwardPath: address, message: Buffer.concat([Buffer.from(signatures), letter]) }
  const { end } = await tryHosts(transport, route.targets, dispatch, AbortSignal.any([signal, limit.signal]), log).finally(() =>
    alarm.cancel(),
  )
  return endOf(end)
}

function endOf(ending: Ending): SendEnd {
  const { outcome } = classify(ending)
  return { end: ({ delivered: 'took', fail: 'refused', retry: 'later' } as const)[outcome], detail: formatReply(ending.reply) }
}

// What it answers is of no interest, beyond the status.
const longestAnswer = 64 * 1024

async function byWeb(deps: SendDeps, { host, path }: Extract<Place, { kind: 'https' }>, { gzip, signal }: Parcel): Promise<SendEnd> {
  const content = { type: 'application/tlsrpt+gzip', bytes: gzip }
  const answer = await askOverHttps(deps.https, { host, path, content, maxBytes: longestAnswer, signal })
  if (!answer.ok) return { end: 'later', detail: `${answer.code}: ${answer.detail ?? ''}` }
  const { status } = answer.value
  return { end: status >= 200 && status < 300 ? 'took' : 'later', detail: `the status is ${status}` }
}
