/** What who runs the place does to the suppression list. */
import type { Actor } from '../../model/actor.ts'
import { type Address, addressKey } from '../../model/address.ts'
import { type Result, fail, ok } from '../../model/result.ts'
import type { Tenancy } from '../../model/world.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Store } from '../../store/db.ts'
import { appendLog, appendLogs } from '../../store/log.ts'
import { type SuppressionRow, deleteFailures, deleteSuppression, suppressionAt } from '../../store/suppressions.ts'
import { suppress } from './suppression.ts'

/** Who asks, and for which account and world: a key's are its own; whoever calls has checked that it may. */
export type By = Actor & Tenancy

export type Suppressions = {
  /** What is there for an equal or stronger reason stays. @param expiresAt epoch ms; null: never. @returns the row that is there then */
  add(by: By, address: Address, expiresAt: number | null): Promise<SuppressionRow>
  /** Forgets the failures of the address as well: whoever takes it off believes that it works. @returns what was there */
  remove(by: By, address: Address): Promise<Result<SuppressionRow, 'SUPPRESSION_NOT_FOUND'>>
}

const noEvidence = { mailboxId: null, emailId: null, deliveryId: null }

export function createSuppressions({ store, clock }: { store: Store; clock: Clock }): Suppressions {
  return {
    add(actor, address, expiresAt) {
      const now = clock.now()
      const tenancy = { accountId: actor.accountId, world: actor.world }
      return store.transaction(async (tx) => {
        const { entries } = await suppress(tx, { tenancy, address, reason: 'manual', evidence: noEvidence, actor, expiresAt, now })
        const row = await suppressionAt(tx, { ...tenancy, address: addressKey(address), now })
        if (row === undefined) throw new Error('a suppression that was just written is not there')
        await appendLogs(tx, entries)
        return row
      })
    },

    remove(actor, named) {
      const address = addressKey(named)
      return store.transaction(async (tx): Promise<Result<SuppressionRow, 'SUPPRESSION_NOT_FOUND'>> => {
        const row = await deleteSuppression(tx, actor, address)
        if (row === undefined) return fail('SUPPRESSION_NOT_FOUND')
        await deleteFailures(tx, actor, address)
        await appendLog(tx, {
          at: clock.now(),
          actor,
          tenancy: { accountId: actor.accountId, world: actor.world },
          action: 'suppression.removed',
          resourceType: 'suppression',
          resourceId: row.id,
          metadata: { reason: row.reason },
          details: { address: row.address },
        })
        return ok(row)
      })
    },
  }
}
