/** Caps of one mailbox's own, which the operator sets on the host. Each change is on the record. */
import type { SystemActor } from '../../model/actor.ts'
import { addressKey, parseAddress } from '../../model/address.ts'
import { type Result, fail, ok } from '../../model/result.ts'
import type { World } from '../../model/world.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Store } from '../../store/db.ts'
import { appendLog } from '../../store/log.ts'
import { mailboxAt } from '../../store/mailboxes.ts'
import { type CapKind, setCap } from '../../store/send-caps.ts'
import type { Caps } from './caps.ts'
import { capsOf } from './spend.ts'

/** A number, null for no cap, or `standard` for what the settings say. What is left out stays as it is. */
export type CapChange = Partial<Record<CapKind, number | null | 'standard'>>

const host: SystemActor = { kind: 'system', part: 'host' }

/** @param text the mailbox's address, as people write it. @returns the caps that are in force now */
export async function changeCaps(
  { store, clock, caps }: { store: Store; clock: Clock; /** of the settings */ caps: Caps },
  text: string,
  world: World,
  change: CapChange,
): Promise<Result<{ address: string; caps: Caps }, 'MAILBOX_NOT_FOUND'>> {
  const address = parseAddress(text)
  return store.transaction(async (tx) => {
    const mailbox = address === null ? undefined : await mailboxAt(tx, world, addressKey(address))
    if (mailbox === undefined) return fail('MAILBOX_NOT_FOUND', `There is no mailbox ${JSON.stringify(text)}.`)
    const entries = Object.entries(change) as [CapKind, number | null | 'standard'][]
    for (const [kind, most] of entries) await setCap(tx, mailbox.id, kind, most === 'standard' ? undefined : most)
    const now = await capsOf(tx, mailbox.id, caps)
    if (entries.length > 0)
      await appendLog(tx, {
        at: clock.now(),
        actor: host,
        tenancy: { accountId: mailbox.account_id, world },
        action: 'mailbox.limited',
        resourceType: 'mailbox',
        resourceId: mailbox.id,
        metadata: { ...change },
      })
    return ok({ address: mailbox.address, caps: now })
  })
}
