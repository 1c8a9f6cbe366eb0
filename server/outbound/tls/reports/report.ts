/** What sessions of one day showed of TLS to a domain, as the JSON of RFC 8460 §4.4. Pure. */
import { sha256 } from '../../../model/canonical.ts'
import type { DomainName } from '../../../../dns/name.ts'
import type { TlsCount } from '../../../store/tls-results.ts'

export const dayMs = 24 * 60 * 60_000

/** `subject`: the domain, or the mail host with keys in the DNS, that it is about; `submitter`: the domain of ours that says so; `day`: UTC, epoch
 *  ms / 86,400,000. */
export type About = { subject: DomainName; submitter: DomainName; day: number }
export type Report = About & { id: string; beginAt: number; endAt: number; json: string }

/** A domain that shows us another policy each time is not worth more than these. */
const mostPolicies = 20
const mostDetails = 200

/** The same counts give the same octets and the same id, so whoever gets it twice can tell. @param counts at least one */
export function buildReport(about: About, counts: readonly TlsCount[]): Report {
  const { subject, submitter, day } = about
  const [beginAt, endAt] = [day * dayMs, (day + 1) * dayMs - 1000]
  const id = `${isoTime(beginAt).slice(0, 10)}.${sha256(subject, submitter, String(day)).slice(0, 16)}@${submitter}`
  const report = {
    'organization-name': submitter,
    'date-range': { 'start-datetime': isoTime(beginAt), 'end-datetime': isoTime(endAt) },
    // Somebody always answers for it (RFC 5321 §4.5.1).
    'contact-info': `postmaster@${submitter}`,
    'report-id': id,
    policies: groupsOf(counts)
      .slice(0, mostPolicies)
      .map((group) => policyOf(group, subject)),
  }
  return { ...about, id, beginAt, endAt, json: JSON.stringify(report) }
}

const isoTime = (at: number): string => new Date(at).toISOString().replace('.000', '')

/** The counts under one policy: of DANE each host has its own (RFC 8460 §1.1), else the domain has it. */
function groupsOf(counts: readonly TlsCount[]): TlsCount[][] {
  const keyOf = ({ counted: { policy, host } }: TlsCount): string => JSON.stringify([policy, policy.type === 'tlsa' ? host : null])
  return [...Map.groupBy(counts, keyOf).values()]
}

function policyOf(group: readonly TlsCount[], subject: DomainName) {
  const failures = group.filter(({ counted }) => counted.result !== null)
  const failed = sessionsIn(failures)
  const details = detailsOf(failures)
  return {
    policy: policyFields(group, subject),
    summary: {
      'total-successful-session-count': sessionsIn(group) - failed,
      'total-failure-session-count': failed,
    },
    ...(details.length > 0 && { 'failure-details': details }),
  }
}

/** §4.5, and the fields of §4.4. */
function policyFields(group: readonly TlsCount[], subject: DomainName) {
  const first = group[0]?.counted
  const { type, strings, mx } = first?.policy ?? { type: 'no-policy-found', strings: [], mx: [] }
  const isOfHost = type === 'tlsa' && first !== undefined
  const hosts = isOfHost ? [first.host] : mx
  return {
    'policy-type': type,
    ...(strings.length > 0 && { 'policy-string': strings }),
    'policy-domain': isOfHost ? first.host : subject,
    ...(hosts.length > 0 && { 'mx-host': hosts }),
  }
}

/** One line for each host and kind of failure, whichever domain's mail it was. */
function detailsOf(failures: readonly TlsCount[]) {
  const same = Map.groupBy(failures, ({ counted: { host, result } }) => JSON.stringify([host, result]))
  return [...same.values()].slice(0, mostDetails).map((group) => ({
    'result-type': group[0]?.counted.result,
    'receiving-mx-hostname': group[0]?.counted.host,
    'failed-session-count': sessionsIn(group),
  }))
}

const sessionsIn = (counts: readonly TlsCount[]): number => counts.reduce((sum, { sessions }) => sum + sessions, 0)
