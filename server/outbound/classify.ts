import { type Reply, formatReply } from '../model/reply.ts'
import { type Verdict, verdict } from './classify-meanings.ts'
import { rules } from './classify-rules.ts'
import type { Stage } from './transport.ts'

/** What a reply means at the stage it came. The first rule that matches decides: known providers' words, then the enhanced code, then words
 *  without one, then the basic code, then the stage. */
export function classify({ stage, reply }: { stage: Stage; reply: Reply }): Verdict {
  if (stage === 'dot' && reply.code >= 200 && reply.code < 300) return verdict('delivered', 'delivered')
  const line = formatReply(reply)
  const rule = rules.find((one) => one.when.test(line) && (one.stages?.includes(stage) ?? true))
  if (rule === undefined) return verdict('protocol', 'retry') // neither 4yz nor 5yz: out of step, a new session may go better
  return verdict(rule.class, rule.outcome === 'as-told' ? (reply.code < 500 ? 'retry' : 'fail') : rule.outcome)
}
