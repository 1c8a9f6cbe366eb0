/**
 * The suppression list: whom an account writes to no more, because the address does not work or its owner does not want it.
 *
 * Promises: a row belongs to one account in one world and is seen by no other; what put it there is named, and is on the record in the same
 * transaction; trouble of ours (a block list, a missing key) never puts anybody on it (classify-meanings.ts). The list is asked
 * when mail is handed in and again right before it is sent, so that whoever unsubscribes is not written to by what was waiting.
 */
import type { Actor } from '../../model/actor.ts'
import { type Address, addressKey } from '../../model/address.ts'
import { type DeliveryId, type EmailId, type MailboxId, newId } from '../../model/ids.ts'
import type { SuppressionReason } from '../../model/suppression.ts'
import type { Tenancy } from '../../model/world.ts'
import type { Db, Tx } from '../../store/db.ts'
import type { NewLogEntry } from '../../store/log.ts'
import { type SuppressionRow, failuresSince, insertFailure, insertSuppression, suppressionAt } from '../../store/suppressions.ts'
import type { Verdict } from '../classify-meanings.ts'
import { expiryOf, isEnough, memoryMs } from './rules.ts'

/** What shows that somebody is to be left alone; each part null where there is none. */
export type Evidence = { mailboxId: MailboxId | null; emailId: EmailId | null; deliveryId: DeliveryId | null }

export type NewSuppression = {
  tenancy: Tenancy
  address: string
  reason: SuppressionReason
  evidence: Evidence
  actor: Actor
  /** epoch ms; null: until somebody takes it off */
  expiresAt: number | null
  now: number
}

/** `entries` go on the record at the end of the transaction. */
export type Suppressed = { suppressed: boolean; entries: NewLogEntry[] }

export const notSuppressed: Suppressed = { suppressed: false, entries: [] }

/** Puts an address on the list; an entry of equal or more weight stays as it is. */
export async function suppress(tx: Tx, { tenancy, address, reason, evidence, actor, expiresAt, now }: NewSuppression): Promise<Suppressed> {
  const id = newId('suppression', now)
  const key = addressKey(address)
  const isNew = await insertSuppression(tx, {
    id,
    account_id: tenancy.accountId,
    world: tenancy.world,
    address: key,
    reason,
    mailbox_id: evidence.mailboxId,
    email_id: evidence.emailId,
    delivery_id: evidence.deliveryId,
    created_at: now,
    expires_at: expiresAt,
  })
  if (!isNew) return { suppressed: true, entries: [] }
  const metadata = {
    reason,
    mailbox_id: evidence.mailboxId,
    email_id: evidence.emailId,
    delivery_id: evidence.deliveryId,
    expires_at: expiresAt,
  }
  const about = { at: now, actor, tenancy, action: 'suppression.added', resourceType: 'suppression', resourceId: id } as const
  return { suppressed: true, entries: [{ ...about, metadata, details: { address: key } }] }
}

export type Failure = {
  tenancy: Tenancy
  forwardPath: string
  verdict: Verdict
  evidence: Evidence & { deliveryId: DeliveryId }
  actor: Actor
  now: number
}

/** What a final failure comes to: counted, and enough or not. */
export async function suppressAfterFailure(tx: Tx, failure: Failure): Promise<Suppressed> {
  const { tenancy, verdict, evidence, actor, now } = failure
  if (verdict.suppress === 'never') return notSuppressed
  const address = addressKey(failure.forwardPath)
  const failedAt = await countFailure(tx, failure, address)
  if (!isEnough(verdict.suppress, failedAt)) return notSuppressed
  return suppress(tx, { tenancy, address, reason: 'hard_bounce', evidence, actor, expiresAt: expiryOf(verdict.class, now), now })
}

async function countFailure(tx: Tx, { tenancy, verdict, evidence, now }: Failure, address: string): Promise<number[]> {
  const memory = memoryMs[verdict.suppress]
  if (memory === null) return [now]
  const { accountId, world } = tenancy
  await insertFailure(tx, {
    delivery_id: evidence.deliveryId,
    account_id: accountId,
    world,
    address,
    class: verdict.class,
    failed_at: now,
  })
  return failuresSince(tx, { ...tenancy, address, bounceClass: verdict.class, since: now - memory })
}

/** The entry that keeps mail of this tenant from an address now; null when it may be written to. */
export const suppressionOf = async (db: Db, tenancy: Tenancy, address: string, now: number): Promise<SuppressionRow | null> =>
  (await suppressionAt(db, { ...tenancy, address: addressKey(address), now })) ?? null

/** True when nobody is left to write to. */
export async function allSuppressed(db: Db, tenancy: Tenancy, paths: readonly Address[], now: number): Promise<boolean> {
  for (const path of paths) if ((await suppressionOf(db, tenancy, path, now)) === null) return false
  return paths.length > 0
}
