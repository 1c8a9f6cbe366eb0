/** What is said of an event: the union of what clients read (contract §10.3). Ids and envelope facts, no text of a message, and no link by which mail
 *  could be approved. */
import type { Json } from '../model/canonical.ts'
import type { Facts } from '../store/facts.ts'
import type { Row } from '../store/schema.ts'

type Of = { event: Row<'events'>; /** address of its mailbox */ mailbox: string | null }

/** The same octets each time it is asked for. */
export function payloadOf({ event, mailbox }: Of): Buffer {
  const facts = JSON.parse(event.data_json) as Facts
  const data = { ...aboutEmail(event, facts), ...(event.type.startsWith('oversight.') && undecided), ...withTimes(facts) }
  return Buffer.from(
    JSON.stringify({
      id: event.id,
      type: event.type,
      event: event.type,
      event_type: event.type,
      timestamp: isoTime(event.created_at),
      tenant_id: event.account_id,
      mailbox,
      mailbox_id: event.mailbox_id,
      message_id: facts['email_id'] ?? null,
      thread_id: facts['thread_id'] ?? null,
      ...(event.type === 'message.received' && pick(facts, ['from', 'subject'])),
      ...(event.type === 'message.bounced' && pick(facts, ['recipient', 'bounce_code', 'diagnostic'])),
      data,
    }),
  )
}

/** What every event about an email has; of another there is nothing to say here. */
const aboutEmail = (event: Row<'events'>, facts: Facts): Facts =>
  facts['email_id'] === undefined ? {} : { message_id: facts['email_id'], mailbox_id: event.mailbox_id }

const undecided = { action: null, reason: null, decided_by: null }

const pick = (facts: Facts, names: readonly string[]): Facts => Object.fromEntries(names.map((name) => [name, facts[name] ?? null]))

const isoTime = (time: number): string => new Date(time).toISOString()

/** Inside, times are epoch ms; outside they are ISO 8601. */
const withTimes = (facts: Facts): Facts =>
  Object.fromEntries(
    Object.entries(facts).map(([name, value]): [string, Json] => [
      name,
      name.endsWith('_at') && typeof value === 'number' ? isoTime(value) : value,
    ]),
  )
