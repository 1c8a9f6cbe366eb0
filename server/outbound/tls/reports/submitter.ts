import { type DomainName, isWithin } from '../../../../dns/name.ts'
import type { AccountId } from '../../../model/ids.ts'
import type { Store } from '../../../store/db.ts'
import { activeDkimKeys } from '../../../store/dkim-keys.ts'
import { hostedDomains } from '../../../store/domains.ts'
import type { SigningKey } from '../../sign.ts'

/** The domain of ours in whose name the appliance itself writes. */
export type Submitter = { domain: DomainName; accountId: AccountId; keys: readonly SigningKey[] }

/** The domain that our host name is in, or else the one that was here first; of those that can sign (RFC 8460 §3). Null: there is none.
 *  @param writesFor a domain of this account goes before all others */
export async function submitterFor(
  { db }: Pick<Store, 'db'>,
  hostname: string,
  algorithms: readonly SigningKey['algorithm'][],
  writesFor?: AccountId,
): Promise<Submitter | null> {
  const domains = await hostedDomains(db)
  const holdsUs = (name: string): number => (isWithin(hostname as DomainName, name as DomainName) ? name.length : 0)
  const isTheirs = ({ account_id }: { account_id: AccountId }): number => (account_id === writesFor ? 1 : 0)
  const preferred = domains.toSorted(
    (one, other) => isTheirs(other) - isTheirs(one) || holdsUs(other.name) - holdsUs(one.name) || one.created_at - other.created_at,
  )
  for (const { name, account_id: accountId } of preferred) {
    const domain = name as DomainName
    const keys = (await activeDkimKeys(db, name)).filter(({ algorithm }) => algorithms.includes(algorithm))
    if (keys.length > 0) return { domain, accountId, keys: keys.map((key) => ({ ...key, domain, privateKey: key.private_key })) }
  }
  return null
}
