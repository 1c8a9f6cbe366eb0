/** A log of record with something in it, and the key that signs it. */
import { newId } from '../../server/model/ids.ts'
import { parseSignerKey, newSignerKey } from '../../server/model/note.ts'
import type { Store } from '../../server/store/db.ts'
import { type NewLogEntry, appendLogs } from '../../server/store/log.ts'

const at = 1_790_000_000_000
const tenancy = { accountId: newId('account', at), world: 'live' } as const

export const logKey = parseSignerKey(newSignerKey('mail.ours.test/log/1', Buffer.alloc(32, 7)))

/** Appends entries, one in three with details. @param later ms after the first one ever */
export async function appendSome(store: Store, count: number, later = 0): Promise<void> {
  const entries = Array.from({ length: count }, (_, n): NewLogEntry => {
    const facts = { at: at + later + n, actor: { kind: 'system', part: 'inbound' }, tenancy, action: 'email.received' } as const
    return { ...facts, resourceType: 'email', resourceId: `em_${n}`, ...(n % 3 === 1 && { details: { from: `bo${n}@remote.test` } }) }
  })
  await store.transaction((tx) => appendLogs(tx, entries))
}
