import type { Kysely } from 'kysely'
import type { DomainName } from '../../dns/name.ts'
import type { Database, Row } from './schema.ts'

/** An MTA-STS policy as it was fetched (RFC 8461 §3.2). Times: epoch ms; `policyId` is what the TXT record said then; `usedAt`: when mail last asked
 *  for it, some hours late at most. */
export type KnownPolicy = {
  domain: DomainName
  policyId: string
  mode: Row<'sts_policies'>['mode']
  mx: readonly string[]
  fetchedAt: number
  expiresAt: number
  usedAt: number
}

export async function stsPolicyOf(db: Kysely<Database>, domain: DomainName): Promise<KnownPolicy | undefined> {
  const row = await db.selectFrom('sts_policies').selectAll().where('domain', '=', domain).executeTakeFirst()
  return (
    row && {
      domain,
      policyId: row.policy_id,
      mode: row.mode,
      mx: JSON.parse(row.mx_json) as string[],
      fetchedAt: row.fetched_at,
      expiresAt: row.expires_at,
      usedAt: row.used_at,
    }
  )
}

/** In the place of what was known before. */
export async function keepStsPolicy(
  db: Kysely<Database>,
  { domain, policyId, mode, mx, fetchedAt, expiresAt, usedAt }: KnownPolicy,
): Promise<void> {
  const times = { fetched_at: fetchedAt, expires_at: expiresAt, used_at: usedAt }
  const columns = { policy_id: policyId, mode, mx_json: JSON.stringify(mx), ...times }
  await db
    .insertInto('sts_policies')
    .values({ domain, ...columns })
    .onConflict((conflict) => conflict.column('domain').doUpdateSet(columns))
    .execute()
}

/** @param now epoch ms */
export const touchStsPolicy = async (db: Kysely<Database>, domain: DomainName, now: number): Promise<void> => {
  await db.updateTable('sts_policies').set({ used_at: now }).where('domain', '=', domain).execute()
}

/** Domains whose policy was fetched before a time, and that mail has asked for since another one; the longest ago first. Times: epoch ms. */
export async function oldStsPolicies(
  db: Kysely<Database>,
  { fetchedBefore, usedSince, limit }: { fetchedBefore: number; usedSince: number; limit: number },
): Promise<DomainName[]> {
  const rows = await db
    .selectFrom('sts_policies')
    .select('domain')
    .where('fetched_at', '<=', fetchedBefore)
    .where('used_at', '>=', usedSince)
    .orderBy('fetched_at')
    .limit(limit)
    .execute()
  return rows.map(({ domain }) => domain as DomainName)
}

/** Forgets those that hold no longer. @param now epoch ms */
export const removeExpiredStsPolicies = async (db: Kysely<Database>, now: number): Promise<void> => {
  await db.deleteFrom('sts_policies').where('expires_at', '<=', now).execute()
}
