/**
 * Whether an agent writes what an email with orders for a program would have it write: one that it answers, or that it was shown, holds such orders, and its own
 * mail has something in it from another conversation, from hidden text or from a file (docs/ladder.md). Then its mailbox is lowered before this very email is
 * judged, so that a person sees it, and no listing of those whom it goes to says otherwise.
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
import type { Db, Store } from '../store/db.ts'
import { appendLogs } from '../store/log.ts'
import { causesIn } from '../store/mailboxes.ts'
import { findingsAmong } from '../store/mode-findings.ts'
import type { Row } from '../store/schema.ts'
import { judgedAmong } from '../store/shown.ts'

/** The newest of the conversation. */
const mostOfThread = 20

type Deps = { store: Store; clock: Clock }

/** @param thread in which it is filed. @returns true when the mailbox was lowered just now: read it again */
export async function lowerIfOrdered({ store, clock }: Deps, mailbox: Row<'mailboxes'>, thread: ThreadId, taint: Taint): Promise<boolean> {
  if (!isTainted(taint) || !wouldLower(mailbox, 'injection')) return false
  const ordering = await ordersAmong(store.db, thread, taint)
  if (ordering.length === 0) return false
  const entries = await store.transaction(async (tx) => {
    // Those for which it was lowered before are known to whoever raised it again.
    const known = await findingsAmong(tx, mailbox.id, 'injection', ordering)
    const finding = ordering.find((id) => !known.has(id))
    if (finding === undefined) return []
    const words = `An email that its agent handed in holds ${placesOf(taint)}, and the agent had been shown an email that reads as if it gave orders to a program (${finding}).`
    const made = await lower(tx, { mailboxId: mailbox.id, cause: 'injection', finding, words, now: clock.now() })
    await appendLogs(tx, made)
    return made
  })
  return entries.length > 0
}

/** Whether a person is asked about it though everybody whom it goes to is listed: in gated_send, where the mailbox cannot be lowered for it any more. In any other mode
 *  it was lowered for this email, or somebody has raised it who knows of those orders. */
export async function mayBeOrdered(db: Db, mailbox: Row<'mailboxes'>, thread: ThreadId, taint: Taint | null): Promise<boolean> {
  if (taint === null || !isTainted(taint)) return false
  if (mailbox.oversight_mode !== 'gated_send' || !causesIn(mailbox).includes('injection')) return false
  return (await ordersAmong(db, thread, taint)).length > 0
}

const isTainted = ({ fromOtherThread, fromHiddenText, fromAttachment }: Taint): boolean =>
  fromOtherThread || fromHiddenText || fromAttachment

/** The newest first. */
async function ordersAmong(db: Db, thread: ThreadId, taint: Taint): Promise<EmailId[]> {
  const sources = [...new Set(taint.evidence.map(({ emailId }) => emailId))]
  const judged = await judgedAmong(db, { thread, mostOfThread, ids: sources })
  const found = judged.filter(({ reasons_json }) => hasOrders(JSON.parse(reasons_json) as Reason[]))
  return found
    .map(({ id }) => id)
    .toSorted()
    .toReversed()
}

function placesOf({ fromOtherThread, fromHiddenText, fromAttachment }: Taint): string {
  const places = [
    ...(fromOtherThread ? ['something from another conversation'] : []),
    ...(fromHiddenText ? ['something from hidden text'] : []),
    ...(fromAttachment ? ['something from an attachment'] : []),
  ]
  return places.join(' and ')
}
