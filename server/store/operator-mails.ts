import { type Kysely, type Transaction, sql } from 'kysely'
import type { DomainName } from '../../dns/name.ts'
import type { AccountId, OperatorMailId } from '../model/ids.ts'
import { newId } from '../model/ids.ts'
import type { Database, Row } from './schema.ts'

export type OperatorMailRow = Row<'operator_mails'>

/** Written in the transaction of what it tells of. `giveUpAt`: when it is of no use any more; times in epoch ms. `ofSignup`: a stranger named the recipient. */
export type NewOperatorMail = {
  accountId: AccountId
  recipient: string
  subject: string
  body: string
  now: number
  giveUpAt: number
  ofSignup?: boolean
}

export async function insertOperatorMail(tx: Transaction<Database>, mail: NewOperatorMail): Promise<void> {
  const { accountId, recipient, subject, body, now, giveUpAt, ofSignup = false } = mail
  const row = { id: newId('operatorMail', now), account_id: accountId, recipient, subject, body }
  const times = { next_try_at: now, give_up_at: giveUpAt, created_at: now }
  await tx
    .insertInto('operator_mails')
    .values({ ...row, state: 'due', tries: 0, of_signup: ofSignup ? 1 : 0, ...times })
    .execute()
}

/** @property notTo domains that get none now; `passedOver`: letters that are not wanted now; `ofSignups` false: none that a sign-up has written */
export type OperatorMailChoice = { now: number; notTo: readonly DomainName[]; passedOver: readonly OperatorMailId[]; ofSignups: boolean }

/** The one that has been due for longest, of those that may leave now. */
export function nextOperatorMail(db: Kysely<Database>, choice: OperatorMailChoice): Promise<OperatorMailRow | undefined> {
  let due = db.selectFrom('operator_mails').selectAll().where('state', '=', 'due').where('next_try_at', '<=', choice.now)
  for (const domain of choice.notTo) due = due.where(sql`lower(recipient)`, 'not like', `%@${domain}`)
  if (choice.passedOver.length > 0) due = due.where('id', 'not in', [...choice.passedOver])
  if (!choice.ofSignups) due = due.where('of_signup', '=', 0)
  return due.orderBy('next_try_at').orderBy('id').limit(1).executeTakeFirst()
}

/** Counts a try before it begins, and says when the next one would be. @returns false when another node has begun it */
export async function beginOperatorMail(
  db: Kysely<Database>,
  { id, tries }: Pick<OperatorMailRow, 'id' | 'tries'>,
  nextTryAt: number,
): Promise<boolean> {
  const result = await db
    .updateTable('operator_mails')
    .set({ tries: tries + 1, next_try_at: nextTryAt })
    .where('id', '=', id)
    .where('state', '=', 'due')
    .where('tries', '=', tries)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** It has left, or never will; its words go with that. */
export const endOperatorMail = async (db: Kysely<Database>, id: OperatorMailId, state: 'sent' | 'failed'): Promise<void> => {
  await db.updateTable('operator_mails').set({ state, subject: '', body: '' }).where('id', '=', id).execute()
}

/** Forgets those that ended and were written before this time (epoch ms). */
export const removeOperatorMailsBefore = async (db: Kysely<Database>, before: number): Promise<void> => {
  await db.deleteFrom('operator_mails').where('state', '!=', 'due').where('created_at', '<', before).execute()
}
