/** Much released mail at once, as if it had gathered while nobody delivered. */
import { contentHash } from '../../server/model/envelope.ts'
import { newId } from '../../server/model/ids.ts'
import { release } from '../../server/oversight/release.ts'
import type { Store, Tx } from '../../server/store/db.ts'
import { type EmailRow, insertEmail } from '../../server/store/emails.ts'
import { type NewLogEntry, appendLogs } from '../../server/store/log.ts'
import { mailboxAt } from '../../server/store/mailboxes.ts'
import { insertThread } from '../../server/store/threads.ts'
import { address } from './offices.ts'
import { plainEmail } from './plain-email.ts'

const perTransaction = 100
const giveUpAfterMs = 72 * 3_600_000

/** One email for each of `to`, all with the same octets, released by the policy of the mailbox. @param now epoch ms */
export async function fillQueue(store: Store, from: string, to: readonly string[], now: number): Promise<void> {
  const template = await commonPart(store, from, now)
  for (let first = 0; first < to.length; first += perTransaction) {
    const some = to.slice(first, first + perTransaction)
    await store.transaction((tx) => releaseAll(tx, template, some, now))
  }
}

type Template = { row: EmailRow; composed: Buffer }

async function commonPart(store: Store, from: string, now: number): Promise<Template> {
  const mailbox = await mailboxAt(store.db, 'live', from)
  if (mailbox === undefined) throw new Error(`no mailbox ${from}`)
  const tenancy = { account_id: mailbox.account_id, world: mailbox.world, mailbox_id: mailbox.id }
  const composed = Buffer.from(`From: <${from}>\r\nTo: undisclosed-recipients:;\r\nSubject: Backlog\r\n\r\nHello.\r\n`)
  const raw = await store.blobs.stage(composed)
  const threadId = newId('thread', now)
  await store.transaction(async (tx) => {
    await store.blobs.put(tx, raw, now)
    await insertThread(tx, { ...tenancy, id: threadId, subject: 'Backlog', created_at: now, last_activity_at: now })
  })
  const facts = { direction: 'outbound', status: 'sent', subject: 'Backlog', from_address: from, reverse_path: from } as const
  const row = plainEmail(now, {
    ...tenancy,
    ...facts,
    id: newId('email', now),
    thread_id: threadId,
    raw_hash: raw.hash,
    raw_size: raw.size,
  })
  return { row, composed }
}

async function releaseAll(tx: Tx, { row, composed }: Template, to: readonly string[], now: number): Promise<void> {
  const entries: NewLogEntry[] = []
  for (const path of to) {
    const hash = contentHash(composed, { reversePath: address(row.reverse_path), forwardPaths: [address(path)] })
    const email = { ...row, id: newId('email', now), forward_paths_json: JSON.stringify([path]), content_hash: hash, sent_at: now }
    await insertEmail(tx, email)
    const grounds = { kind: 'policy', rule: 'autonomous' } as const
    entries.push(await release(tx, { email, contentHash: hash, grounds, actor: { kind: 'system', part: 'oversight' }, now, giveUpAfterMs }))
  }
  await appendLogs(tx, entries)
}
