import type { Json } from '../model/canonical.ts'
import { canonicalJson, sha256 } from '../model/canonical.ts'
import type { Tx } from '../store/db.ts'
import { type Facts, type LogAction, appendLog } from '../store/log.ts'
import type { Call } from './procedure.ts'

/** SHA-256 over the RFC 8785 form of an operation's output: whoever has the answer can show that it is the one the log names. */
export const viewHash = (view: Json): string => sha256(canonicalJson(view))

/** Puts a read on the record. The last statement of the transaction that read (store/log.ts says why). */
export const recordRead = (
  tx: Tx,
  { actor, rooms }: Call,
  read: { action: LogAction; resourceType: string; resourceId: string; view: Json; metadata?: Facts },
): Promise<void> =>
  appendLog(tx, {
    at: rooms.clock.now(),
    actor,
    tenancy: { accountId: actor.accountId, world: actor.world },
    action: read.action,
    resourceType: read.resourceType,
    resourceId: read.resourceId,
    metadata: { ...read.metadata, view_hash: viewHash(read.view) },
  })
