import { z } from 'zod'
import { OperationError } from './errors.ts'
import { operation } from './procedure.ts'

/** Nobody is billed by this server. The calls of the public API are here, so that whoever makes one learns that, and who sets its limits. */
const refuse = (): never => {
  throw new OperationError('BILLING_NOT_ENABLED')
}

const Url = z.string().max(2000)

export const upgrade_plan = operation({
  scope: 'admin',
  title: 'Upgrade the plan',
  description: 'There are no plans on this server: it answers BILLING_NOT_ENABLED, and says who sets its limits.',
  readOnly: false,
  destructive: false,
  idempotent: true,
  examples: [{ input: { plan: 'pro' } }],
  rest: ['POST /upgrade_plan', 'POST /v1/billing/checkout'],
})
  .input(
    z.strictObject({
      plan: z.enum(['builder', 'pro', 'scale']),
      interval: z.enum(['monthly', 'annual']).default('monthly'),
      success_url: Url.exactOptional(),
      cancel_url: Url.exactOptional(),
    }),
  )
  .output(z.strictObject({ checkout_url: z.string(), session_id: z.string() }))
  .mutation(refuse)

export const cancel_subscription = operation({
  scope: 'admin',
  title: 'Cancel the subscription',
  description: 'There are no subscriptions on this server: it answers BILLING_NOT_ENABLED.',
  readOnly: false,
  destructive: true,
  idempotent: true,
  examples: [{ input: {} }],
  rest: ['POST /cancel_subscription', 'POST /v1/billing/cancel'],
})
  .input(z.strictObject({ approval_code: z.string().max(16).exactOptional() }))
  .output(z.strictObject({ status: z.literal('cancelling'), cancel_at_period_end: z.boolean(), access_until: z.string() }))
  .mutation(refuse)

export const get_billing_portal = operation({
  scope: 'admin',
  title: 'Get the billing portal',
  description: 'There is no billing on this server: it answers BILLING_NOT_ENABLED.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: {} }],
  rest: ['GET /get_billing_portal', 'POST /v1/billing/portal'],
})
  .input(z.strictObject({ return_url: Url.exactOptional() }))
  .output(z.strictObject({ portal_url: z.string() }))
  .query(refuse)
