import { z } from 'zod'
import { type KeyRow, type Wanted, keyFor, keysFor, makeKey, narrow, outlives, replaceSecret, updateKey } from '../identity/key-changes.ts'
import { isGood, mailboxIdsOf, revoke, scopesOf } from '../identity/keys.ts'
import { whyForbidden } from '../identity/scopes.ts'
import { type KeyActor, type Scope, scopes as everyScope } from '../model/actor.ts'
import { isId } from '../model/ids.ts'
import { lockAccount } from '../store/accounts.ts'
import type { AdminAction } from '../model/admin-action.ts'
import type { Db, Tx } from '../store/db.ts'
import { mailboxOf } from './access.ts'
import { OperationError } from './errors.ts'
import { Instant, MailboxRef } from './input.ts'
import { type Call, operation } from './procedure.ts'
import { recordRead } from './record.ts'
import { ApprovalCode, orPending, twoStep } from './two-step.ts'
import { isoOrNull, isoTime } from './views.ts'

const longestName = 100
const mostMailboxes = 100
const mostListed = 1_000
const hourMs = 3_600_000
const longestOverlapHours = 7 * 24

const KeyName = z
  .string()
  .trim()
  .min(1)
  .max(longestName)
  .refine((text) => text.isWellFormed() && !/\p{Cc}/u.test(text), 'must be one line without control characters')
  .describe('What the key is for')
const Scopes = z
  .array(z.enum(everyScope))
  .min(1)
  .max(everyScope.length)
  .describe(
    'read: read mail. send: write it. oversight: decide on it; never together with send, and on a live key not with admin. admin: manage the account, and on a live key read and send as well.',
  )
const KeyRef = z.string().min(1).max(64).describe('Id of a key, from list_api_keys, e.g. key_01J…')

/** In one order and each once, so that two ways to write the same are one call. */
const ordered = (asked: readonly (typeof everyScope)[number][]) => everyScope.filter((scope) => asked.includes(scope))

const keyShape = {
  id: z.string(),
  name: z.string(),
  prefix: z.string().describe('How the key begins; the rest is not kept'),
  scopes: z.array(z.enum(everyScope)),
  mailbox_ids: z.array(z.string()).nullable().describe('The only mailboxes it can use; null: every one of the account'),
  created_at: z.string().describe('ISO 8601, UTC'),
  expires_at: z.string().nullable().describe('When it stops to work; null: only when it is revoked'),
}
export const ApiKey = z.strictObject({
  ...keyShape,
  last_used_at: z.string().nullable().describe('ISO 8601, UTC; to the minute'),
  is_active: z.boolean().describe('False: revoked, or its time is over'),
})

const keyView = (row: KeyRow) => ({
  id: row.id,
  name: row.name,
  prefix: row.prefix,
  scopes: scopesOf(row),
  mailbox_ids: mailboxIdsOf(row),
  created_at: isoTime(row.created_at),
  expires_at: isoOrNull(row.expires_at),
})

export const apiKeyView = (row: KeyRow, now: number): z.infer<typeof ApiKey> => ({
  ...keyView(row),
  last_used_at: isoOrNull(row.last_used_at),
  is_active: isGood(row, now),
})

export const list_api_keys = operation({
  scope: 'admin',
  title: 'List API keys',
  description:
    'Lists the API keys of the account, newest first: what each is for, what it may do, when it was last used. The keys themselves are not kept and cannot be shown. ' +
    'A key that is bound to mailboxes sees those that reach no further.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: {} }],
  rest: ['GET /list_api_keys', 'GET /v1/api-keys'],
})
  .input(z.strictObject({}))
  .output(z.strictObject({ api_keys: z.array(ApiKey) }))
  .query(({ ctx }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const now = ctx.rooms.clock.now()
      const rows = (await keysFor(tx, ctx.actor)).toReversed().slice(0, mostListed)
      const view = {
        api_keys: rows.map((row) => apiKeyView(row, now)),
      }
      const resource = { resourceType: 'account', resourceId: ctx.actor.accountId }
      await recordRead(tx, ctx, { action: 'keys.listed', ...resource, view, metadata: { count: rows.length } })
      return view
    }),
  )

export const create_api_key = operation({
  scope: 'admin',
  title: 'Create an API key',
  description:
    'Makes an API key in the world of this one and answers with it, once: it is not kept and cannot be shown again. The operator has to agree: the first answer is "pending_approval"; ' +
    'ask the operator for the code that was mailed to them and make exactly the same call with approval_code.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  twoStep: true,
  secretOutput: true,
  examples: [{ input: { name: 'support agent', scopes: ['read', 'send'] } }],
  rest: ['POST /create_api_key', 'POST /v1/api-keys'],
})
  .input(
    z.strictObject({
      name: KeyName,
      scopes: Scopes.default(['read']),
      mailbox_ids: z
        .array(MailboxRef)
        .min(1)
        .max(mostMailboxes)
        .exactOptional()
        .describe('The only mailboxes it may use, by id or address'),
      expires_at: Instant.exactOptional().describe('When it stops to work; left out: when this key does, or never'),
      approval_code: ApprovalCode,
    }),
  )
  .output(orPending('created', { ...keyShape, api_key: z.string().describe('The key itself. Shown this once.') }))
  .mutation(async ({ ctx, input: { approval_code, ...input } }) => {
    const { actor, rooms } = ctx
    const asked = {
      name: input.name,
      scopes: ordered(input.scopes),
      mailboxIds: input.mailbox_ids === undefined ? null : await mailboxIdsFor(rooms.store.db, actor, input.mailbox_ids),
      expiresAt: input.expires_at ?? null,
    }
    if (asked.expiresAt !== null && asked.expiresAt <= rooms.clock.now())
      throw new OperationError('BAD_INPUT', 'expires_at: must be in the future')
    const wanted = await narrowed(rooms.store.db, ctx, asked)
    const parameters = {
      name: wanted.name,
      scopes: wanted.scopes,
      mailbox_ids: wanted.mailboxIds,
      expires_at: isoOrNull(wanted.expiresAt),
    }
    const action = wanted.scopes.includes('oversight') ? 'create_oversight_key' : 'create_api_key'
    return twoStep(ctx, { action, parameters, approvalCode: approval_code }, async (tx) => {
      const { key, row } = await makeKey(tx, actor, await narrowed(tx, ctx, wanted), rooms.clock.now())
      return { status: 'created' as const, ...keyView(row), api_key: key }
    })
  })

/** In one order and each once. What the caller does not reach is not found. */
async function mailboxIdsFor(db: Db, actor: KeyActor, refs: readonly string[]) {
  const ids = []
  for (const ref of refs) {
    const mailbox = await mailboxOf(db, actor, ref)
    if (mailbox.deleted_at !== null) throw new OperationError('MAILBOX_NOT_FOUND')
    ids.push(mailbox.id)
  }
  return [...new Set(ids)].toSorted()
}

async function narrowed(db: Db, { actor, rooms }: Call, asked: Wanted): Promise<Wanted> {
  const result = await narrow(db, actor, asked, rooms.clock.now())
  if (result.ok) return result.value
  if (result.code === 'BEYOND_EXPIRY') throw new OperationError('BAD_INPUT', 'expires_at: no key outlives the one that made it')
  throw new OperationError(result.code, result.detail)
}

async function workingKey(db: Db, { actor, rooms }: Call, id: string): Promise<KeyRow> {
  const row = isId('key', id) ? await keyFor(db, actor, id) : null
  if (row === null || !isGood(row, rooms.clock.now())) throw new OperationError('KEY_NOT_FOUND')
  return row
}

export const update_api_key = operation({
  scope: 'admin',
  title: 'Change an API key',
  description:
    'Changes the name or the scopes of an API key; its secret stays. Less may be done at once. For a scope that it lacks, and for whatever gives or takes oversight or renames a key ' +
    'that has it, the operator has to agree: the answer is "pending_approval" first, and the same call with approval_code does it.',
  readOnly: false,
  destructive: false,
  idempotent: true,
  twoStep: true,
  examples: [{ input: { key_id: '{key_id}', name: 'reader of the archive' } }],
  rest: ['POST /update_api_key', 'PATCH /v1/api-keys/{key_id}'],
})
  .input(z.strictObject({ key_id: KeyRef, name: KeyName.exactOptional(), scopes: Scopes.exactOptional(), approval_code: ApprovalCode }))
  .output(orPending('updated', keyShape))
  .mutation(async ({ ctx, input: { key_id, name, scopes: asked, approval_code } }) => {
    const { rooms, actor } = ctx
    if (name === undefined && asked === undefined) throw new OperationError('BAD_INPUT', 'Say name, scopes or both')
    const row = await workingKey(rooms.store.db, ctx, key_id)
    const scopes = asked && ordered(asked)
    const why = scopes === undefined ? null : whyForbidden(row.world, scopes)
    if (why !== null) throw new OperationError('FORBIDDEN_SCOPES', why)
    if (await outlives(rooms.store.db, actor, row)) throw tooLong()
    const update = async (tx: Tx) => {
      const updated = await updateKey(tx, actor, await sameKey(tx, ctx, row), { name, scopes }, rooms.clock.now())
      if (!updated.ok) throw tooLong()
      return { status: 'updated' as const, ...keyView(updated.value) }
    }
    const action = actionToUpdate(row, { name, scopes })
    if (action !== null) {
      const parameters = { ...asItIs(row), new_name: name ?? row.name, new_scopes: scopes ?? scopesOf(row) }
      return twoStep(ctx, { action, parameters, approvalCode: approval_code }, update)
    }
    return rooms.store.transaction(async (tx) => {
      await lockAccount(tx, actor.accountId)
      return update(tx)
    })
  })

const decides = (row: KeyRow): boolean => scopesOf(row).includes('oversight')

/** What the operator is asked, if this makes a key more powerful, or one that decides on mail another or none. */
function actionToUpdate(row: KeyRow, asked: { name: string | undefined; scopes: readonly Scope[] | undefined }): AdminAction | null {
  const { name = row.name, scopes = scopesOf(row) } = asked
  const isMore = scopes.some((scope) => !scopesOf(row).includes(scope))
  if (decides(row)) return isMore || name !== row.name || !scopes.includes('oversight') ? 'change_oversight_key' : null
  if (scopes.includes('oversight')) return 'add_oversight_scope'
  return isMore ? 'add_scopes' : null
}

/** By what an operator knows a key when they are asked about it. With the prefix, so that the code is good for the secret that was there then. */
const asItIs = (row: KeyRow) => ({
  key_id: row.id,
  name: row.name,
  prefix: row.prefix,
  scopes: scopesOf(row),
  mailbox_ids: mailboxIdsOf(row),
})

/** The key inside the transaction that changes it, if it still is what the operator was asked about. */
async function sameKey(tx: Tx, ctx: Call, row: KeyRow): Promise<KeyRow> {
  const current = await workingKey(tx, ctx, row.id)
  if (JSON.stringify(asItIs(current)) !== JSON.stringify(asItIs(row))) throw new OperationError('KEY_NOT_FOUND')
  return current
}

const tooLong = () => new OperationError('BAD_INPUT', 'key_id: this key works longer than the one that asks')

export const revoke_api_key = operation({
  scope: 'admin',
  title: 'Revoke an API key',
  description:
    'Makes an API key worthless at once and for good; a key may revoke itself. The operator has to agree: the first answer is "pending_approval", and the same call with approval_code does it.',
  readOnly: false,
  destructive: true,
  idempotent: true,
  twoStep: true,
  examples: [{ input: { key_id: '{key_id}' } }],
  rest: ['POST /revoke_api_key', 'DELETE /v1/api-keys/{key_id}'],
})
  .input(z.strictObject({ key_id: KeyRef, approval_code: ApprovalCode }))
  .output(orPending('revoked', { id: z.string() }))
  .mutation(async ({ ctx, input: { key_id, approval_code } }) => {
    const { rooms, actor } = ctx
    const row = isId('key', key_id) ? await keyFor(rooms.store.db, actor, key_id) : null
    if (row === null) throw new OperationError('KEY_NOT_FOUND')
    const revoked = { status: 'revoked' as const, id: row.id }
    if (row.revoked_at !== null) return revoked
    const action = decides(row) ? 'revoke_oversight_key' : 'revoke_api_key'
    return twoStep(ctx, { action, parameters: asItIs(row), approvalCode: approval_code }, async (tx) => {
      await revoke(tx, row.id, actor, rooms.clock.now())
      return revoked
    })
  })

export const rotate_api_key = operation({
  scope: 'admin',
  title: 'Replace the secret of an API key',
  description:
    'Gives an API key a new secret and answers with it, once. Id, name and scopes stay, and the secret it had works beside the new one for overlap_hours. ' +
    'The operator has to agree: the first answer is "pending_approval", and the same call with approval_code does it.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  twoStep: true,
  secretOutput: true,
  examples: [{ input: { key_id: '{key_id}' } }],
  rest: ['POST /rotate_api_key', 'POST /v1/api-keys/{key_id}/rotate'],
})
  .input(
    z.strictObject({
      key_id: KeyRef,
      overlap_hours: z
        .int()
        .min(0)
        .max(longestOverlapHours)
        .default(24)
        .describe('How long both secrets work; 0: the old one ends at once'),
      approval_code: ApprovalCode,
    }),
  )
  .output(
    orPending('rotated', {
      ...keyShape,
      api_key: z.string().describe('The key itself. Shown this once.'),
      old_works_until: z.string().describe('ISO 8601, UTC'),
    }),
  )
  .mutation(async ({ ctx, input: { key_id, overlap_hours, approval_code } }) => {
    const { rooms, actor } = ctx
    const row = await workingKey(rooms.store.db, ctx, key_id)
    if (await outlives(rooms.store.db, actor, row)) throw tooLong()
    const action = decides(row) ? 'rotate_oversight_key' : 'rotate_api_key'
    return twoStep(ctx, { action, parameters: { ...asItIs(row), overlap_hours }, approvalCode: approval_code }, async (tx) => {
      const now = rooms.clock.now()
      const until = now + overlap_hours * hourMs
      const replaced = await replaceSecret(tx, actor, await sameKey(tx, ctx, row), until, now)
      if (!replaced.ok) throw tooLong()
      const { key, row: rotated } = replaced.value
      return { status: 'rotated' as const, ...keyView(rotated), api_key: key, old_works_until: isoTime(until) }
    })
  })
