/**
 * What a key may do to the keys of its account. Each works inside the transaction it is given, under the lock of the account, and puts itself on the record.
 *
 * Promise: no key reaches further than the one that made or changed it: not into another account, the other world, or a mailbox that it is not bound to,
 * and not beyond the day on which it ends. Whoever ends sooner than a key may still end that key.
 */
import type { KeyActor, Scope } from '../model/actor.ts'
import type { KeyId, MailboxId } from '../model/ids.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Db, Tx } from '../store/db.ts'
import { changeKey, findKey, insertKey, keyById, listKeys, ownerOfKey } from '../store/keys.ts'
import { type NewLogEntry, appendLog } from '../store/log.ts'
import type { Row } from '../store/schema.ts'
import { hashOfKey, makeKeyText, shownPrefix } from './key-text.ts'
import { draftKey, isGood, mailboxIdsOf, scopesOf } from './keys.ts'
import { whyForbidden } from './scopes.ts'

export type KeyRow = Row<'api_keys'>

/** Working ones, of one account and world. */
const mostKeys = 500

/** `mailboxIds` null: all that the caller reaches. `expiresAt` null: never, or when the caller does. */
export type Wanted = { name: string; scopes: readonly Scope[]; mailboxIds: readonly MailboxId[] | null; expiresAt: number | null }
type WantedProblem = 'FORBIDDEN_SCOPES' | 'TOO_MANY_KEYS' | 'MAILBOX_NOT_FOUND' | 'BEYOND_EXPIRY'

/** What would be made, with what was left out filled in; or why it may not be. */
export async function narrow(db: Db, actor: KeyActor, wanted: Wanted, now: number): Promise<Result<Wanted, WantedProblem>> {
  const why = whyForbidden(actor.world, wanted.scopes)
  if (why !== null) return fail('FORBIDDEN_SCOPES', why)
  const ownEnd = (await keyById(db, actor.keyId))?.expires_at ?? null
  if (ownEnd !== null && wanted.expiresAt !== null && wanted.expiresAt > ownEnd) return fail('BEYOND_EXPIRY')
  const own = actor.mailboxIds
  if (own !== null && wanted.mailboxIds?.some((id) => !own.includes(id)) === true) return fail('MAILBOX_NOT_FOUND')
  const working = (await listKeys(db, actor)).filter((row) => isGood(row, now))
  if (working.length >= mostKeys) return fail('TOO_MANY_KEYS')
  return ok({ ...wanted, mailboxIds: wanted.mailboxIds ?? own, expiresAt: wanted.expiresAt ?? ownEnd })
}

/** `key` is the secret itself. */
export type MadeKey = { key: string; row: KeyRow }

/** @param wanted as `narrow` gave it */
export async function makeKey(tx: Tx, actor: KeyActor, wanted: Wanted, now: number): Promise<MadeKey> {
  const { name, scopes, mailboxIds, expiresAt } = wanted
  const tenancy = { accountId: actor.accountId, world: actor.world }
  // What somebody's key makes is theirs too.
  const ownerId = (await ownerOfKey(tx, actor.keyId)) ?? undefined
  const drafted = draftKey(
    { tenancy, name, scopes, by: actor, ownerId, ...(mailboxIds !== null && { mailboxIds }), ...(expiresAt !== null && { expiresAt }) },
    now,
  )
  if (!drafted.ok) throw new Error(drafted.detail)
  const { key, row, logEntry } = drafted.value
  await insertKey(tx, row)
  await appendLog(tx, logEntry)
  return { key, row: { old_secret_hash: null, old_works_until: null, ...row } as KeyRow }
}

/** The caller's to look after: of its tenancy, and bound to no mailbox that the caller is not bound to. Revoked and expired ones too. */
export async function keyFor(db: Db, actor: KeyActor, id: KeyId): Promise<KeyRow | null> {
  const row = await findKey(db, actor, id)
  return row !== undefined && isWithin(actor, row) ? row : null
}

export const keysFor = async (db: Db, actor: KeyActor): Promise<KeyRow[]> =>
  (await listKeys(db, actor)).filter((row) => isWithin(actor, row))

function isWithin({ mailboxIds: own }: KeyActor, row: KeyRow): boolean {
  if (own === null) return true
  return mailboxIdsOf(row)?.every((id) => own.includes(id)) === true
}

/** True when a key works longer than the caller, who may then neither have its secret nor say what it may do. */
export async function outlives(db: Db, actor: KeyActor, { expires_at }: KeyRow): Promise<boolean> {
  const ownEnd = (await keyById(db, actor.keyId))?.expires_at ?? null
  return ownEnd !== null && (expires_at === null || expires_at > ownEnd)
}

/** @param change scopes that `whyForbidden` lets be */
export async function updateKey(
  tx: Tx,
  actor: KeyActor,
  row: KeyRow,
  change: { name?: string | undefined; scopes?: readonly Scope[] | undefined },
  now: number,
): Promise<Result<KeyRow, 'BEYOND_EXPIRY'>> {
  if (await outlives(tx, actor, row)) return fail('BEYOND_EXPIRY')
  const { name = row.name, scopes = scopesOf(row) } = change
  const changed = { name, scopes_json: JSON.stringify(scopes) }
  await changeKey(tx, row.id, changed)
  const metadata = { scopes, previous_scopes: scopesOf(row) }
  await appendLog(tx, { ...entry(actor, row.id, now), action: 'key.updated', metadata, details: { name, previous_name: row.name } })
  return ok({ ...row, ...changed })
}

/** A new secret for the same key. The one before works until `oldWorksUntil` (epoch ms) beside it; one that was replaced earlier ends now. */
export async function replaceSecret(
  tx: Tx,
  actor: KeyActor,
  row: KeyRow,
  oldWorksUntil: number,
  now: number,
): Promise<Result<MadeKey, 'BEYOND_EXPIRY'>> {
  if (await outlives(tx, actor, row)) return fail('BEYOND_EXPIRY')
  const key = makeKeyText(row.world)
  const change = {
    prefix: shownPrefix(key),
    secret_hash: hashOfKey(key),
    old_secret_hash: row.secret_hash,
    old_works_until: oldWorksUntil,
  }
  await changeKey(tx, row.id, change)
  const metadata = { prefix: change.prefix, previous_prefix: row.prefix, old_works_until: oldWorksUntil }
  await appendLog(tx, { ...entry(actor, row.id, now), action: 'key.rotated', metadata })
  return ok({ key, row: { ...row, ...change } })
}

const entry = (actor: KeyActor, id: KeyId, now: number): Omit<NewLogEntry, 'action'> => ({
  at: now,
  actor,
  tenancy: { accountId: actor.accountId, world: actor.world },
  resourceType: 'key',
  resourceId: id,
})
