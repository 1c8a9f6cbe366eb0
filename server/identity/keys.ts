/**
 * Who is calling: API keys become actors here.
 *
 * Promises: only the SHA-256 of a key is kept; no live key can both propose and decide (scopes.ts); every key issued is on the
 * log in the same transaction; an expired, revoked or mistyped key is nobody, and so is one whose row holds scopes that no key may have together.
 */
import { timingSafeEqual } from 'node:crypto'
import { type Actor, type KeyActor, type Scope, reaches } from '../model/actor.ts'
import { type KeyId, type MailboxId, type PersonId, newId } from '../model/ids.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Tenancy } from '../model/world.ts'
import type { Clock } from '../platform/clock.ts'
import { mailboxesAllowedBy, removeAllowancesBy } from '../store/allowances.ts'
import type { Store, Tx } from '../store/db.ts'
import { insertKey, keyByHash, keyById, revokeKey, touchKey } from '../store/keys.ts'
import { type NewLogEntry, appendLog } from '../store/log.ts'
import { mailboxToChange } from '../store/mailboxes.ts'
import type { NewRow, Row } from '../store/schema.ts'
import { hashOfKey, makeKeyText, shownPrefix, worldOfKeyText } from './key-text.ts'
import { effectiveScopes, whyForbidden } from './scopes.ts'

/** `mailboxIds` left out: every mailbox of the account in this world. `expiresAt` in epoch ms. `by` is the host unless a key asked. `ownerId`: the person
 *  whose key it is, who never decides on what it writes. */
export type KeyRequest = {
  tenancy: Tenancy
  name: string
  scopes: readonly Scope[]
  mailboxIds?: readonly MailboxId[]
  expiresAt?: number
  ownerId?: PersonId | undefined
  by?: Actor
}
/** `key` is the secret itself: show it once, keep it nowhere. */
export type IssuedKey = { key: string; id: KeyId }

export type Keys = {
  issue(request: KeyRequest): Promise<Result<IssuedKey, 'FORBIDDEN_SCOPES'>>
  /** The actor behind a presented key, with every scope its own imply; null when it is not a key that is good now. */
  identify(presented: string): Promise<KeyActor | null>
  /** The actor of a key by its id, for what was signed on its behalf and for whoever has waited for long; null when it is not good any more. */
  actorOf(id: KeyId): Promise<KeyActor | null>
  /** Is the key of somebody who called before still good, and may it all that it might then? */
  isStill(actor: KeyActor): Promise<boolean>
  /** Makes a key worthless at once. False when there is none with this id that is not revoked already. */
  revoke(id: KeyId, by?: Actor): Promise<boolean>
}

const host: Actor = { kind: 'system', part: 'host' }

// Not at every call: reading mail would otherwise write to the store each time.
const touchEveryMs = 60_000

export function createKeys({ store, clock }: { store: Store; clock: Clock }): Keys {
  return {
    async issue(request) {
      const made = draftKey(request, clock.now())
      if (!made.ok) return made
      await store.transaction(async (tx) => {
        await insertKey(tx, made.value.row)
        await appendLog(tx, made.value.logEntry)
      })
      return ok({ key: made.value.key, id: made.value.row.id })
    },

    async identify(presented) {
      if (worldOfKeyText(presented) === null) return null
      const hash = hashOfKey(presented)
      const row = await keyByHash(store.db, hash)
      if (row === undefined || !isSecretOf(row, hash, clock.now()) || !isGood(row, clock.now())) return null
      await touch(store, row, clock.now())
      return toActor(row)
    },

    async actorOf(id) {
      const row = await keyById(store.db, id)
      return row === undefined || !isGood(row, clock.now()) ? null : toActor(row)
    },

    async isStill(then) {
      const row = await keyById(store.db, then.keyId)
      return row !== undefined && isGood(row, clock.now()) && mayAllOf(toActor(row), then)
    },

    revoke: (id, by = host) => store.transaction((tx) => revoke(tx, id, by, clock.now())),
  }
}

/** Makes a key worthless for good, with what it allowed for a time. @returns false when it was revoked before */
export async function revoke(tx: Tx, id: KeyId, actor: Actor, now: number): Promise<boolean> {
  const accountId = (await keyById(tx, id))?.account_id
  if (accountId === undefined) return false
  // Nothing is filed by what it allowed until this is through.
  for (const mailbox of await mailboxesAllowedBy(tx, accountId, id)) await mailboxToChange(tx, mailbox)
  const row = await revokeKey(tx, id, now)
  if (row === undefined) return false
  const ended = await removeAllowancesBy(tx, accountId, id)
  const about = { at: now, actor, tenancy: { accountId, world: row.world }, resourceType: 'key', resourceId: id }
  await appendLog(tx, { ...about, action: 'key.revoked', ...(ended > 0 && { metadata: { allowances_ended: ended } }) })
  return true
}

type DraftedKey = { key: string; row: NewRow<'api_keys'>; logEntry: NewLogEntry }

/** A key and what is to be stored of it, not stored yet: for a transaction that issues more than one thing (setup.ts). */
export function draftKey(request: KeyRequest, now: number): Result<DraftedKey, 'FORBIDDEN_SCOPES'> {
  const { tenancy, name, scopes, mailboxIds, expiresAt, ownerId, by } = request
  const why = whyForbidden(tenancy.world, scopes)
  if (why !== null) return fail('FORBIDDEN_SCOPES', why)
  const key = makeKeyText(tenancy.world)
  const row: NewRow<'api_keys'> = {
    id: newId('key', now),
    account_id: tenancy.accountId,
    world: tenancy.world,
    name,
    prefix: shownPrefix(key),
    secret_hash: hashOfKey(key),
    scopes_json: JSON.stringify(scopes),
    mailbox_ids_json: mailboxIds === undefined ? null : JSON.stringify(mailboxIds),
    created_at: now,
    expires_at: expiresAt ?? null,
    last_used_at: null,
    revoked_at: null,
    owner_id: ownerId ?? null,
  }
  const logEntry: NewLogEntry = {
    at: now,
    actor: by ?? host,
    tenancy,
    action: 'key.created',
    resourceType: 'key',
    resourceId: row.id,
    metadata: {
      scopes,
      prefix: row.prefix,
      mailbox_ids: mailboxIds ?? null,
      expires_at: expiresAt ?? null,
      ...(ownerId && { owner_id: ownerId }),
    },
    details: { name },
  }
  return ok({ key, row, logEntry })
}

/** The secret in force, or the one that it replaced, for as long as both work. */
const isSecretOf = (row: Row<'api_keys'>, hash: string, now: number): boolean =>
  sameHash(row.secret_hash, hash) ||
  (row.old_secret_hash !== null && sameHash(row.old_secret_hash, hash) && now < (row.old_works_until ?? 0))

const sameHash = (stored: string, presented: string): boolean =>
  stored.length === presented.length && timingSafeEqual(Buffer.from(stored), Buffer.from(presented))

/** Scopes that no key is issued with are not obeyed either, whoever wrote them into the row. */
export const isGood = (row: Row<'api_keys'>, now: number): boolean =>
  row.revoked_at === null && (row.expires_at === null || now < row.expires_at) && whyForbidden(row.world, scopesOf(row)) === null

export const scopesOf = (row: Row<'api_keys'>): Scope[] => JSON.parse(row.scopes_json) as Scope[]
export const mailboxIdsOf = (row: Row<'api_keys'>): MailboxId[] | null =>
  row.mailbox_ids_json === null ? null : (JSON.parse(row.mailbox_ids_json) as MailboxId[])

const mayAllOf = (now: KeyActor, then: KeyActor): boolean =>
  then.scopes.every((scope) => now.scopes.includes(scope)) &&
  (now.mailboxIds === null || (then.mailboxIds?.every((id) => reaches(now, id)) ?? false))

async function touch(store: Store, row: Row<'api_keys'>, now: number): Promise<void> {
  if (row.last_used_at === null || now - row.last_used_at >= touchEveryMs) await touchKey(store.db, row.id, now)
}

const toActor = (row: Row<'api_keys'>): KeyActor => ({
  kind: 'key',
  accountId: row.account_id,
  world: row.world,
  keyId: row.id,
  name: row.name,
  scopes: effectiveScopes(row.world, scopesOf(row)),
  mailboxIds: mailboxIdsOf(row),
})
