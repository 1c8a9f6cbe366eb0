/** Which addresses lead to a mailbox besides its own: aliases, and the rest of a domain (its catch-all). Each change is on the record. */
import { parseDomainName } from '../../dns/name.ts'
import type { SystemActor } from '../model/actor.ts'
import { addressKey, domainOf, parseAddress } from '../model/address.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Clock } from '../platform/clock.ts'
import { aliasAt, deleteAlias, insertAlias } from '../store/aliases.ts'
import type { Store, Tx } from '../store/db.ts'
import { lockDomain, setCatchAll } from '../store/domains.ts'
import { type NewLogEntry, appendLog } from '../store/log.ts'
import { mailboxAt, stateOf } from '../store/mailboxes.ts'
import type { Row } from '../store/schema.ts'

export type AddressProblem =
  | 'BAD_ADDRESS'
  | 'DOMAIN_NOT_FOUND'
  | 'MAILBOX_NOT_FOUND'
  | 'OTHER_ACCOUNT'
  | 'ADDRESS_TAKEN'
  | 'ALIAS_NOT_FOUND'
type Outcome<T> = Promise<Result<T, AddressProblem>>

/** Addresses and names as people write them. Asking for what is so already changes nothing. Only the live world has these. */
export type Addresses = {
  /** ADDRESS_TAKEN: a mailbox has the address, or it is an alias of another one. OTHER_ACCOUNT: domain and mailbox are not of one account. */
  addAlias(request: { alias: string; mailbox: string }): Outcome<{ alias: string; mailbox: string }>
  removeAlias(alias: string): Outcome<{ alias: string }>
  /** @param request.mailbox null: what nobody else takes is refused */
  setCatchAll(request: { domain: string; mailbox: string | null }): Outcome<{ domain: string; mailbox: string | null }>
}

type Domain = Row<'domains'>
type Mailbox = Row<'mailboxes'>

export function createAddresses({ store, clock }: { store: Store; clock: Clock }): Addresses {
  return {
    async addAlias(request) {
      const alias = parseAddress(request.alias)
      if (alias === null) return badAddress(request.alias)
      return store.transaction(async (tx) => {
        const domain = await lockDomain(tx, domainOf(alias))
        if (domain === undefined) return noDomain(domainOf(alias))
        const mailbox = await mailboxFor(tx, domain, request.mailbox)
        return mailbox.ok ? addAlias(tx, addressKey(alias), domain, mailbox.value, clock.now()) : mailbox
      })
    },

    removeAlias: (text) =>
      store.transaction(async (tx) => {
        const removed = await deleteAlias(tx, addressKey(parseAddress(text) ?? ''))
        if (removed === undefined) return fail('ALIAS_NOT_FOUND', `There is no alias ${JSON.stringify(text)}.`)
        await appendLog(tx, aliasEntry('alias.removed', removed, clock.now()))
        return ok({ alias: removed.address })
      }),

    setCatchAll: (request) =>
      store.transaction(async (tx) => {
        const domain = await lockDomain(tx, parseDomainName(request.domain) ?? '')
        if (domain === undefined) return noDomain(request.domain)
        const mailbox = request.mailbox === null ? ok(null) : await mailboxFor(tx, domain, request.mailbox)
        return mailbox.ok ? changeCatchAll(tx, domain, mailbox.value, clock.now()) : mailbox
      }),
  }
}

const badAddress = (text: string) => fail('BAD_ADDRESS', `${JSON.stringify(text)} is no address; write one such as sales@example.com.`)
const noDomain = (name: string) => fail('DOMAIN_NOT_FOUND', `The domain ${JSON.stringify(name)} is not set up here.`)

/** The live mailbox with this address, if the account of the domain has it. */
async function mailboxFor(tx: Tx, domain: Domain, text: string): Outcome<Mailbox> {
  const address = parseAddress(text)
  const mailbox = address === null ? undefined : await mailboxAt(tx, 'live', addressKey(address))
  if (mailbox === undefined || stateOf(mailbox) === 'deleted')
    return fail('MAILBOX_NOT_FOUND', `There is no mailbox ${JSON.stringify(text)}.`)
  if (mailbox.account_id !== domain.account_id)
    return fail('OTHER_ACCOUNT', `${mailbox.address} belongs to another account than the domain ${domain.name}.`)
  return ok(mailbox)
}

async function addAlias(
  tx: Tx,
  address: string,
  domain: Domain,
  mailbox: Mailbox,
  now: number,
): Outcome<{ alias: string; mailbox: string }> {
  const added = { alias: address, mailbox: mailbox.address }
  const there = await aliasAt(tx, address)
  if (there?.mailbox_id === mailbox.id) return ok(added)
  const owner = await mailboxAt(tx, 'live', address)
  if (there !== undefined || (owner !== undefined && stateOf(owner) !== 'deleted'))
    return fail('ADDRESS_TAKEN', `${address} is ${there === undefined ? 'a mailbox' : 'an alias of another mailbox'} already.`)
  const row = { address, account_id: domain.account_id, domain_id: domain.id, mailbox_id: mailbox.id, created_at: now }
  await insertAlias(tx, row)
  await appendLog(tx, aliasEntry('alias.added', row, now))
  return ok(added)
}

async function changeCatchAll(
  tx: Tx,
  domain: Domain,
  mailbox: Mailbox | null,
  now: number,
): Outcome<{ domain: string; mailbox: string | null }> {
  const mailboxId = mailbox?.id ?? null
  if (domain.catch_all_mailbox_id !== mailboxId) {
    await setCatchAll(tx, domain.id, mailboxId)
    await appendLog(tx, {
      ...onHost(domain, now),
      action: 'catch_all.set',
      resourceType: 'domain',
      resourceId: domain.id,
      metadata: { mailbox_id: mailboxId },
    })
  }
  return ok({ domain: domain.name, mailbox: mailbox?.address ?? null })
}

const aliasEntry = (action: 'alias.added' | 'alias.removed', row: Row<'aliases'>, now: number): NewLogEntry => ({
  ...onHost(row, now),
  action,
  resourceType: 'mailbox',
  resourceId: row.mailbox_id,
  metadata: { domain_id: row.domain_id },
  details: { alias: row.address },
})

const host: SystemActor = { kind: 'system', part: 'host' }
const onHost = ({ account_id }: { account_id: Domain['account_id'] }, now: number) =>
  ({ at: now, actor: host, tenancy: { accountId: account_id, world: 'live' } }) as const
