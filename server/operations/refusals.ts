/** What a key was refused that would have let it decide, or manage who does: on the record, because whoever tries that is what a reviewer wants to know of. */
import type { KeyActor } from '../model/actor.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Store } from '../store/db.ts'
import { appendLog } from '../store/log.ts'
import { OperationError } from './errors.ts'

type Call = { rooms: { store: Store; clock: Clock; log: Log }; actor: KeyActor }
type Needed = { scope: string; orScope?: string }

/** Whether it is one of those. What is refused in a decision itself is on the record there (oversight/decide.ts). */
const isForTheRecord = (error: unknown, { scope, orScope }: Needed): error is OperationError => {
  if (!(error instanceof OperationError)) return false
  if (error.code === 'SCOPE_MISSING') return [scope, orScope].some((one) => one === 'oversight' || one === 'admin')
  return error.code === 'FORBIDDEN_SCOPES' || error.code === 'UPGRADE_NEEDS_CODE'
}

/** Never rejects: that it cannot be written down lets nobody do it. @param operation its name @param error what it was refused with */
export async function noteRefusal(
  { rooms: { store, clock, log }, actor }: Call,
  operation: string,
  error: unknown,
  needed: Needed,
): Promise<void> {
  if (!isForTheRecord(error, needed)) return
  const tenancy = { accountId: actor.accountId, world: actor.world }
  const about = { at: clock.now(), actor, tenancy, resourceType: 'key', resourceId: actor.keyId }
  const metadata = { operation, code: error.code }
  await store
    .transaction((tx) => appendLog(tx, { ...about, action: 'call.refused', metadata }))
    .catch((err: unknown) => log.error({ err, ...metadata }, 'call.refusal-unrecorded'))
}
