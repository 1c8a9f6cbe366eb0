import { z } from 'zod'
import type { KeyActor } from '../model/actor.ts'
import { type DeliveryId, isId } from '../model/ids.ts'
import { type StopRow, isStopped, listStops } from '../store/stops.ts'
import { type WaitingRow, listWaiting } from '../store/waiting.ts'
import { mailboxesToList } from './access.ts'
import { OperationError, unwrap } from './errors.ts'
import { DeliveryRef, Limit, MailboxRef, QueueCursor, cursorAt } from './input.ts'
import { operation } from './procedure.ts'
import { recordRead } from './record.ts'
import { fromOutside, isoTime } from './views.ts'

const defaultLimit = 50

const Waiting = z.strictObject({
  id: z.string(),
  email_id: z.string(),
  mailbox_id: z.string(),
  recipient: z.string(),
  state: z
    .enum(['due', 'later', 'under_way', 'stopped'])
    .describe(
      'due: it may be tried now. later: at next_attempt_at. under_way: an attempt is made just now. stopped: not before resume_sending.',
    ),
  attempts: z.int(),
  queued_at: z.string(),
  next_attempt_at: z.string(),
  give_up_at: z.string().describe('From then on it is not tried any more'),
  bounce_class: z.string().nullable().describe('What the last attempt met with'),
  may_be_accepted: z.boolean().describe('True when the remote server may have it already although it never said so'),
  last_reply: z.string().nullable().meta(fromOutside).describe('What the remote mail server said last'),
})

const stateOf = (row: WaitingRow, stops: readonly StopRow[], now: number): z.infer<typeof Waiting>['state'] => {
  if (row.leased_until !== null && row.leased_until > now) return 'under_way'
  if (isStopped(stops, row)) return 'stopped'
  return row.next_attempt_at <= now ? 'due' : 'later'
}

const waitingView = (row: WaitingRow, stops: readonly StopRow[], now: number): z.infer<typeof Waiting> => ({
  id: row.id,
  email_id: row.email_id,
  mailbox_id: row.mailbox_id,
  recipient: row.forward_path,
  state: stateOf(row, stops, now),
  attempts: row.attempts,
  queued_at: isoTime(row.queued_at),
  next_attempt_at: isoTime(row.next_attempt_at),
  give_up_at: isoTime(row.give_up_at),
  bounce_class: row.bounce_class,
  may_be_accepted: row.may_be_accepted === 1,
  last_reply: row.last_reply,
})

const common = { scope: 'oversight', orScope: 'admin' } as const

export const list_queue = operation({
  ...common,
  title: 'List what waits to be delivered',
  description:
    'Lists the deliveries that have been released and not come to an end, one for each recipient, what is next first: how often each was tried, what the ' +
    'remote server said, when it is tried again. retry_delivery hurries one, cancel_delivery takes it back.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: { limit: 20 } }],
  rest: ['GET /list_queue', 'GET /v1/queue'],
})
  .input(
    z.strictObject({
      mailbox_id: MailboxRef.exactOptional().describe('Only of this mailbox, by id or address'),
      limit: Limit.default(defaultLimit),
      cursor: QueueCursor.exactOptional(),
    }),
  )
  .output(z.strictObject({ deliveries: z.array(Waiting), cursor: z.string().nullable() }))
  .query(({ ctx, input: { mailbox_id, limit, cursor } }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const { actor } = ctx
      const mailboxIds = await mailboxesToList(tx, actor, mailbox_id)
      const rows = await listWaiting(tx, { tenancy: actor, mailboxIds, limit: limit + 1, ...(cursor && { after: cursor }) })
      const stops = await listStops(tx)
      const page = rows.slice(0, limit)
      const last = page.at(-1)
      const view = {
        deliveries: page.map((row) => waitingView(row, stops, ctx.rooms.clock.now())),
        cursor: rows.length > page.length && last !== undefined ? cursorAt(`${last.next_attempt_at} ${last.id}`) : null,
      }
      const metadata = { count: page.length }
      await recordRead(tx, ctx, { action: 'queue.listed', resourceType: 'account', resourceId: actor.accountId, view, metadata })
      return view
    }),
  )

const ByHand = z.strictObject({ delivery_id: DeliveryRef })
const requestOf = (actor: KeyActor, id: string) => ({ id: knownId(id), actor, tenancy: actor, mailboxIds: actor.mailboxIds })

function knownId(text: string): DeliveryId {
  if (isId('delivery', text)) return text
  throw new OperationError('DELIVERY_NOT_FOUND')
}

export const retry_delivery = operation({
  ...common,
  title: 'Try a delivery now',
  description:
    'Makes a delivery of list_queue due now instead of at its time. What is stopped, or has to keep a pace, still waits for that.',
  readOnly: false,
  destructive: false,
  idempotent: true,
  examples: [{ input: { delivery_id: '{delivery_id}' } }],
  rest: ['POST /retry_delivery', 'POST /v1/queue/{delivery_id}/retry'],
})
  .input(ByHand)
  .output(z.strictObject({ id: z.string(), status: z.literal('due'), message: z.string() }))
  .mutation(async ({ ctx, input }) => {
    unwrap(await ctx.rooms.deliveries.retry(requestOf(ctx.actor, input.delivery_id)))
    return {
      id: input.delivery_id,
      status: 'due' as const,
      message: 'It is tried as soon as there is a place; list_queue shows what comes of it.',
    }
  })

const takenBack = {
  cancelled: 'It will not be sent.',
  cancelling: 'An attempt is under way. It is broken off, unless the message has been sent in full; read_email shows how it ended.',
}

export const cancel_delivery = operation({
  ...common,
  title: 'Take a delivery back',
  description:
    'Takes back the delivery to one recipient, also of approved mail, while it waits in the queue. What the remote server has taken cannot be taken back.',
  readOnly: false,
  destructive: true,
  idempotent: false,
  examples: [{ input: { delivery_id: '{delivery_id}' } }],
  rest: ['POST /cancel_delivery', 'POST /v1/queue/{delivery_id}/cancel'],
})
  .input(ByHand)
  .output(z.strictObject({ id: z.string(), status: z.enum(['cancelled', 'cancelling']), message: z.string() }))
  .mutation(async ({ ctx, input }) => {
    const { state } = unwrap(await ctx.rooms.deliveries.cancel(requestOf(ctx.actor, input.delivery_id)))
    return { id: input.delivery_id, status: state, message: takenBack[state] }
  })
