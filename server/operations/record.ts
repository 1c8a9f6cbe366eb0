import type { Json } from '../model/canonical.ts'
import type { Tx } from '../store/db.ts'
import { type KeptView, keepViews } from '../store/kept-views.ts'
import { type Facts, type NewLogEntry, type ReadAction, appendLog } from '../store/log.ts'
import { OperationError } from './errors.ts'
import { sealed, toKeep } from './kept-view.ts'
import type { Call, Viewing } from './procedure.ts'

/** SHA-256 over the RFC 8785 form of an operation's output: whoever has the answer can show that it is the one the log names. */
export const viewHash = (view: Json): string => sealed(view).hash

/** What was read, and what the record says of it. */
export type Reading<V extends Json> = { action: ReadAction; resourceType: string; resourceId: string; view: V; metadata?: Facts }

/** Puts a read on the record. The last statement of the transaction that read (store/log.ts says why). */
export async function recordRead(tx: Tx, call: Viewing, reading: Reading<Json>): Promise<void> {
  const { entry, kept } = recordOf(call, reading)
  if (kept !== null) await keepViews(tx, [kept])
  await appendLog(tx, entry)
}

function recordOf({ actor, rooms }: Viewing, reading: Reading<Json>): { entry: NewLogEntry; kept: KeptView | null } {
  const { action, resourceType, resourceId, view, metadata } = reading
  const seal = sealed(view)
  const at = rooms.clock.now()
  const tenancy = { accountId: actor.accountId, world: actor.world }
  const entry = { at, actor, tenancy, action, resourceType, resourceId, metadata: { ...metadata, view_hash: seal.hash } }
  return { entry, kept: toKeep(actor, seal, at) }
}

/** Reads, and puts it on the record, before anybody has the answer. @param read reads a page without texts at most, or one email, and awaits only statements of `tx`; it may run again.
 *  Throws what it throws; a refusal of one is nothing to the others. @returns the view */
export async function onRecord<V extends Json>(call: Call, read: (tx: Tx) => Promise<Reading<V>>): Promise<V> {
  let view: V | undefined
  const outcome = await call.rooms.reads.add(async (tx) => {
    try {
      const reading = await read(tx)
      view = reading.view
      return recordOf(call, reading)
    } catch (error) {
      if (error instanceof OperationError) return { refusal: error }
      throw error
    }
  })
  if ('refusal' in outcome) throw outcome.refusal
  return view as V
}
