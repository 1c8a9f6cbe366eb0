import { z } from 'zod'
import type { Renewed } from '../oversight/renewal.ts'
import { unwrap } from './errors.ts'
import { EmailRef } from './input.ts'
import { knownId } from './oversight.ts'
import { operation } from './procedure.ts'
import { isoTime } from './views.ts'

const Renewal = z.strictObject({
  email_id: z.string(),
  status: z.literal('renewed'),
  expires_at: z.string().describe('ISO 8601, UTC. Undecided by then, it expires'),
  renewals_left: z.int(),
  message: z.string(),
})

export const renew_hold = operation({
  scope: 'oversight',
  title: 'Give an email that waits longer',
  description:
    'For reviewers. Lets one email of list_pending wait for another three days from now (or as long as the operator lets mail wait). At most five times, and never longer than 30 days in all. ' +
    'It decides nothing: undecided by its new expires_at, it expires and is not sent. Whoever may not decide on it may not renew it.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  examples: [{ input: { email_id: '{pending_id}' } }],
  rest: ['POST /renew_hold', 'POST /v1/oversight/renew'],
})
  .input(z.strictObject({ email_id: EmailRef }))
  .output(Renewal)
  .mutation(async ({ ctx, input }) => renewalView(unwrap(await ctx.rooms.approvals.renew(ctx.actor, knownId(input.email_id)))))

export const renewalView = ({ emailId, expiresAt, renewalsLeft }: Renewed): z.infer<typeof Renewal> => ({
  email_id: emailId,
  status: 'renewed',
  expires_at: isoTime(expiresAt),
  renewals_left: renewalsLeft,
  message: 'It goes on waiting; undecided by then, it expires.',
})
