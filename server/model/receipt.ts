/**
 * A receipt: what shows somebody without our server that a mail was let go as it was, by whom, and what became of it (docs/receipts.md). The upper part says so in
 * plain fields; the entries of the log below prove each of them.
 */
import { z } from 'zod'

const Hash = z.string().regex(/^[0-9a-f]{64}$/)
const Id = z.string().max(64)
const Time = z.string().max(32).describe('ISO 8601, UTC')
const Text = z.string().max(64 * 1024)
const kinds = ['key', 'person', 'system'] as const

/** What the log tells of a mail before it leaves, as the history of a receipt has it. Why each other action is not in it: test/record/receipt-history.test.ts. */
export const historyActions = [
  'email.drafted',
  'email.blocked',
  'email.submitted',
  'email.scheduled',
  'email.rescheduled',
  'email.postponed',
  'email.held',
  'email.edited',
  'hold.renewed',
  'email.reviewed',
  'email.approved_in_part',
  'email.approved',
  'email.approval_undone',
  'email.released',
] as const
/** Of these, what only whoever decides or looks after the account is told: who of them looked, and when, is nothing to an agent. */
export const reviewersAction = 'email.reviewed' satisfies (typeof historyActions)[number]
/** How a delivery ends. */
export const deliveryOutcomes = {
  'delivery.delivered': 'delivered',
  'delivery.bounced': 'bounced',
  'delivery.expired': 'expired',
  'delivery.refused': 'refused',
  'delivery.cancelled': 'cancelled',
} as const

export const receiptFormat = 'multimail-receipt/1' as const
/** Entries of the log in one receipt: those of the mail, and one for each recipient. */
const mostEntries = 1_000
/** A tree of 2^53 leaves is no deeper. */
const deepest = 53

/** @param outside marks what strangers wrote */
export const receiptShape = (outside: { readonly [name: string]: unknown } = {}) =>
  z.strictObject({
    format: z.literal(receiptFormat),
    email_id: Id,
    content_hash: Hash.describe('Of the composed message and its envelope: what was approved or allowed, and what was sent'),
    release: z.strictObject({
      id: Id,
      at: Time,
      kind: z.enum(['policy', 'approval']),
      rule: z.string().max(4096).nullable().describe('Of a policy: its rule'),
      decision_id: Id.nullable(),
    }),
    approval: z
      .strictObject({ decision_id: Id, decision: z.literal('approve'), at: Time, actor_kind: z.enum(kinds), self_approved: z.boolean() })
      .nullable()
      .describe('Null: a policy let it go, without a person'),
    history: z
      .array(z.strictObject({ at: Time, action: Id, actor_kind: z.enum(kinds), content_hash: Hash.nullable() }))
      .max(mostEntries)
      .describe('What was done with the mail before it left, in order'),
    deliveries: z
      .array(
        z.strictObject({
          delivery_id: Id,
          outcome: z.enum(['delivered', 'bounced', 'expired', 'refused', 'cancelled']),
          at: Time,
          code: z.string().max(64).nullable().describe('Of the last reply, such as 250 2.0.0'),
          may_be_accepted: z.boolean().nullable(),
          recipient: Text.nullable().describe('Null: it was erased'),
          host: Text.nullable().meta(outside),
          reply: Text.nullable().meta(outside).describe('What the remote mail server said last'),
        }),
      )
      .max(mostEntries)
      .describe('Recipients of whom it is known what became; others are still being tried, or not shown to whoever asked'),
    entries: z
      .array(
        z.strictObject({
          seq: z.int().min(1),
          body: Text.describe('The entry, as it was hashed'),
          details: Text.nullable().meta(outside).describe('Null: there are none, or they are not shown'),
          salt: z
            .string()
            .regex(/^[0-9a-f]{32}$/)
            .nullable(),
          path: z.array(Hash).max(deepest).describe('Inclusion proof (RFC 9162 §2.1.3) of the entry under the checkpoint'),
        }),
      )
      .min(1)
      .max(mostEntries),
    checkpoint: Text.describe('Signed note (c2sp.org/tlog-checkpoint)'),
    key: z.string().max(1024).describe('Whose signature that is. Compare it with the key that you have from the operator'),
  })

export type Receipt = z.infer<ReturnType<typeof receiptShape>>
export type ReceiptEntry = Receipt['entries'][number]
