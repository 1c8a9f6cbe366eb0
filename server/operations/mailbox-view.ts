import { z } from 'zod'
import type { KeyActor } from '../model/actor.ts'
import { gateTimings, oversightModes } from '../model/email.ts'
import { enforcementTiers, isSendingDisabled } from '../model/standing.ts'
import type { Row } from '../store/schema.ts'
import type { StandingRow } from '../store/standings.ts'
import { isoTime } from './views.ts'

/** A mailbox as every operation shows it. */
export const Mailbox = z.strictObject({
  id: z.string(),
  account_id: z.string(),
  address: z.string(),
  display_name: z.string().nullable(),
  oversight_mode: z
    .enum(oversightModes)
    .describe(
      'read_only: no sending. gated_all, gated_send: a person approves what is sent. gated_new: a person approves what goes to somebody new; the rest is sent at once. monitored, autonomous: sent at once.',
    ),
  is_active: z.boolean(),
  enforcement_tier: z
    .enum(enforcementTiers)
    .nullable()
    .describe('How far its bounces and complaints have gone; null: it stands well. From restriction on a person approves what is sent.'),
  sending_disabled: z.boolean().describe('True: it takes no new mail to send, from suspension on'),
  sending_disabled_reason: z.string().nullable(),
  default_gate_timing: z
    .enum(gateTimings)
    .describe('Whether a person is asked about mail to be sent later at once (gate_first) or at its time, where the call does not say'),
  scheduling_enabled: z.boolean().describe('False: send_at is refused'),
  undo_window_seconds: z.int().describe('How long an approved email waits, so that a reviewer can take the approval back'),
  auto_cc: z.string().nullable().describe('Gets a copy of all that is sent, and everybody sees it'),
  auto_bcc: z.string().nullable().describe('Gets a copy of all that is sent, unseen by its recipients'),
  webhook_url: z
    .string()
    .nullable()
    .describe('Is told of its messages; to a key without admin only the host, since the rest may be a secret'),
  oversight_webhook_url: z.string().nullable().describe('Is told of what waits for its reviewers; shown as webhook_url is'),
  signature_block: z.string().nullable().describe('Who writes, at the end of each email; null: the name of the account'),
  ai_disclosure: z.literal(true).describe('Each email says that an AI agent sent it; this cannot be switched off'),
  forward_inbound: z.literal(false).describe('Arriving mail is not forwarded'),
  mcp_configured: z.boolean().describe('An MCP client has asked its operator how the mailbox is to be set up'),
  created_at: z.string().describe('ISO 8601, UTC'),
})

export const mailboxView = (
  row: Row<'mailboxes'>,
  standing: StandingRow | undefined,
  { scopes }: Pick<KeyActor, 'scopes'>,
): z.infer<typeof Mailbox> => ({
  id: row.id,
  account_id: row.account_id,
  address: row.address,
  display_name: row.display_name,
  oversight_mode: row.oversight_mode,
  is_active: row.is_active === 1,
  enforcement_tier: standing?.tier ?? null,
  sending_disabled: isDisabled(standing),
  sending_disabled_reason: isDisabled(standing) ? (standing?.reason ?? null) : null,
  default_gate_timing: row.default_gate_timing,
  scheduling_enabled: row.scheduling_enabled === 1,
  undo_window_seconds: row.undo_seconds,
  auto_cc: row.auto_cc,
  auto_bcc: row.auto_bcc,
  webhook_url: shownUrl(row.webhook_url, scopes),
  oversight_webhook_url: shownUrl(row.oversight_webhook_url, scopes),
  signature_block: row.signature_block,
  ai_disclosure: true,
  forward_inbound: false,
  mcp_configured: row.mcp_configured === 1,
  created_at: isoTime(row.created_at),
})

const isDisabled = (standing: StandingRow | undefined): boolean => standing !== undefined && isSendingDisabled(standing.tier)

/** Who has a url of this kind can often post there, so an agent gets to know that there is one, and where. */
const shownUrl = (url: string | null, scopes: KeyActor['scopes']): string | null =>
  url === null || scopes.includes('admin') ? url : `${new URL(url).origin}/…`
