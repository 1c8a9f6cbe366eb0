/** To whom a mailbox may write without asking for a time, because somebody who decides on its mail said so. */
import type { Kysely, Transaction } from 'kysely'
import type { AccountId, AllowanceId, MailboxId, PersonId } from '../model/ids.ts'
import { prepare } from './prepared.ts'
import type { Database, Row } from './schema.ts'

export type AllowanceRow = Row<'allowances'>

/** Instead of what the same one allowed before for the same address. */
export const putAllowance = async (tx: Transaction<Database>, row: AllowanceRow): Promise<void> => {
  await tx
    .deleteFrom('allowances')
    .where('mailbox_id', '=', row.mailbox_id)
    .where('address', '=', row.address)
    .where('allowed_by', '=', row.allowed_by)
    .execute()
  await tx.insertInto('allowances').values(row).execute()
}

/** @returns what it was; undefined: there was none of this id in the mailbox, or its time was over at `now` (epoch ms) */
export const removeAllowance = (
  tx: Transaction<Database>,
  mailboxId: MailboxId,
  id: AllowanceId,
  now: number,
): Promise<AllowanceRow | undefined> =>
  tx
    .deleteFrom('allowances')
    .where('id', '=', id)
    .where('mailbox_id', '=', mailboxId)
    .where('expires_at', '>', now)
    .returningAll()
    .executeTakeFirst()

/** Whatever somebody allowed, in every mailbox of their account. @returns how many there were */
export async function removeAllowancesBy(tx: Transaction<Database>, accountId: AccountId, by: PersonId): Promise<number> {
  const gone = await tx.deleteFrom('allowances').where('account_id', '=', accountId).where('allowed_by', '=', by).executeTakeFirst()
  return Number(gone.numDeletedRows)
}

/** Forgets those of a mailbox whose time is over. @param now epoch ms */
export const removeAllowancesBefore = async (tx: Transaction<Database>, mailboxId: MailboxId, now: number): Promise<void> => {
  await tx.deleteFrom('allowances').where('mailbox_id', '=', mailboxId).where('expires_at', '<=', now).execute()
}

/** Those that are good at `now` (epoch ms), what ends next first. */
export const allowancesOf = (db: Kysely<Database>, mailboxId: MailboxId, now: number, limit: number): Promise<AllowanceRow[]> =>
  db
    .selectFrom('allowances')
    .selectAll()
    .where('mailbox_id', '=', mailboxId)
    .where('expires_at', '>', now)
    .orderBy('expires_at')
    .orderBy('id')
    .limit(limit)
    .execute()

/** Of every mailbox of an account in one world. */
export const allowancesOfTenant = (
  db: Kysely<Database>,
  { accountId, world }: { accountId: AccountId; world: AllowanceRow['world'] },
  now: number,
  limit: number,
): Promise<AllowanceRow[]> =>
  db
    .selectFrom('allowances')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('world', '=', world)
    .where('expires_at', '>', now)
    .orderBy('expires_at')
    .orderBy('id')
    .limit(limit)
    .execute()

export async function countAllowances(db: Kysely<Database>, mailboxId: MailboxId): Promise<number> {
  const row = await db
    .selectFrom('allowances')
    .select((one) => one.fn.countAll().as('count'))
    .where('mailbox_id', '=', mailboxId)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/** Most mailboxes have none. @param now epoch ms */
export const hasAllowance = async (db: Kysely<Database>, mailboxId: MailboxId, now: number): Promise<boolean> =>
  (await anyOf(db, { mailboxId, now })).length > 0

const anyOf = prepare((db, { mailboxId, now }: { mailboxId: MailboxId; now: number }) =>
  db.selectFrom('allowances').select('id').where('mailbox_id', '=', mailboxId).where('expires_at', '>', now).limit(1),
)

/** Which of these addresses, in the compared form, the mailbox may write to at `now` (epoch ms), as somebody else than `except` said. */
export async function allowedAmong(
  db: Kysely<Database>,
  mailboxId: MailboxId,
  { addresses, except, now }: { addresses: readonly string[]; except: readonly PersonId[]; now: number },
): Promise<string[]> {
  if (addresses.length === 0) return []
  const good = db.selectFrom('allowances').select('address').where('mailbox_id', '=', mailboxId).where('expires_at', '>', now)
  const others = except.length === 0 ? good : good.where('allowed_by', 'not in', [...except])
  return (await others.where('address', 'in', [...addresses]).execute()).map(({ address }) => address)
}
