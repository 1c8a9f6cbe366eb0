/** What reviewers decided lately, of one mailbox. Each question costs a narrow range of an index, of so many rows at most. Times: epoch ms. */
import { type Kysely, sql } from 'kysely'
import type { Address } from '../model/address.ts'
import type { Direction } from '../model/email.ts'
import type { EmailId, HoldId, MailboxId } from '../model/ids.ts'
import type { Database } from './schema.ts'

const ends = ['approved', 'rejected', 'expired'] as const
export type EndedHold = { id: HoldId; emailId: EmailId; state: (typeof ends)[number]; contentHash: string; endedAt: number }

/** The newest that ended since `from`, newest first, each the last of its email: an approval that was taken back is none. */
export async function endedHolds(
  db: Kysely<Database>,
  { mailboxId, direction, from, limit }: { mailboxId: MailboxId; direction: Direction; from: number; limit: number },
): Promise<EndedHold[]> {
  const kinds = ends.map(
    (state) => sql`select * from (select id, email_id, state, content_hash, ended_at from holds
      where mailbox_id = ${mailboxId} and direction = ${direction} and state = ${state} and ended_at >= ${sql.lit(from)}
        and not exists (select 1 from holds as later where later.email_id = holds.email_id and later.id > holds.id)
      order by ended_at desc limit ${sql.lit(limit)}) as ${sql.ref(`of_${state}`)}`,
  )
  const { rows } = await sql<{ id: HoldId; email_id: EmailId; state: EndedHold['state']; content_hash: string; ended_at: number }>`
    ${sql.join(kinds, sql` union all `)}`.execute(db)
  return rows
    .map(({ id, email_id, state, content_hash, ended_at }) => ({
      id,
      emailId: email_id,
      state,
      contentHash: content_hash,
      endedAt: ended_at,
    }))
    .toSorted((one, other) => other.endedAt - one.endedAt || (one.id < other.id ? 1 : -1))
    .slice(0, limit)
}

/** To whom these emails go. @param ids few hundred at most */
export async function recipientsOf(db: Kysely<Database>, ids: readonly EmailId[]): Promise<Map<EmailId, Address[]>> {
  if (ids.length === 0) return new Map()
  const rows = await db
    .selectFrom('emails')
    .select(['id', 'forward_paths_json'])
    .where('id', 'in', [...ids])
    .execute()
  return new Map(rows.map(({ id, forward_paths_json }) => [id, JSON.parse(forward_paths_json) as Address[]]))
}

/** Those of these emails that waited under more than one content hash: somebody changed them while they waited. */
export async function changedWhileHeld(db: Kysely<Database>, ids: readonly EmailId[]): Promise<Set<EmailId>> {
  if (ids.length === 0) return new Set()
  const rows = await db
    .selectFrom('holds')
    .select('email_id')
    .where('email_id', 'in', [...ids])
    .groupBy('email_id')
    .having((row) => row(row.fn.count('content_hash').distinct(), '>', 1))
    .execute()
  return new Set(rows.map(({ email_id }) => email_id))
}
