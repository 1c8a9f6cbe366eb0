import type { Actor } from '../model/actor.ts'
import { type Address, parseAddress } from '../model/address.ts'
import type { AccountId } from '../model/ids.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Clock } from '../platform/clock.ts'
import { lockAccount } from '../store/accounts.ts'
import type { Store } from '../store/db.ts'
import { changeOperatorAddress, isReadHere } from '../store/operator-address.ts'

/** Says on the host where the operator of an account is asked. @param text null: they are asked nowhere by mail */
export async function setOperatorAddress(
  { store, clock }: { store: Store; clock: Clock },
  accountId: AccountId,
  text: string | null,
): Promise<Result<Address | null, 'BAD_ADDRESS'>> {
  const address = text === null ? null : parseAddress(text)
  if (text !== null && address === null)
    return fail('BAD_ADDRESS', `${JSON.stringify(text)} is no address; write one such as ann@example.com.`)
  return store.transaction(async (tx) => {
    await lockAccount(tx, accountId)
    if (address !== null && (await isReadHere(tx, address)))
      return fail(
        'BAD_ADDRESS',
        `Mail to ${address} comes to this server, where agents may read it. Name an address that is read elsewhere.`,
      )
    await changeOperatorAddress(tx, { accountId, address, actor: host, now: clock.now() })
    return ok(address)
  })
}

const host: Actor = { kind: 'system', part: 'host' }
