import type { Reply } from '../model/reply.ts'
import { type Verdict, verdict } from './classify-meanings.ts'
import { rowFor } from './classify/match.ts'
import type { Stage } from './transport.ts'

/** What a reply means at the stage it came. The first row of the table that matches decides: known providers' words, then everybody's, then the
 *  enhanced code, then the basic code and the stage (docs/refusals.md). */
export function classify({ stage, reply }: { stage: Stage; reply: Reply }): Verdict {
  if (stage === 'dot' && reply.code >= 200 && reply.code < 300) return verdict('delivered', 'delivered')
  const row = rowFor({ stage, reply })
  if (row === null) return verdict('protocol', 'retry') // neither 4yz nor 5yz: out of step, a new session may go better
  return verdict(row.class, row.outcome === 'as-told' ? (reply.code < 500 ? 'retry' : 'fail') : row.outcome)
}
