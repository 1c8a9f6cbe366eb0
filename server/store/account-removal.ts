/**
 * What becomes of an account that is deleted: first its rows say so, in one short transaction; then all that is in it goes, a little at a time.
 *
 * Rows of `accounts`, `mailboxes` and `domains` stay, without what they said of anybody, so that ids in the log lead somewhere, and mail for the domain is
 * still refused as for somebody who is not there. So does the log itself, but for what it says of people. A mailbox at a domain of another account, as people
 * get who sign up, keeps its address: that domain goes on, and neither the next who signs up nor its catch-all may get mail of whoever had it.
 */
import { type Kysely, type Transaction, sql } from 'kysely'
import type { AccountId, MailboxId } from '../model/ids.ts'
import { forgotten } from './people.ts'
import { removeEmails, removeSomeRows } from './removal.ts'
import type { Database, Row } from './schema.ts'

type Tx = Transaction<Database>

/** What was there at the moment at which it was deleted. */
export type Closed = { mailboxes: number; keys: number; webhooks: number; domains: number }

/** Keys are worth nothing, addresses lead nowhere, webhooks gone, and the name, the slug and the domains are free from the commit on. */
export async function closeAccount(tx: Tx, id: AccountId, now: number): Promise<Closed> {
  // In the order in which mail is filed: the mailbox before the account.
  const mailboxes = await emptyMailboxes(tx, id, now)
  await tx.deleteFrom('aliases').where('account_id', '=', id).execute()
  const domains = await leaveDomains(tx, id)
  const keys = await tx
    .updateTable('api_keys')
    .set({ revoked_at: now })
    .where('account_id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  const webhooks = await tx.deleteFrom('webhooks').where('account_id', '=', id).returning('id').execute()
  for (const webhook of webhooks) await tx.deleteFrom('alarms').where('class', '=', 'webhook').where('source', '=', webhook.id).execute()
  await tx.updateTable('admin_actions').set({ refused_at: now }).where('account_id', '=', id).where(stillOpen).execute()
  await forgetPeople(tx, id, now)
  await endLetters(tx, id)
  await emptyAccount(tx, id, now)
  return { mailboxes, domains, keys: Number(keys.numUpdatedRows), webhooks: webhooks.length }
}

const stillOpen = sql<boolean>`used_at is null and refused_at is null`

async function emptyMailboxes(tx: Tx, id: AccountId, now: number): Promise<number> {
  const done = await tx
    .updateTable('mailboxes')
    .set({
      is_active: 0,
      deleted_at: sql<number>`coalesce(deleted_at, ${now})`,
      // At the account's own domains somebody else may have the old one from now on. No address that is written or read looks like this: it has capitals.
      address: sql<string>`case when domain_id in (${ownDomains(tx, id)}) then id || '@deleted.invalid' else address end`,
      display_name: null,
      signature_block: null,
      auto_cc: null,
      auto_bcc: null,
      webhook_url: null,
      oversight_webhook_url: null,
      policy_json: null,
    })
    .where('account_id', '=', id)
    .executeTakeFirst()
  return Number(done.numUpdatedRows)
}

const ownDomains = (tx: Tx, id: AccountId) => tx.selectFrom('domains').select('id').where('account_id', '=', id)

/** Proved domains stay as nobody's: what is written there is refused for good (550 5.1.1), and not as mail of others that we would not relay. */
async function leaveDomains(tx: Tx, id: AccountId): Promise<number> {
  await tx.deleteFrom('dkim_keys').where('domain_id', 'in', ownDomains(tx, id)).execute()
  await tx
    .deleteFrom('domains')
    .where('account_id', '=', id)
    .where('is_pending', '=', 1)
    .where((row) =>
      row.not(row.exists(row.selectFrom('mailboxes').select('mailboxes.id').whereRef('mailboxes.domain_id', '=', 'domains.id'))),
    )
    .execute()
  const left = await tx
    .updateTable('domains')
    .set({ catch_all_mailbox_id: null, verified_at: null, findings_json: null })
    .where('account_id', '=', id)
    .executeTakeFirst()
  return Number(left.numUpdatedRows)
}

/** Nobody signs in any more, and who they were is gone at once; their ids mean them in the log until the rows go too. */
async function forgetPeople(tx: Tx, id: AccountId, now: number): Promise<void> {
  for (const table of ['person_sessions', 'person_codes', 'passkeys'] as const)
    await tx.deleteFrom(table).where('account_id', '=', id).execute()
  await tx
    .updateTable('people')
    .set({ ...forgotten, address_key: sql<string>`id`, removed_at: sql<number>`coalesce(removed_at, ${now})` })
    .where('account_id', '=', id)
    .execute()
}

const endLetters = (tx: Tx, id: AccountId) =>
  tx
    .updateTable('operator_mails')
    .set({ state: 'failed', subject: '', body: '' })
    .where('account_id', '=', id)
    .where('state', '=', 'due')
    .execute()

async function emptyAccount(tx: Tx, id: AccountId, now: number): Promise<void> {
  await tx
    .updateTable('accounts')
    .set({
      name: 'deleted',
      slug: sql<string>`id`,
      physical_address: null,
      oversight_email: null,
      deleted_at: sql<number>`coalesce(deleted_at, ${now})`,
    })
    .where('id', '=', id)
    .execute()
}

/** Accounts of which something may still be there, oldest first. */
export const accountsToRemove = (db: Kysely<Database>): Promise<Row<'accounts'>[]> =>
  db.selectFrom('accounts').selectAll().where('deleted_at', 'is not', null).where('removed_at', 'is', null).orderBy('id').execute()

export const mailboxIdsOf = async (db: Kysely<Database>, id: AccountId): Promise<MailboxId[]> =>
  (await db.selectFrom('mailboxes').select('id').where('account_id', '=', id).orderBy('id').execute()).map((row) => row.id)

/** Whether something of it is in the queue, such as what an attempt is under way at. */
export async function hasQueued(db: Kysely<Database>, id: AccountId): Promise<boolean> {
  const mailboxes = db.selectFrom('mailboxes').select('id').where('account_id', '=', id)
  const one = db.selectFrom('deliveries').select('id').where('state', '=', 'queued').where('mailbox_id', 'in', mailboxes)
  return (await one.limit(1).executeTakeFirst()) !== undefined
}

/** Takes a content away that nothing names any more. The file first, the row with the commit: see `Blobs.put`. */
type RemoveFile = (hash: string) => Promise<void>

/** Removes up to `limit` emails with all that hangs on them, and their contents. @returns how many */
export async function removeEmailsOf(tx: Tx, id: AccountId, removeFile: RemoveFile, limit: number): Promise<number> {
  const { count, contents } = await removeEmails(tx, sql`account_id = ${id}`, limit)
  await removeContents(tx, contents, removeFile)
  return count
}

/** Another account may have the same content. */
async function removeContents(tx: Tx, hashes: readonly string[], removeFile: RemoveFile): Promise<void> {
  for (const hash of hashes) {
    const gone = await tx
      .deleteFrom('blobs')
      .where('hash', '=', hash)
      .where((row) => row.not(row.exists(row.selectFrom('emails').select('emails.id').whereRef('emails.raw_hash', '=', 'blobs.hash'))))
      .where((row) =>
        row.not(
          row.exists(
            row.selectFrom('email_versions').select('email_versions.email_id').whereRef('email_versions.raw_hash', '=', 'blobs.hash'),
          ),
        ),
      )
      .where((row) =>
        row.not(row.exists(row.selectFrom('attachments').select('attachments.id').whereRef('attachments.blob_hash', '=', 'blobs.hash'))),
      )
      .returning(['hash', sql<number>`case when bytes is null then 1 else 0 end`.as('is_file')])
      .executeTakeFirst()
    if (gone?.is_file === 1) await removeFile(gone.hash)
  }
}

/** In an order in which nothing is left that names what goes; emails are gone before. */
const ofMailbox = [
  'review_times',
  'threads',
  'correspondents',
  'first_contacts',
  'send_windows',
  'policy_counts',
  'send_caps',
  'mailbox_days',
  'mailbox_standings',
  'mode_findings',
  'canaries',
  'noticing_mailboxes',
  'notified_mailboxes',
  'recent_submissions',
] as const satisfies readonly (keyof Database)[]
const ofAccount = [
  'review_openings',
  'timed_reviews',
  'mode_upgrades',
  'allowlist_entries',
  'allowances',
  'aliases',
  'suppressions',
  'contacts',
  'spam_tokens',
  'monthly_messages',
  'usage_days',
  'issues',
  'webhook_deliveries',
  'webhooks',
  'events',
  'operator_mails',
  'idempotent_calls',
  'kept_views',
  'admin_actions',
  'signups',
  'operator_sessions',
  'approval_links',
  'reviewer_turns',
  'passkeys',
  'person_codes',
  'person_sessions',
  'people',
  'api_keys',
] as const satisfies readonly (keyof Database)[]

/** Removes up to `limit` rows of one table. @returns how many; 0: there are none left anywhere */
export async function removeRowsOf(tx: Tx, id: AccountId, limit: number): Promise<number> {
  const mailboxes = sql`mailbox_id in (select id from mailboxes where account_id = ${id})`
  for (const [tables, condition] of [
    [ofMailbox, mailboxes],
    [ofAccount, sql`account_id = ${id}`],
  ] as const) {
    for (const table of tables) {
      const removed = await removeSomeRows(tx, table, condition, limit)
      if (removed > 0) return removed
    }
  }
  return 0
}

/** Erases what up to `limit` entries of the log say of people, behind `after`. @returns the last one looked at; null when there are no more */
export async function eraseDetails(tx: Tx, id: AccountId, after: number, limit: number): Promise<number | null> {
  const seqs: number[] = []
  for (const world of ['live', 'test'] as const) {
    const entries = tx
      .selectFrom('log_entries')
      .select('seq')
      .where('account_id', '=', id)
      .where('world', '=', world)
      .where('seq', '>', after)
    seqs.push(...(await entries.orderBy('seq').limit(limit).execute()).map(({ seq }) => seq))
  }
  const next = seqs.toSorted((one, other) => one - other).slice(0, limit)
  if (next.length === 0) return null
  await tx
    .updateTable('log_entries')
    .set({ details_json: null, details_salt: null })
    .where('seq', 'in', next)
    .where('details_json', 'is not', null)
    .execute()
  return next.at(-1) ?? null
}

/** Nothing is left, and nobody changed what stays. */
export async function finishRemoval(tx: Tx, id: AccountId, now: number): Promise<void> {
  await tx.deleteFrom('sending_stops').where('account_id', '=', id).execute()
  await emptyMailboxes(tx, id, now)
  await leaveDomains(tx, id)
  await emptyAccount(tx, id, now)
  await tx.updateTable('accounts').set({ removed_at: now }).where('id', '=', id).execute()
}
