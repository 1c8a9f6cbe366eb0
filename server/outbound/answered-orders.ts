/**
 * Whether an agent writes what an email with orders for a program would have it write: one that it answers, or that it was shown, holds such orders, and its own
 * mail has something in it from another conversation, from hidden text or from a file (docs/ladder.md). Then its mailbox is lowered before this very email is
 * judged, so that a person sees it.
 *
 * Both are heuristics, and neither alone says much: honest mail quotes such orders, and agents pass on what they read. An email without the one or the other costs
 * nothing here.
 */
import type { EmailId, ThreadId } from '../model/ids.ts'
import { hasOrders } from '../model/injection-signs.ts'
import type { Reason } from '../model/reason.ts'
import { lower, wouldLower } from '../oversight/lowering/lower.ts'
import type { Taint } from '../oversight/taint/taint.ts'
import type { Clock } from '../platform/clock.ts'
import type { Store } from '../store/db.ts'
import { appendLogs } from '../store/log.ts'
import type { Row } from '../store/schema.ts'
import { type Judged, judgedAmong } from '../store/shown.ts'

/** The newest of the conversation. */
const mostOfThread = 20

type Deps = { store: Store; clock: Clock }

/** @param thread in which it is filed. @returns true when the mailbox was lowered just now: read it again */
export async function lowerIfOrdered({ store, clock }: Deps, mailbox: Row<'mailboxes'>, thread: ThreadId, taint: Taint): Promise<boolean> {
  if (!isTainted(taint) || !wouldLower(mailbox, 'injection')) return false
  const sources = [...new Set(taint.evidence.map(({ emailId }) => emailId))]
  const ordering = firstWithOrders(await judgedAmong(store.db, { thread, mostOfThread, ids: sources }))
  if (ordering === null) return false
  const words = `An email that its agent handed in holds ${placesOf(taint)}, and the agent had been shown an email that reads as if it gave orders to a program (${ordering}).`
  const entries = await store.transaction(async (tx) => {
    const made = await lower(tx, { mailboxId: mailbox.id, cause: 'injection', finding: ordering, words, now: clock.now() })
    await appendLogs(tx, made)
    return made
  })
  return entries.length > 0
}

const isTainted = ({ fromOtherThread, fromHiddenText, fromAttachment }: Taint): boolean =>
  fromOtherThread || fromHiddenText || fromAttachment

/** The newest one. */
function firstWithOrders(judged: readonly Judged[]): EmailId | null {
  const found = judged.filter(({ reasons_json }) => hasOrders(JSON.parse(reasons_json) as Reason[]))
  return (
    found
      .map(({ id }) => id)
      .toSorted()
      .at(-1) ?? null
  )
}

function placesOf({ fromOtherThread, fromHiddenText, fromAttachment }: Taint): string {
  const places = [
    ...(fromOtherThread ? ['something from another conversation'] : []),
    ...(fromHiddenText ? ['something from hidden text'] : []),
    ...(fromAttachment ? ['something from an attachment'] : []),
  ]
  return places.join(' and ')
}
