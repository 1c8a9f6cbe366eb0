import type { EmailId, HoldId, MailboxId, ThreadId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import { attachmentsOf } from '../store/attachments.ts'
import type { Db } from '../store/db.ts'
import { type EmailRow, emailsByIds, findEmail } from '../store/emails.ts'
import { type HoldRow, approvalsOf, editorsOf, latestHold, openHolds } from '../store/holds.ts'
import type { Row } from '../store/schema.ts'
import { mostRenewals } from './holds.ts'

/** Something to decide on. Times are epoch ms. */
export type PendingItem = {
  holdId: HoldId
  /** the rule that held it, in plain words */
  reason: string
  /** what a decision is about: name it in the decision, and a changed email is refused */
  contentHash: string
  heldAt: number
  /** how many have to approve it, and the actors who have */
  people: number
  approvedBy: readonly string[]
  /** voters who wrote in it, besides its agent */
  editors: readonly string[]
  expiresAt: number
  /** how often it can be renewed yet */
  renewalsLeft: number
  email: EmailRow
  /** of which it is another version */
  replaces: EmailRow | null
  attachments: readonly Row<'attachments'>[]
}

/** `mailboxIds` null: every mailbox of the tenancy. `before`: an exclusive email id. */
export type PendingQuery = {
  mailboxIds: readonly MailboxId[] | null
  threadId?: ThreadId | undefined
  before?: EmailId | undefined
  limit: number
}

/** What can still be decided at `now` (epoch ms), newest email first. */
export async function listPending(db: Db, tenancy: Tenancy, query: PendingQuery, now: number): Promise<PendingItem[]> {
  const holds = await openHolds(db, tenancy, { ...query, now })
  const ids = holds.map((hold) => hold.email_id)
  const emails = byId(await emailsByIds(db, ids))
  const before = byId(
    await emailsByIds(
      db,
      [...emails.values()].flatMap(({ replaces_id }) => replaces_id ?? []),
    ),
  )
  const attachments = Map.groupBy(await attachmentsOf(db, ids), (row) => row.email_id)
  const shared = holds.filter(({ people }) => people > 1).map(({ id }) => id)
  const approvals = Map.groupBy(await approvalsOf(db, shared), ({ hold_id }) => hold_id)
  return holds.flatMap((hold) => {
    const email = emails.get(hold.email_id)
    if (email === undefined) return []
    const replaces = email.replaces_id === null ? undefined : before.get(email.replaces_id)
    return [item(hold, email, { replaces, attachments: attachments.get(email.id) ?? [], approvals: approvals.get(hold.id) ?? [] })]
  })
}

/** As one of `listPending`; null when it does not exist, or does not wait at `now` (epoch ms). */
export async function findPending(db: Db, tenancy: Tenancy, id: EmailId, now: number): Promise<PendingItem | null> {
  const email = await findEmail(db, tenancy, id)
  const hold = email === undefined ? undefined : await latestHold(db, email.id)
  if (email === undefined || hold === undefined || hold.state !== 'open' || hold.expires_at <= now) return null
  const approvals = hold.people > 1 ? await approvalsOf(db, [hold.id]) : []
  const replaces = email.replaces_id === null ? undefined : await findEmail(db, tenancy, email.replaces_id)
  return item(hold, email, { replaces, attachments: await attachmentsOf(db, [id]), approvals })
}

const byId = (emails: readonly EmailRow[]): Map<EmailId, EmailRow> => new Map(emails.map((email) => [email.id, email]))

type More = {
  replaces: EmailRow | undefined
  attachments: readonly Row<'attachments'>[]
  approvals: readonly Row<'hold_approvals'>[]
}

const item = (hold: HoldRow, email: EmailRow, { replaces, attachments, approvals }: More): PendingItem => ({
  holdId: hold.id,
  reason: hold.reason,
  contentHash: hold.content_hash,
  heldAt: hold.created_at,
  people: hold.people,
  approvedBy: approvals.map(({ actor_id }) => actor_id),
  editors: editorsOf(hold),
  expiresAt: hold.expires_at,
  renewalsLeft: Math.max(0, mostRenewals - hold.renewals),
  email,
  replaces: replaces ?? null,
  attachments,
})
