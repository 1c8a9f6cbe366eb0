/** What is found out about an arriving message from its bytes and the DNS, before anything is decided. */
import type { Automatic } from '../../model/automatic.ts'
import type { ContentFindings } from '../content/findings.ts'
import type { ParsedMessage } from '../message/parsed-message.ts'
import type { ArrivedReport } from '../reports/arrived-report.ts'
import type { Authentication } from '../verdict/message-facts.ts'

export type Examination = {
  parsed: ParsedMessage
  authentication: Authentication
  content: ContentFindings
  report: ArrivedReport | null
  automatic: Automatic | null
}
