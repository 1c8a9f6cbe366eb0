/** The web addresses of a mailbox, which are told of what happens in it; a webhook stands behind each (events/webhooks.ts). */
import type { MailboxUrls, Webhooks } from '../events/webhooks.ts'
import type { KeyActor } from '../model/actor.ts'
import type { Tx } from '../store/db.ts'
import type { NewLogEntry } from '../store/log.ts'
import type { Row } from '../store/schema.ts'
import { unwrap } from './errors.ts'
import type { Rooms } from './procedure.ts'

const names = ['webhook_url', 'oversight_webhook_url'] as const

/** As they are kept. Throws where one may not lead there. */
export const readUrls = ({ checkUrl }: Pick<Webhooks, 'checkUrl'>, asked: MailboxUrls): MailboxUrls =>
  Object.fromEntries(
    names.flatMap((name) => {
      const text = asked[name]
      return text === undefined ? [] : [[name, text === null ? null : unwrap(checkUrl(text)).url]]
    }),
  )

type Setting = { mailbox: Row<'mailboxes'>; urls: MailboxUrls; actor: KeyActor }

/** @returns the mailbox as it is then; `entries` go on the record at the end of the transaction */
export async function setUrls(
  tx: Tx,
  { webhooks, clock }: Pick<Rooms, 'webhooks' | 'clock'>,
  { mailbox, urls, actor }: Setting,
): Promise<{ mailbox: Row<'mailboxes'>; entries: NewLogEntry[] }> {
  const changed = names.filter((name) => urls[name] !== undefined && urls[name] !== mailbox[name])
  if (changed.length === 0) return { mailbox, entries: [] }
  unwrap(await webhooks.setOfMailbox(tx, mailbox, urls))
  const entry: NewLogEntry = {
    at: clock.now(),
    actor,
    tenancy: { accountId: mailbox.account_id, world: mailbox.world },
    action: 'mailbox.configured',
    resourceType: 'mailbox',
    resourceId: mailbox.id,
    metadata: { changed: [...changed], previous: {} },
    details: Object.fromEntries(changed.map((name) => [name, { from: mailbox[name], to: urls[name] ?? null }])),
  }
  return { mailbox: { ...mailbox, ...urls }, entries: [entry] }
}
