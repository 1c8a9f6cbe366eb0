import { z } from 'zod'
import { oversightModes } from '../model/email.ts'
import { appendLogs } from '../store/log.ts'
import { OperationError, unwrap } from './errors.ts'
import { DisplayName, everySetting } from './mailbox-settings.ts'
import { readUrls, setUrls } from './mailbox-urls.ts'
import { Mailbox, mailboxView } from './mailbox-view.ts'
import { operation } from './procedure.ts'
import { ApprovalCode, orPending, twoStep } from './two-step.ts'

const longestAddress = 254

export const create_mailbox = operation({
  scope: 'admin',
  title: 'Create a mailbox',
  description:
    'Makes a mailbox at a domain of the account, in the world of this key. It is gated_send: a person approves what is sent; gated_all and read_only can be asked for, ' +
    'and more autonomy only later, with request_upgrade. The operator has to agree: the first answer is "pending_approval"; make exactly the same call with the approval_code that they got by mail.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  twoStep: true,
  examples: [{ input: { address_local: 'sales', display_name: 'Sales' } }],
  rest: ['POST /create_mailbox', 'POST /v1/mailboxes'],
})
  .input(
    z.strictObject({
      address_local: z
        .string()
        .trim()
        .min(1)
        .max(longestAddress)
        .describe('What stands before the @, such as sales; or the whole address, which an account with several domains needs'),
      display_name: DisplayName.exactOptional(),
      oversight_mode: z
        .enum(oversightModes)
        .exactOptional()
        .describe('Taken when it is as strict as gated_send or stricter; otherwise the mailbox is gated_send'),
      webhook_url: everySetting.webhook_url,
      oversight_webhook_url: everySetting.oversight_webhook_url,
      ai_disclosure: everySetting.ai_disclosure,
      approval_code: ApprovalCode,
    }),
  )
  .output(orPending('created', Mailbox.shape))
  .mutation(async ({ ctx, input }) => {
    const { actor, rooms } = ctx
    if (actor.mailboxIds !== null) throw new OperationError('KEY_BOUND')
    const name = input.display_name
    const wanted = {
      address: input.address_local,
      displayName: name === undefined || name === '' ? null : name,
      mode: input.oversight_mode,
    }
    const { address, mode } = unwrap(await rooms.store.transaction((tx) => rooms.mailboxes.check(tx, actor, wanted)))
    const { webhook_url, oversight_webhook_url } = input
    const urls = readUrls(rooms.webhooks, {
      ...(webhook_url && { webhook_url }),
      ...(oversight_webhook_url && { oversight_webhook_url }),
    })
    const parameters = { address, display_name: wanted.displayName, oversight_mode: mode, ...urls }
    return twoStep(ctx, { action: 'create_mailbox', parameters, approvalCode: input.approval_code }, async (tx) => {
      const made = unwrap(await rooms.mailboxes.create(tx, actor, wanted))
      const { mailbox, entries } = await setUrls(tx, rooms, { mailbox: made.mailbox, urls, actor })
      await appendLogs(tx, [...made.entries, ...entries])
      return { status: 'created' as const, ...mailboxView(mailbox, undefined, actor) }
    })
  })
