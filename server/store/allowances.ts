/** To whom a mailbox may write without asking for a time, because somebody who decides on its mail said so. */
import type { Expression, ExpressionBuilder, Kysely, SqlBool, Transaction } from 'kysely'
import type { AccountId, AllowanceId, KeyId, MailboxId, PersonId } from '../model/ids.ts'
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

/** Whatever a person or a key allowed, in every mailbox of their account: of a person what keys of theirs allowed too. @returns how many there were */
export async function removeAllowancesBy(tx: Transaction<Database>, accountId: AccountId, by: PersonId | KeyId): Promise<number> {
  const gone = await tx.deleteFrom('allowances').where('account_id', '=', accountId).where(isOf(by)).executeTakeFirst()
  return Number(gone.numDeletedRows)
}

/** The mailboxes in which they allowed something. */
export const mailboxesAllowedBy = async (db: Kysely<Database>, accountId: AccountId, by: PersonId | KeyId): Promise<MailboxId[]> =>
  (
    await db
      .selectFrom('allowances')
      .select('mailbox_id')
      .distinct()
      .where('account_id', '=', accountId)
      .where(isOf(by))
      .orderBy('mailbox_id')
      .execute()
  ).map(({ mailbox_id }) => mailbox_id)

const isOf =
  (by: PersonId | KeyId) =>
  (row: ExpressionBuilder<Database, 'allowances'>): Expression<SqlBool> =>
    row.or([row('voter_id', '=', by), row('allowed_by', '=', by)])

/** What counted as one person's counts as another's, who has their keys now. */
export const moveAllowances = async (tx: Transaction<Database>, accountId: AccountId, from: PersonId, to: PersonId): Promise<void> => {
  await tx.updateTable('allowances').set({ voter_id: to }).where('account_id', '=', accountId).where('voter_id', '=', from).execute()
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

/** Without what this one allowed for this address. */
export async function countAllowances(
  db: Kysely<Database>,
  mailboxId: MailboxId,
  { address, allowedBy }: { address: string; allowedBy: string },
): Promise<number> {
  const row = await db
    .selectFrom('allowances')
    .select((one) => one.fn.countAll().as('count'))
    .where('mailbox_id', '=', mailboxId)
    .where(({ or, eb }) => or([eb('address', '<>', address), eb('allowed_by', '<>', allowedBy)]))
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/** Most mailboxes have none. @param now epoch ms */
export const hasAllowance = async (db: Kysely<Database>, mailboxId: MailboxId, now: number): Promise<boolean> =>
  (await anyOf(db, { mailboxId, now })).length > 0

const anyOf = prepare((db, { mailboxId, now }: { mailboxId: MailboxId; now: number }) =>
  db.selectFrom('allowances').select('id').where('mailbox_id', '=', mailboxId).where('expires_at', '>', now).limit(1),
)

/** Which of these addresses, in the compared form, the mailbox may write to at `now` (epoch ms), as somebody else than `except`, each as `voterOf` says, allowed. */
export async function allowedAmong(
  db: Kysely<Database>,
  mailboxId: MailboxId,
  { addresses, except, now }: { addresses: readonly string[]; except: readonly string[]; now: number },
): Promise<string[]> {
  if (addresses.length === 0) return []
  const good = db.selectFrom('allowances').select('address').where('mailbox_id', '=', mailboxId).where('expires_at', '>', now)
  const others = except.length === 0 ? good : good.where('voter_id', 'not in', [...except])
  return (await others.where('address', 'in', [...addresses]).execute()).map(({ address }) => address)
}
