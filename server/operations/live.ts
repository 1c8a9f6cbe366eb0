/** What happens, as it happens: tRPC subscriptions over one source (events/live.ts). Each item has the place behind which a client goes on after a
 *  cut; `ready` says that all of before is there, `resync` that something before is not and the lists have to be looked at. */
import { tracked } from '@trpc/server'
import { z } from 'zod'
import type { Stream, StreamEnd } from '../events/live.ts'
import { isId } from '../model/ids.ts'
import { type EventRow, type EventType, eventTypes } from '../store/events.ts'
import { emailOf, mailboxOf } from './access.ts'
import { OperationError } from './errors.ts'
import { MailboxRef } from './input.ts'
import { type Call, type OperationMeta, operation } from './procedure.ts'
import { onRecord } from './record.ts'
import { type EmailSummary, isoTime, summaryOf } from './views.ts'
import { visibility } from './visibility.ts'

const about = (scope: OperationMeta['scope'], title: string, description: string): OperationMeta => ({
  scope,
  title,
  description,
  readOnly: true,
  destructive: false,
  idempotent: true,
  rest: [],
})

const longestPosition = 400
const Live = z.strictObject({
  mailbox_id: MailboxRef.exactOptional().describe('Only of this mailbox; left out, all that the key reaches'),
  lastEventId: z.string().max(longestPosition).exactOptional().describe('Id of the last item a client had; what came since comes first'),
})
const Events = Live.extend({ types: z.array(z.enum(eventTypes)).min(1).max(eventTypes.length).exactOptional() })
export type EventsInput = z.output<typeof Events>
export const parseEventsInput = (given: unknown): EventsInput => {
  const parsed = Events.safeParse(given)
  if (parsed.success) return parsed.data
  throw new OperationError('BAD_INPUT')
}

export type LiveEventView = {
  kind: 'event'
  id: string
  type: EventType
  mailbox_id: string | null
  created_at: string
  data: Record<string, unknown>
}

export const on_email = operation(about('read', 'Emails as they come', 'An item for each email that comes into sight.'))
  .input(Live)
  .subscription(({ ctx, input, signal }) =>
    follow(
      ctx,
      { ...input, types: ['message.received'] },
      signal,
      async (event): Promise<{ kind: 'email'; email: EmailSummary } | null> => {
        const email = await arrived(ctx, event)
        return email === null ? null : { kind: 'email', email }
      },
    ),
  )

export const on_pending = operation(about('oversight', 'Emails that wait for a decision', 'An item for each email that begins to wait.'))
  .input(Live)
  .subscription(({ ctx, input, signal }) =>
    follow(ctx, { ...input, types: ['oversight.pending'] }, signal, async (event) => ({ ...eventView(event), kind: 'pending' as const })),
  )

export const onEventMeta = about('admin', 'Events as they happen', 'An item for each event of the account.')
export const on_event = operation(onEventMeta)
  .input(Events)
  .subscription(({ ctx, input, signal }) => follow(ctx, input, signal, async (event) => eventView(event)))

const eventView = (event: EventRow): LiveEventView => ({
  kind: 'event',
  id: event.id,
  type: event.type as EventType,
  mailbox_id: event.mailbox_id,
  created_at: isoTime(event.created_at),
  data: JSON.parse(event.data_json) as Record<string, unknown>,
})

/** The events themselves, for a door that has no subscriptions. Throws OperationError. */
export const followEvents = (ctx: Call, input: EventsInput, signal: AbortSignal) =>
  follow(ctx, input, signal, async (event) => eventView(event))

/** @param show what a client gets of an event; null: nothing */
async function* follow<T>(ctx: Call, input: EventsInput, signal: AbortSignal | undefined, show: (event: EventRow) => Promise<T | null>) {
  const { live, store } = ctx.rooms
  const { actor } = ctx
  const mailboxIds = input.mailbox_id === undefined ? actor.mailboxIds : [(await mailboxOf(store.db, actor, input.mailbox_id)).id]
  const place = live.admit('stream', actor)
  if (place === null) throw new OperationError('TOO_MANY_WAITING')
  let stream: Stream | null = null
  try {
    stream = await live.stream(
      { tenancy: actor, mailboxIds },
      { actor, types: input.types ?? null, from: input.lastEventId ?? null, signal },
    )
    for (;;) {
      const item = await stream.next()
      if (item.kind === 'end') {
        if (item.why === 'gone') return
        throw endOf(item)
      }
      if (item.kind === 'event') {
        const shown = await show(item.event)
        if (shown !== null) yield tracked(item.position, shown)
      } else yield tracked(item.position, { kind: item.kind })
    }
  } finally {
    stream?.close()
    place.release()
  }
}

/** Clients come back by themselves after UNAVAILABLE, with the id of the last item, and not after the other. */
const endOf = ({ why }: StreamEnd): OperationError => {
  if (why === 'key') return new OperationError('KEY_NOT_ACCEPTED')
  return new OperationError('UNAVAILABLE', why === 'slow' ? 'This stream was not read as fast as it came' : 'The server is being stopped')
}

/** The email as a list shows it now, put on the record; null when it has gone out of sight since. */
async function arrived(ctx: Call, event: EventRow): Promise<EmailSummary | null> {
  const { email_id } = JSON.parse(event.data_json) as { email_id?: string }
  if (email_id === undefined || !isId('email', email_id)) return null
  try {
    return await onRecord(ctx, async (tx) => {
      const email = await emailOf(tx, ctx.actor, email_id)
      if (visibility(ctx.actor, email) !== 'listed') throw new OperationError('EMAIL_NOT_FOUND')
      const resource = { resourceType: 'mailbox', resourceId: email.mailbox_id }
      return { action: 'inbox.listed', ...resource, view: summaryOf(email), metadata: { email_ids: [email.id] } }
    })
  } catch (error) {
    if (error instanceof OperationError) return null
    throw error
  }
}
