import type { Json } from '../model/canonical.ts'
import { canonicalJson, sha256 } from '../model/canonical.ts'
import type { Tx } from '../store/db.ts'
import { type Facts, type LogAction, type NewLogEntry, appendLog } from '../store/log.ts'
import { OperationError } from './errors.ts'
import type { Call } from './procedure.ts'
import { oncePerView } from './remembered.ts'

/** SHA-256 over the RFC 8785 form of an operation's output: whoever has the answer can show that it is the one the log names. */
export const viewHash = (view: Json): string => (typeof view === 'object' && view !== null ? hashOf(view) : sha256(canonicalJson(view)))

const hashOf = oncePerView((view: Json & object) => sha256(canonicalJson(view)))

/** What was read, and what the record says of it. */
export type Reading<V extends Json> = { action: LogAction; resourceType: string; resourceId: string; view: V; metadata?: Facts }

/** Puts a read on the record. The last statement of the transaction that read (store/log.ts says why). */
export const recordRead = (tx: Tx, call: Call, reading: Reading<Json>): Promise<void> => appendLog(tx, entryOf(call, reading))

const entryOf = ({ actor, rooms }: Call, { action, resourceType, resourceId, view, metadata }: Reading<Json>): NewLogEntry => ({
  at: rooms.clock.now(),
  actor,
  tenancy: { accountId: actor.accountId, world: actor.world },
  action,
  resourceType,
  resourceId,
  metadata: { ...metadata, view_hash: viewHash(view) },
})

/** Reads, and puts it on the record, before anybody has the answer. @param read reads a page without texts at most, or one email, and awaits only statements of `tx`; it may run again.
 *  Throws what it throws; a refusal of one is nothing to the others. @returns the view */
export async function onRecord<V extends Json>(call: Call, read: (tx: Tx) => Promise<Reading<V>>): Promise<V> {
  let view: V | undefined
  const outcome = await call.rooms.reads.add(async (tx) => {
    try {
      const reading = await read(tx)
      view = reading.view
      return { entry: entryOf(call, reading) }
    } catch (error) {
      if (error instanceof OperationError) return { refusal: error }
      throw error
    }
  })
  if ('refusal' in outcome) throw outcome.refusal
  return view as V
}
