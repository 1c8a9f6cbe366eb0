/** Reports added up, and said in plain words. Pure. */
import type { DmarcRow, TlsFailure } from '../model/aggregate-report.ts'
import { dmarcRows, summaryOf, tlsFailures } from '../store/reports.ts'
import type { Row } from '../store/schema.ts'
import { visibleLine } from './visible.ts'

type Source = { messages: number; passed: number; refused: number; quarantined: number }
type Domain = {
  reports: number
  passed: number
  failed: number
  omitted: number
  sources: Map<string, Source>
  failures: Map<string, number>
}
/** `unverified`: reports that were not counted. */
export type Totals = { domains: Map<string, Domain>; unverified: number }

export const newTotals = (): Totals => ({ domains: new Map(), unverified: 0 })

/** Addresses and kinds of failure that are kept apart, per domain; what is beyond is counted in the sums only. */
const mostGroups = 20_000
const mostShown = 50

/** @param all count what nobody vouches for, too */
export function countReport(totals: Totals, row: Row<'received_reports'>, all: boolean): void {
  const { verified, passed, failed, omitted } = summaryOf(row)
  if (!verified && !all) {
    totals.unverified += 1
    return
  }
  const domain = totals.domains.get(row.domain) ?? { reports: 0, passed: 0, failed: 0, omitted: 0, sources: new Map(), failures: new Map() }
  totals.domains.set(row.domain, domain)
  domain.reports += 1
  domain.passed += passed
  domain.failed += failed
  domain.omitted += omitted
  if (row.kind === 'dmarc') for (const one of dmarcRows(row)) countSource(domain, one)
  else for (const one of tlsFailures(row)) countFailure(domain, one)
}

function countSource({ sources }: Domain, { sourceIp, count, dkim, spf, disposition }: DmarcRow): void {
  const source = sources.get(sourceIp) ?? { messages: 0, passed: 0, refused: 0, quarantined: 0 }
  if (sources.size >= mostGroups && !sources.has(sourceIp)) return
  sources.set(sourceIp, source)
  source.messages += count
  if (dkim === 'pass' || spf === 'pass') source.passed += count
  if (disposition === 'reject') source.refused += count
  if (disposition === 'quarantine') source.quarantined += count
}

function countFailure({ failures }: Domain, { resultType, count }: TlsFailure): void {
  if (failures.size < mostGroups || failures.has(resultType)) failures.set(resultType, (failures.get(resultType) ?? 0) + count)
}

/** '' when there was nothing to count. */
export const sourcesText = (totals: Totals): string =>
  eachDomain(totals, 'messages', ({ sources }) => largest(sources, (one) => one.messages, sourceLine))
export const tlsText = (totals: Totals): string =>
  eachDomain(totals, 'sessions', ({ failures }) => largest(failures, (count) => count, failureLine))

function eachDomain({ domains }: Totals, unit: string, linesOf: (domain: Domain) => string[]): string {
  return [...domains]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, domain]) => {
      const head = `${name}: ${domain.passed + domain.failed} ${unit} in ${domain.reports} ${domain.reports === 1 ? 'report' : 'reports'}, ${sharePassed(domain)}`
      const rest = domain.omitted === 0 ? [] : [`  ${domain.omitted} further rows of these reports were too many to keep`]
      return [head, ...linesOf(domain), ...rest, ''].join('\n')
    })
    .join('\n')
}

const sharePassed = ({ passed, failed }: Pick<Domain, 'passed' | 'failed'>): string =>
  failed === 0 ? 'all passed' : passed === 0 ? 'none passed' : `${passed} passed and ${failed} did not`

function largest<T>(groups: Map<string, T>, sizeOf: (group: T) => number, line: (name: string, group: T) => string): string[] {
  const sorted = [...groups].toSorted(([, one], [, other]) => sizeOf(other) - sizeOf(one))
  const more = sorted.length - mostShown
  return [...sorted.slice(0, mostShown).map(([name, group]) => line(name, group)), ...(more > 0 ? [`  and ${more} more`] : [])]
}

function sourceLine(ip: string, { messages, passed, refused, quarantined }: Source): string {
  const fate = [...(refused > 0 ? [`${refused} refused`] : []), ...(quarantined > 0 ? [`${quarantined} taken for spam`] : [])]
  const words = [sharePassed({ passed, failed: messages - passed }), ...fate].join(', ')
  const meaning =
    passed === 0 ? '. Either somebody else writes in your name, or a server of yours neither signs (DKIM) nor is in your SPF record.' : '.'
  return `  ${ip}: ${messages} messages, ${words}${meaning}`
}

const failureLine = (type: string, count: number): string => {
  const words = failureWords[type]
  return `  ${count} failed: ${words ?? visibleLine(type, 80)}`
}

/** RFC 8460 §4.3 */
const failureWords: Readonly<Record<string, string>> = {
  'starttls-not-supported': 'your server did not offer STARTTLS.',
  'certificate-host-mismatch': 'the certificate is for another name than the MX host.',
  'certificate-expired': 'the certificate has expired.',
  'certificate-not-trusted': 'the certificate is not from an authority the sender trusts.',
  'validation-failure': 'the connection could not be secured, for a reason of the sender’s own.',
  'tlsa-invalid': 'the TLSA record does not fit the certificate (DANE).',
  'dnssec-invalid': 'the DNS answers of your domain were not signed rightly (DNSSEC).',
  'dane-required': 'the sender wants DANE, and there is no TLSA record.',
  'sts-policy-fetch-error': 'the MTA-STS policy could not be fetched.',
  'sts-policy-invalid': 'the MTA-STS policy could not be read.',
  'sts-webpki-invalid': 'the certificate of the MTA-STS policy host is not valid.',
}
