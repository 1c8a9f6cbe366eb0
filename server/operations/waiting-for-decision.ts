import { z } from 'zod'
import type { EmailId } from '../model/ids.ts'
import { emailStatuses } from '../model/email.ts'
import { may } from '../model/life.ts'
import { findEmail } from '../store/emails.ts'
import { heldUntil } from '../store/holds.ts'
import { readableEmail } from './access.ts'
import { EmailRef, MailboxRef } from './input.ts'
import { Outcome, outcomeOf } from './outcome.ts'
import { type Call, operation } from './procedure.ts'
import { onRecord } from './record.ts'
import { isoOrNull, isoTime } from './views.ts'
import { TimeoutSeconds, waitUntil } from './wait-until.ts'

const Decided = z.strictObject({
  email_id: z.string(),
  status: z.enum(emailStatuses).describe('Of the email now'),
  still_waits: z.boolean().describe('True: the time of this call was over before anybody decided'),
  held_until: z.string().nullable().describe('ISO 8601, UTC: until when it waits. Undecided by then, it expires'),
  outcome: Outcome.nullable().describe('How its waiting ended; null: it still waits, or never had to'),
  next: z.string().describe('What to do now'),
})

export const wait_for_decision = operation({
  scope: 'read',
  title: 'Wait for a decision',
  description:
    'Waits until a reviewer has decided on an email that is held (pending_send_approval), and answers at once when one does, with what read_email shows as outcome: approved, rejected and why, ' +
    'expired, replaced or cancelled. An email that waits for nobody is answered at once, too. Still_waits true says that the time was over: call it again, or do something else meanwhile.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: { email_id: '{sent_id}', timeout_seconds: 60 } }],
  rest: ['GET /wait_for_decision', 'GET /v1/mailboxes/{mailbox_id}/emails/{email_id}/decision'],
})
  .input(z.strictObject({ email_id: EmailRef, mailbox_id: MailboxRef.exactOptional(), timeout_seconds: TimeoutSeconds }))
  .output(Decided)
  .query(async ({ ctx, input, signal }) => {
    const { id, mailbox_id: mailboxId, ...found } = await readableEmail(ctx.rooms.store.db, ctx.actor, input.email_id, input.mailbox_id)
    if (isPending(found)) {
      await waitUntil(ctx, {
        mailboxId,
        // Each event of an email names it.
        concerns: ({ data_json }) => data_json.includes(id),
        isSo: async () => !(await stillWaits(ctx, id)),
        seconds: input.timeout_seconds,
        signal,
      })
    }
    return answer(ctx, id)
  })

const isPending = (email: Parameters<typeof may>[0]): boolean => may(email, 'approve')

async function stillWaits({ rooms: { store }, actor }: Call, id: EmailId): Promise<boolean> {
  const email = await findEmail(store.db, actor, id)
  return email !== undefined && isPending(email)
}

const answer = (ctx: Call, id: EmailId): Promise<z.infer<typeof Decided>> =>
  onRecord(ctx, async (tx) => {
    const email = await readableEmail(tx, ctx.actor, id)
    const until = await heldUntil(tx, email)
    const outcome = outcomeOf(email)
    const view = {
      email_id: id,
      status: email.status,
      still_waits: isPending(email),
      held_until: isoOrNull(until),
      outcome,
      next: outcome?.next ?? (until === null ? 'Nothing: it waits for no reviewer.' : stillWaiting(until)),
    }
    return { action: 'email.awaited', resourceType: 'email', resourceId: id, view, metadata: { mailbox_id: email.mailbox_id } }
  })

/** @param until epoch ms */
const stillWaiting = (until: number): string =>
  `Nobody has decided yet, and it waits until ${isoTime(until)}. Call this again to wait on, or do something else and look with read_email later. Do not submit it again.`
