import type { Transaction } from 'kysely'
import type { SystemActor } from '../model/actor.ts'
import { appendLog } from './log.ts'
import type { Claim } from './queue.ts'
import type { Database } from './schema.ts'

const outbound: SystemActor = { kind: 'system', part: 'outbound' }

/** Gives back a delivery that nobody was dialled for: its attempt was none. It is due at `until` (epoch ms). What an earlier holder of the lease may have
 *  done stays on it. @returns false when the lease is somebody else's now */
export async function returnClaim(
  tx: Transaction<Database>,
  claim: Claim,
  { until, reason, now }: { until: number; reason: string; now: number },
): Promise<boolean> {
  const result = await tx
    .updateTable('deliveries')
    .set((set) => ({ attempts: set('attempts', '-', 1), next_attempt_at: until, lease: null, leased_until: null }))
    .where('id', '=', claim.id)
    .where('lease', '=', claim.lease)
    .where('state', '=', 'queued')
    .executeTakeFirst()
  if (result.numUpdatedRows === 0n) return false
  await tx.deleteFrom('attempts').where('id', '=', claim.attempt_id).execute()
  await appendLog(tx, {
    at: now,
    actor: outbound,
    tenancy: { accountId: claim.account_id, world: claim.world },
    action: 'delivery.paced',
    resourceType: 'delivery',
    resourceId: claim.id,
    metadata: { email_id: claim.email_id, attempt_id: claim.attempt_id, until, reason },
  })
  return true
}
