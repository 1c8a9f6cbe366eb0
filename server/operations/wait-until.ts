import { z } from 'zod'
import type { MailboxId } from '../model/ids.ts'
import type { EventRow } from '../store/events.ts'
import { OperationError } from './errors.ts'
import type { Call } from './procedure.ts'

/** Calls that are answered when something happens (docs/live.md). */

const [shortest, longest, usual] = [5, 120, 30]

export const TimeoutSeconds = z.int().min(shortest).max(longest).default(usual)

type Wait = {
  mailboxId: MailboxId
  /** whether an event of this mailbox may have changed what `isSo` says */
  concerns: (event: EventRow) => boolean
  isSo: () => Promise<boolean>
  seconds: number
  signal: AbortSignal | undefined
}

/** Listens first and looks then, so that nothing comes in between. @returns false when the time was over. Throws OperationError when too many wait, and when
 *  the server or the key has come to its end meanwhile. */
export async function waitUntil(ctx: Call, { seconds, ...wait }: Wait): Promise<boolean> {
  const { actor, rooms } = ctx
  const until = rooms.clock.now() + seconds * 1000
  const place = rooms.live.admit('wait', actor)
  if (place === null) throw new OperationError('TOO_MANY_WAITING')
  try {
    const isSo = await rung(ctx, wait, until)
    // Whoever has lost the key meanwhile gets nothing more by it.
    if (!(await rooms.live.isGood(actor))) throw new OperationError('KEY_NOT_ACCEPTED')
    return isSo
  } finally {
    place.release()
  }
}

async function rung({ actor, rooms: { live } }: Call, { mailboxId, concerns, isSo, signal }: Omit<Wait, 'seconds'>, until: number) {
  const bell = await live.bell({ tenancy: actor, mailboxIds: [mailboxId] }, concerns)
  try {
    for (;;) {
      if (await isSo()) return true
      const why = await bell.wait(until, signal)
      if (why === 'closed') throw new OperationError('UNAVAILABLE', 'The server is being stopped')
      if (why !== 'rung') return false
    }
  } finally {
    bell.close()
  }
}
