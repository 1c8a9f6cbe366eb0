import { type Reply, formatReply } from '../../model/reply.ts'
import type { Stage } from '../transport.ts'
import type { Row } from './row.ts'
import { table } from './table.ts'

// A reply is cut to this before it comes here (transport/reply.ts); a report that came by mail may quote more.
const maxLength = 1000

// qmail and IronPort put the enhanced code elsewhere: `550 sorry, no mailbox here by that name. (#5.1.1)`, `550 #5.1.0 Address rejected.`
const elsewhere = /(?:^|[ (])#([45]\.\d\.\d{1,3})\b/
const vagueStatus = /^\d{3}(?: (?![245]\.\d)| [45]\.(?:[0-7]\.0|7\.1)(?: |$)|$)/

/** The row that says what a reply means at the stage it came; null when it is neither 4yz nor 5yz. */
export function rowFor({ stage, reply }: { stage: Stage; reply: Reply }): Row | null {
  const line = lineOf(reply)
  const isVague = vagueStatus.test(line)
  return (
    table.find(
      (row) => line.startsWith(row.code) && (isVague || !row.vague) && (row.stages?.includes(stage) ?? true) && row.when.test(line),
    ) ?? null
  )
}

/** `550 5.1.1 text`, bounded, with the enhanced code where it belongs. */
function lineOf(reply: Reply): string {
  const found = reply.status === null ? elsewhere.exec(reply.text.slice(0, maxLength)) : null
  const status = found?.[1]
  if (found === null || status === undefined || Number(status[0]) !== Math.floor(reply.code / 100))
    return formatReply(reply).slice(0, maxLength)
  const text = found.index === 0 ? reply.text.slice(found[0].length).trimStart() : reply.text
  return `${reply.code} ${status} ${text}`.trim().slice(0, maxLength)
}
