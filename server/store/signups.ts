import { type Kysely, type Transaction, sql } from 'kysely'
import { isPostgres } from './engine.ts'
import type { SignupId } from '../model/ids.ts'
import type { Database, NewRow, Row } from './schema.ts'

export type SignupRow = Row<'signups'>

export const insertSignup = async (tx: Transaction<Database>, row: NewRow<'signups'>): Promise<void> => {
  await tx.insertInto('signups').values(row).execute()
}

/** Which hash is looked for: that of the agent's code, of the operator's, or of what an agent that registered itself holds. */
export type SignupHash = 'code_hash' | 'owner_hash' | 'claim_hash'

/** Expired and used ones too: the caller judges. Six digits are not looked for by themselves. */
export const signupBy = (db: Kysely<Database>, column: SignupHash, hash: string): Promise<SignupRow | undefined> => {
  const found = db.selectFrom('signups').selectAll().where(column, '=', hash)
  return (column === 'code_hash' ? found.where('kind', '<>', 'agent') : found).executeTakeFirst()
}

/** As it stays until the end of the transaction: of two codes that are used at once, one makes the account. (On SQLite one transaction writes at a time anyway.) */
export const lockSignup = (tx: Transaction<Database>, id: SignupId): Promise<SignupRow | undefined> => {
  const signup = tx.selectFrom('signups').selectAll().where('id', '=', id)
  return (isPostgres(tx) ? signup.forUpdate() : signup).executeTakeFirst()
}

/** Of this address since (epoch ms), newest first. @param emailKey in the compared form */
export const signupsOf = (db: Kysely<Database>, emailKey: string, since: number): Promise<SignupRow[]> =>
  db
    .selectFrom('signups')
    .selectAll()
    .where('email_key', '=', emailKey)
    .where('created_at', '>', since)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .execute()

/** When the letter before this many was written, of those since (epoch ms) that agents asked for, or people; null: there were fewer. */
export async function letterBefore(
  db: Kysely<Database>,
  { count, since, byAgents }: { count: number; since: number; byAgents: boolean },
): Promise<number | null> {
  const letters = db
    .selectFrom('signups')
    .select('letter_at')
    .where('letter_at', '>', since)
    // Only an agent that registered itself holds one.
    .where('claim_hash', byAgents ? 'is not' : 'is', null)
  const row = await letters
    .orderBy('letter_at', 'desc')
    .offset(count - 1)
    .limit(1)
    .executeTakeFirst()
  return row?.letter_at ?? null
}

/** Whether somebody waits for this slug, or an account has it. @param now epoch ms */
export async function isSlugWanted(db: Kysely<Database>, slug: string, now: number): Promise<boolean> {
  const waits = await db
    .selectFrom('signups')
    .select('id')
    .where('slug', '=', slug)
    .where('expires_at', '>', now)
    .limit(1)
    .executeTakeFirst()
  return waits !== undefined || (await isSlugTaken(db, slug))
}

export const isSlugTaken = async (db: Kysely<Database>, slug: string): Promise<boolean> =>
  (await db.selectFrom('accounts').select('id').where('slug', '=', slug).executeTakeFirst()) !== undefined

type Change = Partial<
  Pick<
    SignupRow,
    | 'agent_keys_json'
    | 'owner_keys_json'
    | 'code_hash'
    | 'owner_hash'
    | 'tries'
    | 'letters'
    | 'letter_at'
    | 'expires_at'
    | 'account_id'
    | 'mailbox_id'
    | 'agent_used_at'
    | 'owner_used_at'
  >
>
export const changeSignup = async (tx: Transaction<Database>, id: SignupId, change: Change): Promise<void> => {
  await tx.updateTable('signups').set(change).where('id', '=', id).execute()
}

/** Forgets who wanted an account and whose time is over, and the proofs of work that nobody can bring again. @param now epoch ms */
export async function sweepSignups(db: Kysely<Database>, now: number): Promise<void> {
  await db.deleteFrom('signups').where('expires_at', '<=', now).execute()
  await db.deleteFrom('spent_challenges').where('forget_at', '<=', now).execute()
}

/** @returns whether an account is looked after from this address. @param emailKey in the compared form */
export const hasAccount = async (db: Kysely<Database>, emailKey: string): Promise<boolean> =>
  (await db
    .selectFrom('accounts')
    .select('id')
    .where(sql`lower(oversight_email)`, '=', emailKey)
    .limit(1)
    .executeTakeFirst()) !== undefined

/** How many accounts there are that somebody signed up for. */
export async function countSignedUp(db: Kysely<Database>): Promise<number> {
  const { count } = await db
    .selectFrom('accounts')
    .select((row) => row.fn.countAll().as('count'))
    .where('signed_up_at', 'is not', null)
    .where('deleted_at', 'is', null)
    .executeTakeFirstOrThrow()
  return Number(count)
}

export const spentChallenge = (db: Kysely<Database>, digest: string): Promise<Row<'spent_challenges'> | undefined> =>
  db.selectFrom('spent_challenges').selectAll().where('digest', '=', digest).executeTakeFirst()

/** @returns false when it was used up already */
export const spendChallenge = async (tx: Transaction<Database>, row: Row<'spent_challenges'>): Promise<boolean> =>
  (await tx
    .insertInto('spent_challenges')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .returning('digest')
    .executeTakeFirst()) !== undefined
