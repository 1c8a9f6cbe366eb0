/** What arrives that is not a letter: reports of one mail system to another, recognised in the worker. */
import type { Complaint, DeliveryReport } from '../../model/feedback.ts'
import type { DmarcReport, TlsReport } from '../../model/aggregate-report.ts'

/** `aggregate`: one report about each domain that it names. `authentication-failure`: about one message that failed DMARC (RFC 6591, RFC 9991);
 *  nobody complains in it, so it is only known for what it is. */
export type ArrivedReport =
  | { kind: 'delivery'; report: DeliveryReport }
  | { kind: 'complaint'; complaint: Complaint }
  | { kind: 'aggregate'; reports: readonly (DmarcReport | TlsReport)[] }
  | { kind: 'authentication-failure' }
