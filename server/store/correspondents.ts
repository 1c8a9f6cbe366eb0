import { type Insertable, type Kysely, type Transaction, sql } from 'kysely'
import { addressKey } from '../model/address.ts'
import type { MailboxId } from '../model/ids.ts'
import { prepare, prepareChange } from './prepared.ts'
import type { Database } from './schema.ts'

/** Emails of an address that were let into a mailbox, those of them that DMARC or the like proved to be theirs, and emails to it. */
export type Correspondence = { received: number; verified: number; sent: number }

export const noCorrespondence: Correspondence = { received: 0, verified: 0, sent: 0 }

/** One more email let in. @param verified whether its author was proved */
export const noteReceived = (
  tx: Transaction<Database>,
  { mailboxId, address, verified, now }: { mailboxId: MailboxId; address: string; verified: boolean; now: number },
): Promise<void> => addOne(tx, { ...rowOf(mailboxId, address, now), received: 1, verified: verified ? 1 : 0 })

/** One more email to each of these. */
export const noteSent = async (
  tx: Transaction<Database>,
  { mailboxId, addresses, now }: { mailboxId: MailboxId; addresses: readonly string[]; now: number },
): Promise<void> => {
  // In one order for everybody, so that two transactions on PostgreSQL cannot wait for each other.
  const keys = [...new Set(addresses.map(addressKey))].toSorted()
  await Promise.all(keys.map((address) => addOne(tx, { ...rowOf(mailboxId, address, now), sent: 1 })))
}

type NewCorrespondent = Insertable<Database['correspondents']>

const rowOf = (mailboxId: MailboxId, address: string, now: number): NewCorrespondent => {
  const key = addressKey(address)
  const domain = key.slice(key.lastIndexOf('@') + 1)
  return { mailbox_id: mailboxId, address: key, domain, received: 0, verified: 0, sent: 0, first_at: now, last_at: now }
}

const adding = (db: Kysely<Database>, rows: readonly NewCorrespondent[]) =>
  db
    .insertInto('correspondents')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['mailbox_id', 'address']).doUpdateSet((row) => ({
        received: row('correspondents.received', '+', row.ref('excluded.received')),
        verified: row('correspondents.verified', '+', row.ref('excluded.verified')),
        sent: row('correspondents.sent', '+', row.ref('excluded.sent')),
        last_at: row.ref('excluded.last_at'),
      })),
    )

const addOne = prepareChange((db, { mailbox_id, address, domain, received, verified, sent, first_at, last_at }: NewCorrespondent) =>
  adding(db, [{ mailbox_id, address, domain, received, verified, sent, first_at, last_at }]),
)

/** What each of these mailboxes has to do with an address; a mailbox that has nothing to do with it is left out. */
export async function correspondenceWith(
  db: Kysely<Database>,
  mailboxIds: readonly MailboxId[],
  address: string,
): Promise<Map<MailboxId, Correspondence>> {
  if (mailboxIds.length === 0) return new Map()
  const key = addressKey(address)
  const [only] = mailboxIds
  const rows =
    only !== undefined && mailboxIds.length === 1 ? await ofOne(db, { only, key }) : await found(db, [...mailboxIds], key).execute()
  return new Map(rows.map(({ mailbox_id, received, verified, sent }) => [mailbox_id, { received, verified, sent }]))
}

const found = (db: Kysely<Database>, mailboxIds: MailboxId[], key: string) =>
  db
    .selectFrom('correspondents')
    .select(['mailbox_id', 'received', 'verified', 'sent'])
    .where('mailbox_id', 'in', mailboxIds)
    .where('address', '=', key)

// Nearly every message is for one mailbox.
const ofOne = prepare((db, { only, key }: { only: MailboxId; key: string }) => found(db, [only], key))

/** Those of these that the mailbox has written to, or had mail from that was proved to be theirs. @param keys addresses in the compared form */
export async function knownAmong(db: Kysely<Database>, mailboxId: MailboxId, keys: readonly string[]): Promise<Set<string>> {
  if (keys.length === 0) return new Set()
  return new Set((await known(db, mailboxId, keys).execute()).map(({ address }) => address))
}

/** Since when (epoch ms) the mailbox has to do with those of these whom it knows. @param keys addresses in the compared form */
export async function knownSince(db: Kysely<Database>, mailboxId: MailboxId, keys: readonly string[]): Promise<Map<string, number>> {
  if (keys.length === 0) return new Map()
  const rows = await known(db, mailboxId, keys).select('first_at').execute()
  return new Map(rows.map(({ address, first_at }) => [address, first_at]))
}

const known = (db: Kysely<Database>, mailboxId: MailboxId, keys: readonly string[]) =>
  db
    .selectFrom('correspondents')
    .select('address')
    .where('mailbox_id', '=', mailboxId)
    .where('address', 'in', [...new Set(keys)])
    .where((any) => any.or([any('sent', '>', 0), any('verified', '>', 0)]))

/** Whether one of these mailboxes has written to somebody of one of these domains. */
export async function hasWrittenTo(db: Kysely<Database>, mailboxIds: readonly MailboxId[], domains: readonly string[]): Promise<boolean> {
  if (mailboxIds.length === 0 || domains.length === 0) return false
  const row = await db
    .selectFrom('correspondents')
    .select('address')
    .where('mailbox_id', 'in', [...mailboxIds])
    .where('domain', 'in', [...domains])
    .where('sent', '>', 0)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** The domains that a mailbox has written to, from its last `limit` correspondents, the last first. */
export const domainsWrittenTo = async (db: Kysely<Database>, mailboxId: MailboxId, limit: number): Promise<string[]> => [
  ...new Set((await writtenTo(db, { mailboxId, limit })).map(({ domain }) => domain)),
]

const writtenTo = prepare((db, { mailboxId, limit }: { mailboxId: MailboxId; limit: number }) =>
  db
    .selectFrom('correspondents')
    .select('domain')
    .where('mailbox_id', '=', mailboxId)
    // Spelt out, so that the index of these rows alone is found.
    .where('sent', '>', sql.lit(0))
    .orderBy('last_at', 'desc')
    .limit(limit),
)
