/** GET /v1/events: server-sent events (HTML Living Standard §9.2) for programs without a tRPC client. The same source as the subscription on_event. */
import { once } from 'node:events'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type EventsInput, followEvents, onEventMeta, parseEventsInput } from '../operations/live.ts'
import { type Context, permitted } from '../operations/procedure.ts'
import { problemOf } from '../operations/problem.ts'
import { goneSignal } from './gone.ts'

export const eventsRoute = '/v1/events'
/** Proxies cut what is silent for a minute. */
const pingMs = 15_000

export function serveLiveEvents(
  app: FastifyInstance,
  contextOf: (request: FastifyRequest) => Context,
  report: (error: unknown, requestId: string) => void,
): void {
  app.get(eventsRoute, async (request, reply) => {
    const context = contextOf(request)
    const call = { ...context, actor: permitted(context.actor, onEventMeta) }
    const items = followEvents(call, inputOf(request), goneSignal(reply))
    // The first item comes at once, or a refusal does while there is still a status to say it with.
    const first = await items.next()
    reply.hijack()
    await send(reply, first, items).catch((error: unknown) => report(error, request.id))
  })

  async function send(reply: FastifyReply, first: Item, items: Items): Promise<void> {
    const { raw } = reply
    raw.writeHead(200, { ...reply.getHeaders(), 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' } as Record<string, string>)
    const { clock } = contextOf(reply.request).rooms
    let ping = clock.at(clock.now() + pingMs, beat)
    function beat(): void {
      if (raw.writableLength === 0) raw.write(': ping\n\n')
      ping = clock.at(clock.now() + pingMs, beat)
    }
    try {
      for (let item = first; item.done !== true; item = await items.next()) {
        const [id, data] = item.value
        // Whoever does not read makes the source wait, and that ends a stream that is too far behind.
        if (!raw.write(textOf(id, data))) await Promise.race([once(raw, 'drain'), once(raw, 'close')])
      }
    } catch (error) {
      const { body } = problemOf(error, reply.request.id)
      if (body.code === 'INTERNAL') report(error, reply.request.id)
      raw.write(`event: error\ndata: ${JSON.stringify(body)}\n\n`)
    } finally {
      ping.cancel()
      raw.end()
    }
  }
}

type Items = ReturnType<typeof followEvents>
type Item = Awaited<ReturnType<Items['next']>>

const textOf = (id: string, data: { kind: string }): string => `id: ${id}\nevent: ${data.kind}\ndata: ${JSON.stringify(data)}\n\n`

function inputOf({ query, headers }: FastifyRequest): EventsInput {
  const { mailbox_id, types, lastEventId } = query as Record<string, unknown>
  const last = headers['last-event-id'] ?? lastEventId
  return parseEventsInput({
    ...(mailbox_id !== undefined && { mailbox_id }),
    ...(typeof types === 'string' && { types: types.split(',') }),
    ...(typeof last === 'string' && last !== '' && { lastEventId: last }),
  })
}
