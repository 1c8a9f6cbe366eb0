/** The fields by which a mailbox is set up, as update_mailbox and configure_mailbox take them. */
import { z } from 'zod'
import type { MailboxUrls } from '../events/webhooks.ts'
import type { SettingsChange } from '../identity/mailbox-settings.ts'
import { gateTimings, oversightModes } from '../model/email.ts'
import { AddressText } from './input.ts'

const longestName = 200
const longestSignature = 200
const longestUrl = 2048

/** What people read as one line: no control character, and none that hides or turns round what stands beside it. */
const oneLine = (longest: number) =>
  z
    .string()
    .trim()
    .max(longest)
    .refine((text) => text.isWellFormed() && !/[\p{C}\p{Zl}\p{Zp}]/u.test(text), 'must be one line of visible characters')

export const DisplayName = oneLine(longestName).nullable().describe('The name its mail is sent under; null: none')

/** An address that every host can carry, as those of recipients have to be (outbound/content.ts). */
const CopyAddress = AddressText.refine(
  (address) => /^[!-~]+$/.test(address) && !address.startsWith('"'),
  'must be plain US-ASCII without quotes',
)

/** Where it may lead is asked of events/webhooks.ts. */
const WebhookUrl = z.string().trim().max(longestUrl).nullable()

export const everySetting = {
  auto_cc: CopyAddress.nullable()
    .exactOptional()
    .describe('Gets a copy of all that is sent, and everybody sees it; null: nobody. The operator has to agree.'),
  auto_bcc: CopyAddress.nullable()
    .exactOptional()
    .describe('Gets a copy of all that is sent, unseen by its recipients; null: nobody. The operator has to agree.'),

  webhook_url: WebhookUrl.exactOptional().describe('Is told of its messages; null: nothing is. The operator has to agree.'),
  oversight_webhook_url: WebhookUrl.exactOptional().describe(
    'Is told of what waits for its reviewers; null: nothing is. The operator has to agree.',
  ),
  display_name: DisplayName.exactOptional(),
  oversight_mode: z
    .enum(oversightModes)
    .exactOptional()
    .describe('Towards more human control only, at once. For more autonomy use request_upgrade.'),
  signature_block: oneLine(longestSignature)
    .nullable()
    .exactOptional()
    .describe('Who writes, as plain text at the end of each email; null: the name of the account'),
  undo_window_seconds: z
    .int()
    .min(0)
    .max(300)
    .exactOptional()
    .describe('How long an approved email waits before it leaves, so that a reviewer can take the approval back; 0: not at all'),
  ai_disclosure: z
    .boolean()
    .refine((on) => on, 'cannot be switched off: each email says that an AI agent sent it')
    .exactOptional(),
  forward_inbound: z
    .boolean()
    .refine((on) => !on, 'this server does not forward arriving mail; subscribe to its events, or read it with check_inbox')
    .exactOptional(),
}

export const agentSettings = {
  default_gate_timing: z
    .enum(gateTimings)
    .exactOptional()
    .describe('When a person is asked about mail that is to be sent later, where send_email has no gate_timing'),
  scheduling_enabled: z.boolean().exactOptional().describe('False: send_email refuses send_at'),
  mcp_configured: z.boolean().exactOptional().describe('True once the operator has been asked how the mailbox is to be set up'),
}

const Settings = z.strictObject({ ...everySetting, ...agentSettings })

// An empty text is as good as none.
const orNull = (text: string | null): string | null => (text === '' ? null : text)

/** What is left out stays as it is. */
export type MailboxChange = SettingsChange & MailboxUrls

export const changeOf = ({
  ai_disclosure: _always,
  forward_inbound: _never,
  scheduling_enabled,
  mcp_configured,
  undo_window_seconds,
  display_name,
  signature_block,
  webhook_url,
  oversight_webhook_url,
  ...as
}: z.output<typeof Settings>): MailboxChange => ({
  ...as,
  ...(display_name !== undefined && { display_name: orNull(display_name) }),
  ...(signature_block !== undefined && { signature_block: orNull(signature_block) }),
  ...(webhook_url !== undefined && { webhook_url: orNull(webhook_url) }),
  ...(oversight_webhook_url !== undefined && { oversight_webhook_url: orNull(oversight_webhook_url) }),
  ...(scheduling_enabled !== undefined && { scheduling_enabled: Number(scheduling_enabled) }),
  ...(undo_window_seconds !== undefined && { undo_seconds: undo_window_seconds }),
  ...(mcp_configured !== undefined && { mcp_configured: Number(mcp_configured) }),
})
