/** The life of a mailbox after setup made it: suspended for a time, deleted, brought back. Each change is on the record. */
import type { SystemActor } from '../model/actor.ts'
import { addressKey, domainOf, parseAddress } from '../model/address.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { World } from '../model/world.ts'
import type { Clock } from '../platform/clock.ts'
import { aliasAt } from '../store/aliases.ts'
import type { Store } from '../store/db.ts'
import { lockDomain } from '../store/domains.ts'
import { type LogAction, appendLog } from '../store/log.ts'
import { type MailboxState, mailboxAt, setMailboxState, stateOf } from '../store/mailboxes.ts'

/** suspend: mail for it is asked to come again, its agent cannot send. delete: gone from every list, and its address is refused; its mail stays
 *  on the record for reviewers and the operator. resume: takes either back. */
export type MailboxChange = 'suspend' | 'resume' | 'delete'

export type MailboxProblem = 'MAILBOX_NOT_FOUND' | 'MAILBOX_DELETED' | 'ADDRESS_TAKEN'

/** `changed` false: it was so already. */
export type ChangedMailbox = { address: string; state: MailboxState; changed: boolean }

const steps: Record<MailboxChange, { state: MailboxState; action: LogAction }> = {
  suspend: { state: 'suspended', action: 'mailbox.suspended' },
  resume: { state: 'active', action: 'mailbox.resumed' },
  delete: { state: 'deleted', action: 'mailbox.deleted' },
}
const host: SystemActor = { kind: 'system', part: 'host' }

/** MAILBOX_DELETED: what is deleted cannot be suspended. ADDRESS_TAKEN: what was deleted cannot come back, its address is an alias now.
 *  @param text the address, as people write it */
export async function changeMailbox(
  { store, clock }: { store: Store; clock: Clock },
  change: MailboxChange,
  text: string,
  world: World,
): Promise<Result<ChangedMailbox, MailboxProblem>> {
  const address = parseAddress(text)
  if (address === null) return notFound(text)
  return store.transaction(async (tx) => {
    await lockDomain(tx, domainOf(address))
    const mailbox = await mailboxAt(tx, world, addressKey(address))
    if (mailbox === undefined) return notFound(text)
    const [from, { state, action }, now] = [stateOf(mailbox), steps[change], clock.now()]
    if (from === state) return ok({ address: mailbox.address, state, changed: false })
    if (from === 'deleted' && change === 'suspend') return fail('MAILBOX_DELETED', `${mailbox.address} is deleted.`)
    if (from === 'deleted' && world === 'live' && (await aliasAt(tx, mailbox.address)) !== undefined)
      return fail('ADDRESS_TAKEN', `${mailbox.address} is an alias of another mailbox now. Remove that alias first.`)
    await setMailboxState(tx, mailbox.id, state, now)
    const tenancy = { accountId: mailbox.account_id, world }
    await appendLog(tx, { at: now, actor: host, tenancy, action, resourceType: 'mailbox', resourceId: mailbox.id, metadata: { from } })
    return ok({ address: mailbox.address, state, changed: true })
  })
}

const notFound = (text: string) => fail('MAILBOX_NOT_FOUND', `There is no mailbox ${JSON.stringify(text)}.`)
