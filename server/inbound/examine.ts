/** Everything that is found out about an arriving message from its bytes and the DNS, before anything is decided. */
import type { Address } from '../model/address.ts'
import type { Automatic } from '../model/automatic.ts'
import { splitMessage } from '../model/headers.ts'
import type { Authenticator } from './authenticate.ts'
import { automaticKind } from './automatic.ts'
import type { ContentFindings } from './content/findings.ts'
import { scanContent } from './content/scan.ts'
import type { ParsedMessage } from './parsed-message.ts'
import type { Parser } from './parser.ts'
import type { ArrivedReport } from './reports/arrived-report.ts'
import { recogniseReport } from './reports/recognise.ts'
import type { Client } from './trace.ts'
import type { Authentication } from './verdict.ts'

export type Examination = {
  parsed: ParsedMessage
  authentication: Authentication
  content: ContentFindings
  report: ArrivedReport | null
  automatic: Automatic | null
}

/** Null when there is no room for it now: nothing is wrong with the message, and it may come again. */
export type Examine = (message: { bytes: Buffer; client: Client; reversePath: Address | null }) => Promise<Examination | null>

export const createExaminer =
  ({ parser, authenticate }: { parser: Parser; authenticate: Authenticator }): Examine =>
  async ({ bytes, client, reversePath }) => {
    const [parsed, authentication] = await Promise.all([parser.parse(bytes), authenticate(bytes, client, reversePath)])
    if (parsed === null) return null
    const report = await recogniseReport({ raw: bytes, parsed })
    return {
      parsed,
      authentication,
      content: scanContent({ parsed, plain: '', html: '' }),
      report,
      automatic: automaticKind({ header: splitMessage(bytes).header, reversePath, report }),
    }
  }
