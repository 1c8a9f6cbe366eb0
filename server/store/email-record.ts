/** What the log of record and the outbox say of an email, so that every room says it alike. */
import type { Actor } from '../model/actor.ts'
import type { Tenancy } from '../model/world.ts'
import type { EmailRow } from './emails.ts'
import type { Facts } from './log.ts'

export const tenancyOf = (email: EmailRow): Tenancy => ({ accountId: email.account_id, world: email.world })

/** What an entry of the log about an email begins with. @param at epoch ms */
export const emailEntry = (email: EmailRow, actor: Actor, at: number) => ({
  at,
  actor,
  tenancy: tenancyOf(email),
  resourceType: 'email',
  resourceId: email.id,
})

/** What an event says of an email (contract §10.3): ids and envelope facts; no body, no Bcc. */
export const emailFacts = (email: EmailRow): Facts => ({
  email_id: email.id,
  thread_id: email.thread_id,
  mailbox_id: email.mailbox_id,
  from: email.from_address,
  to: (JSON.parse(email.to_json) as { address: string }[]).map((it) => it.address),
  subject: email.subject,
  direction: email.direction,
  status: email.status,
  has_attachments: email.has_attachments === 1,
})
