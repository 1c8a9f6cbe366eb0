/** Who takes what is sent to an address: over domains, mailboxes and aliases, in one statement, because every RCPT TO waits for it. */
import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { DomainName } from '../../dns/name.ts'
import type { MailboxId } from '../model/ids.ts'
import { type MailboxState, stateOf } from './mailboxes.ts'
import { prepare } from './prepared.ts'
import type { Database } from './schema.ts'

/** `keys` are addresses in the compared form, all at `domain`: the one that was given, and it without `+detail` when it has some.
 *  `role`: the domain's oldest active and oldest suspended mailbox are asked for, too, of the account that has the domain: who signed up for a mailbox
 *  there answers for nobody. */
export type TakersQuery = { domain: DomainName; keys: readonly string[]; role: boolean }

/** A mailbox of the live world (design promise 8) and how it comes into question. `address` is the one that was found, of a domain its name. */
export type Taker = {
  found: 'mailbox' | 'alias' | 'role' | 'catch-all'
  address: string
  id: MailboxId
  state: MailboxState
}

type FoundRow = { found: Taker['found']; address: string; id: MailboxId | null; is_active: number; deleted_at: number | null }

/** In no particular order. Null when the domain is none of ours. */
export async function takersOf(db: Kysely<Database>, query: TakersQuery): Promise<Taker[] | null> {
  // From a select, and not raw altogether: reading from SQLite is another connection than writing.
  const rows = await (isPlain(query) ? plain(db, query) : asked(db, query).execute())
  return rows.length === 0 ? null : rows.flatMap(takerIn)
}

const asked = (db: Kysely<Database>, query: TakersQuery) => db.selectFrom(statement(query).as('takers')).selectAll()

type PlainQuery = TakersQuery & { keys: readonly [string] }
const isPlain = (query: TakersQuery): query is PlainQuery => query.keys.length === 1 && !query.role

/** Nearly every address is one of a single mailbox, and the text of this statement takes longer to make than its answer. */
const plain = (db: Kysely<Database>, { domain, keys: [key] }: PlainQuery): Promise<FoundRow[]> => oneKey(db, { domain, key })
const oneKey = prepare((db, { domain, key }: { domain: DomainName; key: string }) => asked(db, { domain, keys: [key], role: false }))

const takerIn = ({ found, address, id, ...row }: FoundRow): Taker[] => (id === null ? [] : [{ found, address, id, state: stateOf(row) }])

/** A domain of ours gives at least its row for the catch-all, whose mailbox may be null. */
const statement = ({ domain, keys, role }: TakersQuery): RawBuilder<FoundRow> => sql<FoundRow>`(
  select 'catch-all' as found, d.name as address, m.id, m.is_active, m.deleted_at
    from domains d left join mailboxes m on m.id = d.catch_all_mailbox_id and m.world = 'live'
    where d.name = ${domain}
  union all
  select 'mailbox', address, id, is_active, deleted_at
    from mailboxes where address in (${sql.join(keys)}) and world = 'live'
  union all
  select 'alias', a.address, m.id, m.is_active, m.deleted_at
    from aliases a join mailboxes m on m.id = a.mailbox_id and m.world = 'live'
    where a.address in (${sql.join(keys)})
  ${role ? sql`${oldestOf(domain, 1)} ${oldestOf(domain, 0)}` : sql``}
)`

const oldestOf = (domain: DomainName, isActive: 0 | 1): RawBuilder<unknown> => sql`union all
  select * from (
    select 'role', d.name, m.id, m.is_active, m.deleted_at
      from mailboxes m join domains d on d.id = m.domain_id
      where d.name = ${domain} and m.account_id = d.account_id and m.world = 'live' and m.is_active = ${isActive} and m.deleted_at is null
      order by m.id limit 1
  ) oldest_${sql.raw(String(isActive))}`
