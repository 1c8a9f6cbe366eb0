/**
 * Conversations that nobody is in: our own message that came back, and two programs that answer each other. Asked when a message is filed.
 *
 * Programs that answer politely say so in a header (automatic.ts). Those that do not are known by their pace alone.
 */
import type { Automatic } from '../../model/automatic.ts'
import type { MailboxId, ThreadId } from '../../model/ids.ts'
import type { Tx } from '../../store/db.ts'
import { type Turn, hasSent, newestTurns } from '../../store/emails.ts'

/** More turns than this, each side, within the hour is no conversation of people. */
export const mostTurns = 10
const windowMs = 60 * 60_000
/** An hour of letters in one thread: what is beyond is not looked at. */
const mostLookedAt = 100

/** What is filed. `threadId` null: it begins a thread. `address`: the mailbox's own. */
export type Filed = { mailboxId: MailboxId; address: string; threadId: ThreadId | null; messageId: string | null; now: number }

/** What a message is marked as: reports stay what they are, and `loop` says more than any sign in the header. */
export async function withLoop(tx: Tx, automatic: Automatic | null, filed: Filed): Promise<Automatic | null> {
  if (automatic !== null && reports.includes(automatic)) return automatic
  return (await isOwn(tx, filed)) || (await isTooFast(tx, filed)) ? 'loop' : automatic
}

const reports: readonly Automatic[] = ['delivery-report', 'complaint', 'aggregate-report']

/** Sent from this very mailbox and back in it. In another mailbox of ours it is mail. */
async function isOwn(tx: Tx, { mailboxId, address, messageId }: Filed): Promise<boolean> {
  // Ours end in the mailbox's domain (outbound/compose.ts), so of most messages nothing has to be looked up.
  const domain = address.slice(address.lastIndexOf('@'))
  return messageId !== null && messageId.toLowerCase().endsWith(`${domain}>`) && (await hasSent(tx, mailboxId, messageId))
}

async function isTooFast(tx: Tx, { threadId, now }: Filed): Promise<boolean> {
  return threadId !== null && isLoop(await newestTurns(tx, threadId, mostLookedAt), now)
}

/** Each side has had its turns within the hour, and here comes one more. @param turns of one thread, before this message; @param now epoch ms */
function isLoop(turns: readonly Turn[], now: number): boolean {
  const lately = turns.filter((turn) => turn.received_at > now - windowMs)
  const sent = lately.filter((turn) => turn.direction === 'outbound' && turn.status === 'sent').length
  const arrived = lately.filter((turn) => turn.direction === 'inbound').length
  return sent >= mostTurns && arrived >= mostTurns
}
