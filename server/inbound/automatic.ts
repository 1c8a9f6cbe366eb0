/** Whether a program wrote a message (RFC 3834, RFC 2919, RFC 2369). Pure; in the worker. */
import type { Automatic } from '../model/automatic.ts'
import type { Address } from '../model/address.ts'
import type { ArrivedReport } from './reports/arrived-report.ts'

export const automaticKind = (_message: { header: Buffer; reversePath: Address | null; report: ArrivedReport | null }): Automatic | null =>
  null
