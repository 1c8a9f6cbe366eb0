import { z } from 'zod'
import type { WebhookDeliveryRow } from '../store/webhook-deliveries.ts'
import type { WebhookRow } from '../store/webhooks.ts'
import { fromOutside, isoOrNull, isoTime } from './views.ts'

/** Webhooks and what became of telling them, as callers see them. */

export const Webhook = z.strictObject({
  id: z.string(),
  url: z.string(),
  events: z.array(z.string()),
  kind: z
    .enum(['subscription', 'mailbox', 'oversight'])
    .describe('mailbox, oversight: it stands behind webhook_url or oversight_webhook_url of its mailbox'),
  mailbox_id: z.string().nullable().describe('Only events of this mailbox; null: of the whole account'),
  status: z.enum(['active', 'disabled']),
  is_active: z.boolean(),
  disabled_reason: z
    .enum(['asked', 'gone', 'failing'])
    .nullable()
    .describe('asked: by update_webhook. gone: it answered 410. failing: nothing was taken for days'),
  failing_since: z.string().nullable().describe('Since when nothing was taken; null: the last event was'),
  public_key: z
    .string()
    .describe(
      'whpk_ and an Ed25519 key: proves the v1a signatures in the webhook-signature header without a shared secret (Standard Webhooks)',
    ),
  created_at: z.string().describe('ISO 8601, UTC'),
})

/** @param publicKey of its signing key */
export const webhookView = (row: WebhookRow, publicKey: string): z.infer<typeof Webhook> => ({
  id: row.id,
  url: row.url,
  events: JSON.parse(row.events_json) as string[],
  kind: row.kind,
  mailbox_id: row.mailbox_id,
  status: row.is_enabled === 1 ? 'active' : 'disabled',
  is_active: row.is_enabled === 1,
  disabled_reason: row.disabled_reason,
  failing_since: isoOrNull(row.failing_since),
  public_key: publicKey,
  created_at: isoTime(row.created_at),
})

export const SecretWebhook = Webhook.extend({
  signing_secret: z.string().describe('The key of the HMAC signatures. Keep it where only the receiver can read it.'),
  previous_secret_until: z.string().nullable().describe('Until when the secret before this one signs as well'),
})

export const secretWebhookView = (row: WebhookRow, publicKey: string, now: number): z.infer<typeof SecretWebhook> => ({
  ...webhookView(row, publicKey),
  signing_secret: row.secret,
  previous_secret_until: row.previous_until !== null && row.previous_until > now ? isoTime(row.previous_until) : null,
})

export const WebhookDelivery = z.strictObject({
  id: z.string().describe('Also in the header X-MultiMail-Delivery'),
  webhook_id: z.string(),
  event_id: z.string().describe('Also "id" of what is brought, and the header webhook-id: the same however often it comes'),
  event_type: z.string(),
  url: z.string(),
  status: z.enum(['pending', 'delivered', 'failed']),
  attempts: z.int(),
  response_status: z.int().nullable().describe('Of the last attempt; null: there was no answer'),
  response_text: z.string().nullable().meta(fromOutside).describe('The beginning of what they answered'),
  trouble: z.string().nullable().describe('Why there was no answer'),
  simulated: z.boolean().describe('In the test world nobody is asked, unless the operator allows it'),
  replay_of: z.string().nullable().describe('The delivery that was asked for again'),
  created_at: z.string(),
  last_attempt_at: z.string().nullable(),
  settled_at: z.string().nullable(),
})

export const webhookDeliveryView = (row: WebhookDeliveryRow): z.infer<typeof WebhookDelivery> => ({
  id: row.id,
  webhook_id: row.webhook_id,
  event_id: row.event_id,
  event_type: row.event_type,
  url: row.url,
  status: row.state,
  attempts: row.attempts,
  response_status: row.response_status,
  response_text: row.response_text,
  trouble: row.trouble,
  simulated: row.is_simulated === 1,
  replay_of: row.replay_of,
  created_at: isoTime(row.created_at),
  last_attempt_at: isoOrNull(row.last_attempt_at),
  settled_at: isoOrNull(row.settled_at),
})
