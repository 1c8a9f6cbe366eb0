import { z } from 'zod'
import type { Days, UsageEvent } from '../store/usage.ts'
import { dayOf, storedOf, usageByDay, usageEvents, usageOf } from '../store/usage.ts'
import { OperationError } from './errors.ts'
import { Instant } from './input.ts'
import { type Call, operation } from './procedure.ts'
import { recordRead } from './record.ts'
import { isoTime } from './views.ts'

const dayMs = 86_400_000
/** Of which each can be asked for by itself. */
const mostDays = 400

const NoLimit = z.int().nullable().describe('Null: no limit')
const Day = z.strictObject({
  date: z.string().describe('In UTC, such as 2026-01-31'),
  event_type: z.enum(usageEvents),
  count: z.int(),
})

const Usage = z.strictObject({
  from: z.string().describe('The first moment that is counted: whole days in UTC; ISO 8601'),
  to: z.string().describe('The first that is not'),
  emails_sent: z.int().describe('Messages handed in, one for each recipient, as the monthly quota counts them'),
  emails_received: z.int(),
  api_calls: z.int().describe('Calls that were let in, whatever came of them; after a crash some seconds of them may be missing'),
  oversight_actions: z.int().describe('Emails that people approved or rejected'),
  emails_stored: z.int().describe('Messages that are kept now, of both directions'),
  storage_used_bytes: z.int().describe('Of all messages as they came and left'),
  monthly_email_quota: NoLimit,
  emails_sent_this_month: z.int().describe('Of the quota: the month begins on the 1st, in UTC'),
  max_mailboxes: NoLimit,
  is_complete: z.boolean().describe('False: the server is still counting, such as after an upgrade, and later answers say more'),
  breakdown: z.enum(['summary', 'daily']),
  data: z.array(Day).exactOptional().describe('With breakdown daily: each day and kind of which there was any'),
})

export const get_usage = operation({
  scope: 'read',
  title: 'Look at what the account used',
  description:
    'Returns how much the account sent and received, how many calls it made and how often people decided, in a time that you name or since the month began, and what it stores, with its limits, where there are any. With breakdown "daily" also day by day.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: {} }, { title: 'Day by day', input: { from: '2026-01-01', to: '2026-01-31', breakdown: 'daily' } }],
  rest: ['GET /get_usage', 'GET /v1/usage'],
})
  .input(
    z.strictObject({
      from: Instant.exactOptional().describe('Its day is counted whole; left out: the month that `to` is in'),
      to: Instant.exactOptional().describe('Its day is counted whole; left out: now'),
      breakdown: z.enum(['summary', 'daily']).default('summary'),
    }),
  )
  .output(Usage)
  .query(async ({ ctx, input }) => {
    const { actor, rooms } = ctx
    const now = rooms.clock.now()
    const days = daysOf(input, now)
    if (input.breakdown === 'daily' && days.to - days.from >= mostDays)
      throw new OperationError('BAD_INPUT', `from, to: at most ${mostDays} days apart`)
    const isComplete = await rooms.usage.catchUp()
    return rooms.store.transaction(async (tx) => {
      const stored = await storedOf(tx, actor)
      const view = {
        from: isoTime(days.from * dayMs),
        to: isoTime((days.to + 1) * dayMs),
        ...(await usageOf(tx, actor, days)),
        emails_stored: stored.emails,
        storage_used_bytes: stored.bytes,
        ...limitsOf(ctx),
        emails_sent_this_month: (await usageOf(tx, actor, thisMonth(now))).emails_sent,
        is_complete: isComplete,
        breakdown: input.breakdown,
        ...(input.breakdown === 'daily' && { data: (await usageByDay(tx, actor, days)).map(dayView) }),
      }
      await recordRead(tx, ctx, { action: 'usage.read', resourceType: 'account', resourceId: actor.accountId, view })
      return view
    })
  })

/** What the operator has set. Mail of the test world goes nowhere and is free. */
export const limitsOf = ({ actor, rooms: { limits } }: Call) => ({
  monthly_email_quota: actor.world === 'live' ? limits.monthlyEmails : null,
  max_mailboxes: limits.mailboxes,
})

export const thisMonth = (now: number): Days => ({ from: dayOf(monthOf(now)), to: dayOf(now) })

const monthOf = (at: number): number => {
  const date = new Date(at)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth())
}

function daysOf({ from, to }: { from?: number; to?: number }, now: number): Days {
  const last = to ?? now
  const first = from ?? monthOf(last)
  if (first > last)
    throw new OperationError('BAD_INPUT', 'from: must not be later than to', [{ path: 'from', message: 'must not be later than to' }])
  return { from: dayOf(first), to: dayOf(last) }
}

const dayView = ({ day, event, count }: { day: number; event: UsageEvent; count: number }) => ({
  date: isoTime(day * dayMs).slice(0, 10),
  event_type: event,
  count,
})
