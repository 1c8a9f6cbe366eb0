/** What arrives that is not a letter: reports of one mail system to another, recognised in the worker. */
import type { Complaint, DeliveryReport } from '../../model/feedback.ts'

/** One row of a DMARC aggregate report (RFC 9990): what one source sent in our name. */
export type DmarcRow = {
  sourceIp: string
  count: number
  disposition: 'none' | 'quarantine' | 'reject'
  dkim: 'pass' | 'fail'
  spf: 'pass' | 'fail'
  headerFrom: string
}
export type DmarcReport = {
  kind: 'dmarc'
  organization: string
  reportId: string
  domain: string
  /** epoch ms */
  beginAt: number
  endAt: number
  policy: string
  rows: readonly DmarcRow[]
}

/** One failure of a TLS report (RFC 8460 §4.4). */
export type TlsFailure = { resultType: string; sendingMtaIp: string | null; receivingMx: string | null; count: number }
export type TlsReport = {
  kind: 'tls'
  organization: string
  reportId: string
  domain: string
  beginAt: number
  endAt: number
  policyType: string
  successes: number
  failures: number
  details: readonly TlsFailure[]
}

/** `aggregate`: one report about each domain that it names. */
export type ArrivedReport =
  | { kind: 'delivery'; report: DeliveryReport }
  | { kind: 'complaint'; complaint: Complaint }
  | { kind: 'aggregate'; reports: readonly (DmarcReport | TlsReport)[] }
