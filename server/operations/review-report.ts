/** How people decide, for the operator. */
import { z } from 'zod'
import type { Figures } from '../oversight/reviewers/report.ts'
import type { ReviewReport } from '../oversight/reviewers/reviewers.ts'
import type { Tx } from '../store/db.ts'
import { appendLog } from '../store/log.ts'
import { setTimedReviews } from '../store/review-times.ts'
import { type Call, operation } from './procedure.ts'
import { recordRead } from './record.ts'
import { ApprovalCode, orPending, twoStep } from './two-step.ts'
import { fromOutside, isoTime } from './views.ts'

const figures = {
  decided: z.int(),
  approved: z.int(),
  approval_rate: z.number().nullable().describe('From 0 to 1; null when nothing was decided'),
  median_ms: z.int().nullable().describe('How long an email was looked at, in the middle'),
  hasty_approvals: z.int().describe('Within two seconds of being shown it'),
  unseen: z.int().describe('Decisions on what had not been shown to them'),
  canaries: z.strictObject({ rejected: z.int(), missed: z.int() }).describe('Test emails'),
  weeks: z
    .array(z.strictObject({ starts_at: z.string(), decided: z.int(), approved: z.int(), approval_rate: z.number().nullable() }))
    .describe('The oldest first'),
  drift: z.number().nullable().describe('The approval rate of the last two weeks less that of the weeks before; null: too few decisions'),
}

const Report = z.strictObject({
  enabled: z.boolean().describe('False: nothing is noted'),
  days: z.int(),
  is_complete: z.boolean().describe('False: only the newest decisions of these days were looked at'),
  all: z.strictObject(figures),
  reviewers: z.array(
    z.strictObject({
      reviewer_id: z.string(),
      name: z.string().nullable().meta(fromOutside).describe('null: they are not here any more'),
      ...figures,
      warnings: z.array(z.string()),
    }),
  ),
})

const round = (share: number | null): number | null => (share === null ? null : Math.round(share * 10_000) / 10_000)
const figuresView = ({ decided, approved, rate, medianMs, hasty, unseen, canaries, weeks, drift }: Figures) => ({
  decided,
  approved,
  approval_rate: round(rate),
  median_ms: medianMs,
  hasty_approvals: hasty,
  unseen,
  canaries,
  weeks: weeks.map((week) => ({
    starts_at: isoTime(week.startsAt),
    decided: week.decided,
    approved: week.approved,
    approval_rate: round(week.rate),
  })),
  drift: round(drift),
})

const reportView = ({ isOn, weeks, isComplete, all, reviewers }: ReviewReport): z.infer<typeof Report> => ({
  enabled: isOn,
  days: weeks * 7,
  is_complete: isComplete,
  all: figuresView(all),
  reviewers: reviewers.map((one) => ({ reviewer_id: one.personId, name: one.name, ...figuresView(one), warnings: one.warnings })),
})

export const get_review_report = operation({
  scope: 'admin',
  title: 'See how people decide',
  description:
    'For the operator. Shows of the last eight weeks, for all people who decide and for each: how long they looked, approvals within two seconds, the approval rate by week and its drift, and missed test emails, with warnings in words. ' +
    'Nothing is noted until set_review_report was called.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: {} }],
  rest: ['GET /get_review_report', 'GET /v1/reviewers/report'],
})
  .input(z.strictObject({}))
  .output(Report)
  .query(async ({ ctx }) => {
    const { actor, rooms } = ctx
    const view = reportView(await rooms.reviewers.report(actor))
    const reading = { action: 'reviewers.read' as const, resourceType: 'account', resourceId: actor.accountId, view }
    await rooms.store.transaction((tx) => recordRead(tx, ctx, reading))
    return view
  })

export const set_review_report = operation({
  scope: 'admin',
  title: 'Note how people decide, or no more',
  description:
    'Has it noted how long each person who signed in looks at what they decide on, or ends that and erases what was noted. It is about people, so the operator has to agree: the first answer is "pending_approval"; ' +
    'make exactly the same call with the approval_code that they got by mail.',
  readOnly: false,
  destructive: true,
  idempotent: true,
  twoStep: true,
  examples: [{ input: { enabled: true } }],
  rest: ['POST /set_review_report', 'POST /v1/reviewers/report'],
})
  .input(z.strictObject({ enabled: z.boolean().describe('False erases what was noted'), approval_code: ApprovalCode }))
  .output(orPending('set', { enabled: z.boolean() }))
  .mutation(({ ctx, input: { enabled, approval_code: approvalCode } }) =>
    twoStep(ctx, { action: 'time_reviews', parameters: { enabled }, approvalCode }, async (tx) => {
      await set(tx, ctx, enabled)
      return { status: 'set' as const, enabled }
    }),
  )

async function set(tx: Tx, { actor, rooms }: Call, enabled: boolean): Promise<void> {
  if (!(await setTimedReviews(tx, actor, enabled, rooms.clock.now()))) return
  const tenancy = { accountId: actor.accountId, world: actor.world }
  const about = { resourceType: 'account', resourceId: actor.accountId, metadata: { enabled } }
  await appendLog(tx, { at: rooms.clock.now(), actor, tenancy, action: 'reviewers.timed', ...about })
}
