import { z } from 'zod'
import type { Decider } from '../model/actor.ts'
import { oversightModes } from '../model/email.ts'
import type { MailboxId } from '../model/ids.ts'
import { emailOf, mailboxOf } from './access.ts'
import { unwrap } from './errors.ts'
import { EmailRef, MailboxRef } from './input.ts'
import { type Viewing, operation } from './procedure.ts'

const longestReason = 500

export const Pause = z
  .strictObject({
    email_id: EmailRef.exactOptional().describe('An email of the mailbox, such as one of list_pending'),
    mailbox_id: MailboxRef.exactOptional().describe('Or the mailbox itself, by id or address'),
    reason: z.string().max(longestReason).exactOptional().describe('For the log'),
  })
  .refine(({ email_id, mailbox_id }) => (email_id === undefined) !== (mailbox_id === undefined), {
    path: ['email_id'],
    message: 'name one of email_id and mailbox_id',
  })

const Paused = z.strictObject({
  status: z.enum(['paused', 'unchanged']).describe('unchanged: it was so already'),
  mailbox_id: z.string(),
  previous_mode: z.enum(oversightModes),
  oversight_mode: z.enum(oversightModes),
  sending_stopped: z.boolean().describe('Also what was let go before stays in the queue'),
  message: z.string(),
})

export const pause_agent = operation({
  scope: 'oversight',
  orScope: 'admin',
  title: 'Pause the agent of a mailbox',
  description:
    'At once: its mailbox becomes read_only, so what the agent hands in is refused, and nothing of it leaves any more, approved mail included. What waits goes on waiting. In a gated_all mailbox the mode stays, and each email waits for a person as before. ' +
    'Pausing takes no code. To let the agent again: resume_sending for the mailbox, and request_upgrade, for which the operator gets a code.',
  readOnly: false,
  destructive: false,
  idempotent: true,
  examples: [{ input: { mailbox_id: '{mailbox_id}', reason: 'It writes to the wrong people.' } }],
  rest: ['POST /pause_agent', 'POST /v1/oversight/pause'],
})
  .input(Pause)
  .output(Paused)
  .mutation(({ ctx, input }) => paused(ctx, input))

/** By whoever looks after the mailbox. */
export async function paused({ rooms, actor }: Viewing, { reason, ...which }: z.output<typeof Pause>): Promise<z.infer<typeof Paused>> {
  const mailbox = await mailboxMeant(rooms, actor, which)
  const { from, to, isStopped, changed } = unwrap(await rooms.sending.pause({ actor, mailbox, reason }))
  return {
    status: changed ? 'paused' : 'unchanged',
    mailbox_id: mailbox,
    previous_mode: from,
    oversight_mode: to,
    sending_stopped: isStopped,
    message: `What its agent hands in is ${to === 'read_only' ? 'refused' : 'held for a person'}${isStopped ? ', and nothing of it leaves' : ''}. To let it again: resume_sending with this mailbox_id (or \`multimail relay resume\` on the server)${to === from ? '' : `, and request_upgrade with target_mode ${from}, for which the operator gets a code`}.`,
  }
}

const mailboxMeant = async (
  { store }: Viewing['rooms'],
  actor: Decider,
  { email_id, mailbox_id }: Pick<z.output<typeof Pause>, 'email_id' | 'mailbox_id'>,
): Promise<MailboxId> =>
  email_id === undefined ? (await mailboxOf(store.db, actor, mailbox_id ?? '')).id : (await emailOf(store.db, actor, email_id)).mailbox_id
