/** Where an operator is asked: outside of this server, because agents read what comes here. */
import { type Address, domainOf, parseAddress } from '../model/address.ts'
import type { Actor } from '../model/actor.ts'
import type { AccountId } from '../model/ids.ts'
import { findAccount, setOversightEmail } from './accounts.ts'
import type { Db, Tx } from './db.ts'
import { hostedDomain } from './domains.ts'
import { type NewLogEntry, appendLogs } from './log.ts'
import { endSessionsOfAccount } from './operator-sessions.ts'

/** Whether mail to this address comes to this server, where a mailbox, an alias or a catch-all may hand it to an agent: now, or once somebody makes one. */
export async function isReadHere(db: Db, address: string): Promise<boolean> {
  const parsed = parseAddress(address)
  return parsed === null || (await hostedDomain(db, domainOf(parsed))) !== undefined
}

/** Where the operator of an account is written to; null: nowhere, because no address is set, or an agent could read what comes there. */
export async function operatorOf(db: Db, accountId: AccountId): Promise<string | null> {
  const address = (await findAccount(db, accountId))?.oversight_email ?? null
  return address === null || (await isReadHere(db, address)) ? null : address
}

/** For who has looked whether it is read here, and asked whoever has to agree. The sessions of whoever was the operator until now end. */
export async function changeOperatorAddress(
  tx: Tx,
  { accountId, address, actor, now: at }: { accountId: AccountId; address: Address | null; actor: Actor; now: number },
): Promise<void> {
  await setOversightEmail(tx, accountId, address)
  const sessions = (await endSessionsOfAccount(tx, accountId, at)).filter(({ started_at }) => started_at !== null)
  const ended = sessions.map(({ id, world }): NewLogEntry => {
    const session = { resourceType: 'operator_session', resourceId: id, metadata: { because: 'address_changed' } }
    return { at, actor, tenancy: { accountId, world }, action: 'operator_session.ended', ...session }
  })
  const resource = { resourceType: 'account', resourceId: accountId, details: { address } }
  await appendLogs(tx, [{ at, actor, tenancy: { accountId, world: 'live' }, action: 'account.oversight_email_set', ...resource }, ...ended])
}
