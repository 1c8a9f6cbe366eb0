import { z } from 'zod'
import type { KeyActor } from '../model/actor.ts'
import { sha256 } from '../model/canonical.ts'
import { type MailboxId, isId } from '../model/ids.ts'
import { lockAccount } from '../store/accounts.ts'
import type { Db, Tx } from '../store/db.ts'
import type { Facts } from '../store/facts.ts'
import { type WebhookRow, findWebhook, listWebhooks } from '../store/webhooks.ts'
import { mailboxOf } from './access.ts'
import { OperationError, unwrap } from './errors.ts'
import { EventNames } from './event-names.ts'
import { Limit, MailboxRef, WebhookCursor, WebhookRef, cursorAt } from './input.ts'
import { operation } from './procedure.ts'
import { recordRead } from './record.ts'
import { ApprovalCode, orPending, twoStep } from './two-step.ts'
import { SecretWebhook, Webhook, WebhookDelivery, secretWebhookView, webhookDeliveryView, webhookView } from './webhook-views.ts'

const defaultLimit = 100
const longestUrl = 2048
const { status: _, ...webhookShape } = Webhook.shape
const { status: __, ...subscribedShape } = SecretWebhook.shape

/** Webhooks are the account's, of the world that the key is for. */
export function ofAccount(actor: KeyActor): KeyActor {
  if (actor.mailboxIds !== null) throw new OperationError('KEY_BOUND')
  return actor
}

export async function webhookOf(db: Db, actor: KeyActor, id: string): Promise<WebhookRow> {
  const row = isId('webhook', id) ? await findWebhook(db, ofAccount(actor), id) : undefined
  if (row === undefined) throw new OperationError('WEBHOOK_NOT_FOUND')
  return row
}

/** 16 at least, or it could be guessed from one signature. */
const Secret = z
  .string()
  .min(16)
  .max(128)
  .regex(/^[!-~]+$/, 'must be printable US-ASCII without spaces')
  .describe('A secret of your own, 16 to 128 characters, instead of one that is made for you')

export const list_webhooks = operation({
  scope: 'admin',
  title: 'List webhooks',
  description:
    'Lists who is told of events over HTTPS, newest first, without their secrets; get_webhook shows one with its secret. ' +
    'Those of kind mailbox and oversight stand behind a url of a mailbox.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: {} }],
  rest: ['GET /list_webhooks', 'GET /v1/webhooks'],
})
  .input(z.strictObject({ limit: Limit.default(defaultLimit), cursor: WebhookCursor.exactOptional() }))
  .output(z.strictObject({ webhooks: z.array(Webhook), cursor: z.string().nullable() }))
  .query(({ ctx, input: { limit, cursor } }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const actor = ofAccount(ctx.actor)
      const rows = await listWebhooks(tx, actor, { limit: limit + 1, ...(cursor !== undefined && { before: cursor }) })
      const page = rows.slice(0, limit)
      const view = {
        webhooks: page.map((row) => webhookView(row, ctx.rooms.webhooks.publicKeyOf(row))),
        cursor: rows.length > page.length ? cursorAt(page.at(-1)?.id ?? '') : null,
      }
      const metadata = { count: page.length }
      await recordRead(tx, ctx, { action: 'webhooks.listed', resourceType: 'account', resourceId: actor.accountId, view, metadata })
      return view
    }),
  )

export const get_webhook = operation({
  scope: 'admin',
  title: 'Show a webhook with its secret',
  description: 'Shows one webhook with the secret that signs what is brought there, so that a receiver can be set up.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: { webhook_id: '{webhook_id}' } }],
  rest: ['GET /get_webhook', 'GET /v1/webhooks/{webhook_id}'],
})
  .input(z.strictObject({ webhook_id: WebhookRef }))
  .output(SecretWebhook)
  .query(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const row = await webhookOf(tx, ctx.actor, input.webhook_id)
      const publicKey = ctx.rooms.webhooks.publicKeyOf(row)
      const view = webhookView(row, publicKey)
      await recordRead(tx, ctx, { action: 'webhook.read', resourceType: 'webhook', resourceId: row.id, view })
      return secretWebhookView(row, publicKey, ctx.rooms.clock.now())
    }),
  )

const Url = z.string().min(1).max(longestUrl).describe('An https:// address on the public internet, on port 443 or 1024 and above')
/** The operator is shown by mail what they agree to, so not the secret itself. */
const hashOf = (secret: string | undefined): Facts => (secret === undefined ? {} : { secret_sha256: sha256(secret) })

export const create_webhook = operation({
  scope: 'admin',
  title: 'Create a webhook',
  description:
    'Subscribes an https:// address to events of the account, or of one mailbox, and answers with the secret that signs what is brought there. The operator has to agree: the first answer is ' +
    '"pending_approval"; ask the operator for the code that was mailed to them and make exactly the same call with approval_code.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  twoStep: true,
  secretOutput: true,
  examples: [{ input: { url: 'https://hooks.example.com/multimail', events: ['message.received', 'oversight.*'] } }],
  rest: ['POST /create_webhook', 'POST /v1/webhooks'],
})
  .input(
    z.strictObject({
      url: Url,
      events: EventNames,
      mailbox_id: MailboxRef.exactOptional().describe('Only events of this mailbox, by id or address; left out: of the whole account'),
      secret: Secret.exactOptional(),
      approval_code: ApprovalCode,
    }),
  )
  .output(orPending('active', subscribedShape))
  .mutation(async ({ ctx, input: { url, events, mailbox_id, secret, approval_code } }) => {
    const { actor, rooms } = ctx
    const place = unwrap(await rooms.webhooks.checkNew(rooms.store.db, ofAccount(actor), url))
    const mailboxId = mailbox_id === undefined ? null : await livingMailbox(rooms.store.db, actor, mailbox_id)
    const parameters = { url: place.url, events, mailbox_id: mailboxId, ...hashOf(secret) }
    return twoStep(ctx, { action: 'create_webhook', parameters, approvalCode: approval_code }, async (tx) => {
      if (mailboxId !== null) await livingMailbox(tx, actor, mailboxId)
      const wanted = { url: place.url, events, mailboxId, ...(secret !== undefined && { secret }) }
      const row = unwrap(await rooms.webhooks.create(tx, actor, wanted))
      return { ...secretWebhookView(row, rooms.webhooks.publicKeyOf(row), rooms.clock.now()), status: 'active' as const }
    })
  })

async function livingMailbox(db: Db, actor: KeyActor, ref: string): Promise<MailboxId> {
  const mailbox = await mailboxOf(db, actor, ref)
  if (mailbox.deleted_at !== null) throw new OperationError('MAILBOX_NOT_FOUND')
  return mailbox.id
}

export const update_webhook = operation({
  scope: 'admin',
  title: 'Change a webhook',
  description:
    'Changes which events a webhook is told of, or switches it off and on. What waits when it is switched off is not brought any more: replay_webhook_events does so later. ' +
    'To another url, or to events that it was not told of, the operator has to agree: the answer is "pending_approval" first, and the same call with approval_code does all of it.',
  readOnly: false,
  destructive: false,
  idempotent: true,
  twoStep: true,
  examples: [{ input: { webhook_id: '{webhook_id}', events: ['message.received', 'oversight.*'] } }],
  rest: ['POST /update_webhook', 'PATCH /v1/webhooks/{webhook_id}'],
})
  .input(
    z.strictObject({
      webhook_id: WebhookRef,
      url: Url.exactOptional(),
      events: EventNames.exactOptional(),
      enabled: z.boolean().exactOptional(),
      approval_code: ApprovalCode,
    }),
  )
  .output(orPending(Webhook.shape.status.options, webhookShape))
  .mutation(async ({ ctx, input: { webhook_id, url, events, enabled, approval_code } }) => {
    const { actor, rooms } = ctx
    const row = await webhookOf(rooms.store.db, actor, webhook_id)
    if (events !== undefined && row.kind !== 'subscription')
      throw new OperationError('BAD_INPUT', undefined, [{ path: 'events', message: 'are fixed for the webhook of a mailbox' }])
    const place = url === undefined ? null : unwrap(rooms.webhooks.checkUrl(url))
    /** What the operator has to agree to, as the webhook is; null: nothing. */
    const asked = (webhook: WebhookRow): 'move_webhook' | 'widen_webhook' | null => {
      if (place !== null && place.url !== webhook.url) return 'move_webhook'
      return events !== undefined && rooms.webhooks.widens(webhook, events) ? 'widen_webhook' : null
    }
    /** Null: the operator has to agree, for somebody else has changed it meanwhile. */
    const change = async (tx: Tx, isAgreed: boolean) => {
      await lockAccount(tx, actor.accountId)
      const current = await webhookOf(tx, actor, webhook_id)
      if (!isAgreed && asked(current) !== null) return null
      const moves = place !== null && place.url !== current.url
      const edit = { ...(moves && { url: place.url }), ...(events !== undefined && { events }), ...(enabled !== undefined && { enabled }) }
      const changed = unwrap(await rooms.webhooks.edit(tx, actor, current, edit))
      return webhookView(changed, rooms.webhooks.publicKeyOf(changed))
    }
    const changed = asked(row) === null ? await rooms.store.transaction((tx) => change(tx, false)) : null
    if (changed !== null) return changed
    const seen = await webhookOf(rooms.store.db, actor, webhook_id)
    // With where it goes now, so that the code is good for what it was asked for.
    const parameters = {
      webhook_id: seen.id,
      from: seen.url,
      url: place?.url ?? seen.url,
      events: events ?? null,
      enabled: enabled ?? null,
    }
    return twoStep(ctx, { action: asked(seen) ?? 'widen_webhook', parameters, approvalCode: approval_code }, async (tx) => {
      const done = await change(tx, true)
      if (done === null) throw new Error('it was agreed to')
      return done
    })
  })

export const delete_webhook = operation({
  scope: 'admin',
  title: 'Delete a webhook',
  description: 'Tells it of nothing any more, what waits included. For the webhook of a mailbox this clears the url that the mailbox has.',
  readOnly: false,
  destructive: true,
  idempotent: false,
  examples: [{ input: { webhook_id: '{webhook_id}' } }],
  rest: ['POST /delete_webhook', 'DELETE /v1/webhooks/{webhook_id}'],
})
  .input(z.strictObject({ webhook_id: WebhookRef }))
  .output(z.strictObject({ status: z.literal('deleted'), id: z.string() }))
  .mutation(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const row = await webhookOf(tx, ctx.actor, input.webhook_id)
      await ctx.rooms.webhooks.remove(tx, ctx.actor, row)
      return { status: 'deleted' as const, id: row.id }
    }),
  )

export const rotate_webhook_secret = operation({
  scope: 'admin',
  title: 'Replace the secret of a webhook',
  description:
    'Makes a new secret, which signs from now on; the one before signs as well for 24 hours, so that a receiver can be changed without missing anything. ' +
    'A secret that was replaced before then signs no more.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  secretOutput: true,
  examples: [{ input: { webhook_id: '{webhook_id}' } }],
  rest: ['POST /rotate_webhook_secret', 'POST /v1/webhooks/{webhook_id}/rotate-secret'],
})
  .input(z.strictObject({ webhook_id: WebhookRef, secret: Secret.exactOptional() }))
  .output(SecretWebhook)
  .mutation(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const row = await webhookOf(tx, ctx.actor, input.webhook_id)
      const changed = await ctx.rooms.webhooks.rotateSecret(tx, ctx.actor, row, input.secret)
      return secretWebhookView(changed, ctx.rooms.webhooks.publicKeyOf(changed), ctx.rooms.clock.now())
    }),
  )

export const test_webhook = operation({
  scope: 'admin',
  title: 'Try a webhook',
  description:
    'Brings the event webhook.test to this webhook, behind what waits for it already. list_webhook_deliveries shows within seconds what it answered.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  examples: [{ input: { webhook_id: '{webhook_id}' } }],
  rest: ['POST /test_webhook', 'POST /v1/webhooks/{webhook_id}/test'],
})
  .input(z.strictObject({ webhook_id: WebhookRef }))
  .output(WebhookDelivery)
  .mutation(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const row = await webhookOf(tx, ctx.actor, input.webhook_id)
      return webhookDeliveryView(await ctx.rooms.webhooks.test(tx, ctx.actor, row))
    }),
  )
