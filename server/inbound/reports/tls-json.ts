/** TLS reports: the JSON of RFC 8460 §4.4. */
import { isIP } from 'node:net'
import { z } from 'zod'
import { parseDomainName } from '../../../dns/name.ts'
import type { TlsFailure, TlsReport } from '../../model/aggregate-report.ts'
import { cleanLine } from '../message/text.ts'
import { maxLabel } from './dmarc-xml.ts'

/** Octets. A report has one line per kind of failure. Read as a whole, and as values JSON can take thirty times its size. */
const maxJson = 1024 * 1024
const mostPolicies = 100
export const mostDetails = 1_000

const Label = z.string().transform((text) => cleanLine(text, maxLabel))
const Count = z.number().int().min(0).max(1_000_000_000_000)
const Time = z
  .string()
  .max(60)
  .transform((text) => Date.parse(text))
  .refine((at) => at >= 0 && at < 253_402_300_800_000)
const MaybeText = z.unknown().transform((value) => (typeof value === 'string' ? value : ''))

const Failure = z.object({
  'result-type': Label,
  'sending-mta-ip': MaybeText.optional(),
  'receiving-mx-hostname': MaybeText.optional(),
  'failed-session-count': Count,
})
const Policy = z.object({
  policy: z.object({ 'policy-type': Label, 'policy-domain': z.string().max(1_000) }),
  summary: z.object({ 'total-successful-session-count': Count, 'total-failure-session-count': Count }),
  'failure-details': z.array(z.unknown()).optional(),
})
const Report = z.object({
  'organization-name': Label.pipe(z.string().min(1)),
  'date-range': z.object({ 'start-datetime': Time, 'end-datetime': Time }),
  'report-id': Label.pipe(z.string().min(1)),
  policies: z.array(z.unknown()).min(1),
})

/** One report about each domain that it names. [] for what is no such report. Never throws. */
export function readTlsJson(json: Buffer): TlsReport[] {
  const parsed = Report.safeParse(parseJson(json))
  if (!parsed.success) return []
  const { 'organization-name': organization, 'report-id': reportId, 'date-range': range } = parsed.data
  const found = new Map<string, TlsReport>()
  for (const item of parsed.data.policies.slice(0, mostPolicies)) {
    const policy = Policy.safeParse(item)
    const domain = policy.success ? parseDomainName(policy.data.policy['policy-domain']) : null
    if (!policy.success || domain === null) continue
    const empty = { successes: 0, failures: 0, policyType: '', details: [], omitted: 0 }
    const before = found.get(domain) ?? {
      kind: 'tls',
      organization,
      reportId,
      domain,
      beginAt: range['start-datetime'],
      endAt: range['end-datetime'],
      ...empty,
    }
    found.set(domain, withPolicy(before, policy.data))
  }
  return [...found.values()]
}

function parseJson(json: Buffer): unknown {
  if (json.length > maxJson) return null
  try {
    return JSON.parse(json.toString('utf8').replace(/^\ufeff/, ''))
  } catch {
    return null
  }
}

/** A domain may have been met under several policies (sts and tlsa): their sessions add up. */
function withPolicy(report: TlsReport, { policy, summary, 'failure-details': failures = [] }: z.infer<typeof Policy>): TlsReport {
  const room = mostDetails - report.details.length
  const types = new Set([...report.policyType.split(', ').filter((one) => one !== ''), policy['policy-type']])
  return {
    ...report,
    policyType: cleanLine([...types].join(', '), maxLabel),
    successes: report.successes + summary['total-successful-session-count'],
    failures: report.failures + summary['total-failure-session-count'],
    details: [...report.details, ...failures.slice(0, room).flatMap((one) => failureOf(one) ?? [])],
    omitted: report.omitted + Math.max(0, failures.length - room),
  }
}

function failureOf(item: unknown): TlsFailure | null {
  const parsed = Failure.safeParse(item)
  if (!parsed.success) return null
  const { 'result-type': resultType, 'sending-mta-ip': ip = '', 'receiving-mx-hostname': mx = '' } = parsed.data
  return {
    resultType,
    sendingMtaIp: isIP(ip) === 0 ? null : ip,
    receivingMx: parseDomainName(mx),
    count: parsed.data['failed-session-count'],
  }
}
