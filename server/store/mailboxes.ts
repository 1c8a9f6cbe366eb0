import { type Kysely, type Transaction } from 'kysely'
import { isPostgres } from './engine.ts'
import type { AutonomyMoved } from '../model/autonomy.ts'
import type { OversightMode } from '../model/email.ts'
import { type LoweringCause, usualCauses } from '../model/lowering.ts'
import type { Policy } from '../model/policy.ts'
import type { MailboxId } from '../model/ids.ts'
import type { Tenancy, World } from '../model/world.ts'
import { prepare } from './prepared.ts'
import type { Database, NewRow, Row } from './schema.ts'

/** How a mailbox is set up before anybody has changed it. */
export const asMade = {
  is_active: 1,
  deleted_at: null,
  webhook_url: null,
  oversight_webhook_url: null,
  default_gate_timing: 'gate_first',
  auto_cc: null,
  auto_bcc: null,
  signature_block: null,
  scheduling_enabled: 1,
  mcp_configured: 0,
  undo_seconds: 0,
  policy_json: null,
  policy_set_at: null,
  policy_set_by: null,
  lowers_on_json: null,
  canaries_per_week: 0,
} as const

/** Its rules in order; [] when it has no policy. */
export const policyIn = ({ policy_json }: Pick<Row<'mailboxes'>, 'policy_json'>): Policy =>
  policy_json === null ? [] : (JSON.parse(policy_json) as Policy)

export const setPolicy = async (
  tx: Transaction<Database>,
  id: MailboxId,
  { policy, by, at }: { policy: Policy; by: string; at: number },
): Promise<void> => {
  const policy_json = policy.length === 0 ? null : JSON.stringify(policy)
  await tx.updateTable('mailboxes').set({ policy_json, policy_set_at: at, policy_set_by: by }).where('id', '=', id).execute()
}

/** What lowers it by itself. */
export const causesIn = ({ lowers_on_json, world }: Pick<Row<'mailboxes'>, 'lowers_on_json' | 'world'>): readonly LoweringCause[] =>
  lowers_on_json === null ? usualCauses(world) : (JSON.parse(lowers_on_json) as LoweringCause[])

export const setCauses = async (tx: Transaction<Database>, id: MailboxId, causes: readonly LoweringCause[]): Promise<void> => {
  await tx
    .updateTable('mailboxes')
    .set({ lowers_on_json: JSON.stringify(causes) })
    .where('id', '=', id)
    .execute()
}

/** Suspended: refused for a time. Deleted: gone for everybody but those who look after the record; its row, its mail and its address stay. */
export type MailboxState = 'active' | 'suspended' | 'deleted'

export const stateOf = ({ is_active, deleted_at }: Pick<Row<'mailboxes'>, 'is_active' | 'deleted_at'>): MailboxState =>
  deleted_at !== null ? 'deleted' : is_active === 1 ? 'active' : 'suspended'

export const insertMailbox = async (tx: Transaction<Database>, row: NewRow<'mailboxes'>): Promise<void> => {
  await tx.insertInto('mailboxes').values(row).execute()
}

/** The tenant's mailbox by its id or by its address in the compared form; somebody else's does not exist (design promise 9). */
export const findMailbox = async (
  db: Kysely<Database>,
  { accountId, world }: Tenancy,
  idOrAddress: string,
): Promise<Row<'mailboxes'> | undefined> => (await byEither(db, { accountId, world, idOrAddress: idOrAddress as MailboxId }))[0]

const byEither = prepare((db, { accountId, world, idOrAddress }: Tenancy & { idOrAddress: MailboxId }) =>
  ownMailboxes(db, { accountId, world })
    .selectAll()
    .where((any) => any.or([any('id', '=', idOrAddress), any('address', '=', idOrAddress)])),
)

/** For the appliance's own work, which acts for no caller. */
export const mailboxById = async (db: Kysely<Database>, id: MailboxId): Promise<Row<'mailboxes'> | undefined> => (await byId(db, { id }))[0]

const byId = prepare((db, { id }: { id: MailboxId }) => db.selectFrom('mailboxes').selectAll().where('id', '=', id))

/** The names that mailboxes of the same account write under, up to `limit` of them; deleted mailboxes write no more. */
export const displayNamesAround = async (db: Kysely<Database>, mailboxId: MailboxId, limit: number): Promise<string[]> =>
  (await named(db, { mailboxId, limit })).flatMap(({ display_name }) => display_name ?? [])

const named = prepare((db, { mailboxId, limit }: { mailboxId: MailboxId; limit: number }) =>
  db
    .selectFrom('mailboxes as named')
    .innerJoin('mailboxes as own', (join) => join.onRef('own.account_id', '=', 'named.account_id').onRef('own.world', '=', 'named.world'))
    .select('named.display_name')
    .where('own.id', '=', mailboxId)
    .where('named.display_name', 'is not', null)
    .where('named.deleted_at', 'is', null)
    .orderBy('named.id')
    .limit(limit),
)

/** The tenant's mailboxes, oldest first; suspended ones too, deleted ones not. @param mailboxIds only these; null for all */
export function listMailboxes(
  db: Kysely<Database>,
  tenancy: Tenancy,
  mailboxIds: readonly MailboxId[] | null,
): Promise<Row<'mailboxes'>[]> {
  if (mailboxIds?.length === 0) return Promise.resolve([])
  let query = ownMailboxes(db, tenancy).selectAll().where('deleted_at', 'is', null)
  if (mailboxIds !== null) query = query.where('id', 'in', [...mailboxIds])
  return query.orderBy('id').execute()
}

/** Every mailbox of the appliance, by address, deleted ones too, but not those of accounts that were deleted: for the operator on the host. */
export const everyMailbox = (db: Kysely<Database>): Promise<Row<'mailboxes'>[]> =>
  db
    .selectFrom('mailboxes')
    .selectAll()
    .where('account_id', 'not in', db.selectFrom('accounts').select('id').where('deleted_at', 'is not', null))
    .orderBy('address')
    .orderBy('world')
    .execute()

/** The mailbox with this address, suspended and deleted ones too. @param addressKey the compared form */
export const mailboxAt = (db: Kysely<Database>, world: World, addressKey: string): Promise<Row<'mailboxes'> | undefined> =>
  db.selectFrom('mailboxes').selectAll().where('address', '=', addressKey).where('world', '=', world).executeTakeFirst()

/** @param now epoch ms: when it is deleted, if it is */
export const setMailboxState = async (tx: Transaction<Database>, id: MailboxId, state: MailboxState, now: number): Promise<void> => {
  await tx
    .updateTable('mailboxes')
    .set({ is_active: state === 'active' ? 1 : 0, deleted_at: state === 'deleted' ? now : null })
    .where('id', '=', id)
    .execute()
}

/** What an operator chooses for a mailbox. */
export type MailboxSettings = Pick<
  Row<'mailboxes'>,
  | 'display_name'
  | 'auto_cc'
  | 'auto_bcc'
  | 'signature_block'
  | 'default_gate_timing'
  | 'scheduling_enabled'
  | 'mcp_configured'
  | 'undo_seconds'
>

export const changeSettings = async (tx: Transaction<Database>, id: MailboxId, change: Partial<MailboxSettings>): Promise<void> => {
  if (Object.keys(change).length > 0) await tx.updateTable('mailboxes').set(change).where('id', '=', id).execute()
}

/** Writes what `stepAutonomy` said of a mailbox in the mode `from` (design promise 4). @returns false when it was no longer in that mode */
export async function setMode(
  tx: Transaction<Database>,
  id: MailboxId,
  from: OversightMode,
  { autonomy: { mode: to } }: AutonomyMoved,
): Promise<boolean> {
  const change = tx.updateTable('mailboxes').set({ oversight_mode: to }).where('id', '=', id).where('oversight_mode', '=', from)
  return (await change.executeTakeFirst()).numUpdatedRows > 0n
}

/** The mailbox as it stays until the end of this transaction. */
export const mailboxToChange = (tx: Transaction<Database>, id: MailboxId): Promise<Row<'mailboxes'> | undefined> => {
  const query = tx.selectFrom('mailboxes').selectAll().where('id', '=', id)
  return (isPostgres(tx) ? query.forNoKeyUpdate() : query).executeTakeFirst()
}

/** The mailbox as something is filed in it: until that is committed nobody deletes it, or changes what the mail was judged by. Of several that file
 *  none waits for another. */
export const mailboxToFile = async (tx: Transaction<Database>, id: MailboxId): Promise<Row<'mailboxes'> | undefined> =>
  (await toFile(tx, { id }))[0]

const toFile = prepare((db, { id }: { id: MailboxId }) => {
  const query = db.selectFrom('mailboxes').selectAll().where('id', '=', id)
  return isPostgres(db) ? query.forShare() : query
})

// SQLite has one writer, so being in a transaction is the lock.

/** How many an account has in one world; deleted ones count no more. */
export async function countMailboxes(db: Kysely<Database>, tenancy: Tenancy): Promise<number> {
  const row = await ownMailboxes(db, tenancy)
    .select((one) => one.fn.countAll().as('count'))
    .where('deleted_at', 'is', null)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

const ownMailboxes = (db: Kysely<Database>, tenancy: Tenancy) =>
  db.selectFrom('mailboxes').where('account_id', '=', tenancy.accountId).where('world', '=', tenancy.world)
