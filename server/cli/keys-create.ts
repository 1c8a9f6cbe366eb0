import { createKeys } from '../identity/keys.ts'
import { type Scope, scopes } from '../model/actor.ts'
import type { MailboxId, PersonId } from '../model/ids.ts'
import { addressKey, parseAddress } from '../model/address.ts'
import type { Tenancy } from '../model/world.ts'
import { systemClock } from '../platform/clock.ts'
import { accountMeant } from '../store/accounts.ts'
import type { Store } from '../store/db.ts'
import { findMailbox, stateOf } from '../store/mailboxes.ts'
import { personByAddress } from '../store/people.ts'
import { type Call, type Command, Stop, jsonOption } from './command.ts'
import { withStore } from './host.ts'
import { visibleJson } from './visible.ts'

export const keysCreate: Command = {
  help: `Issues an API key and prints it, once. Scopes: ${scopes.join(', ')}. No live key may hold oversight together with send or admin: whoever proposes a mail may not decide on it.`,
  options: {
    name: { value: 'TEXT', help: 'what the key is for (needed)' },
    scopes: { value: 'LIST', help: 'separated by commas (default: read)' },
    mailbox: {
      value: 'ADDRESS',
      many: true,
      help: 'bind the key to this mailbox; may be given again (default: every mailbox of the account)',
    },
    test: { help: 'for the test world' },
    'expires-in-days': { value: 'NUMBER', help: 'when it stops to work (default: never)' },
    owner: {
      value: 'ADDRESS',
      help: 'the person whose key it is, as `multimail people list` has them: they never decide on what it writes',
    },
    account: {
      value: 'SLUG|ID',
      help: 'the account it belongs to (default: the first one; one that somebody signed up for only by its id)',
    },
    ...jsonOption,
  },
  run: (call) => withStore(call, (store) => create(call, store)),
}

const dayMs = 86_400_000
const maxDays = 3650
const maxName = 200

async function create(call: Call, store: Store): Promise<number> {
  const name = call.text('name')?.trim() ?? ''
  if (name === '' || name.length > maxName) throw new Stop(`Say what the key is for with --name, in up to ${maxName} characters.`, 2)
  const tenancy = await tenancyOf(call, store)
  const expiresAt = expiryOf(call)
  const issued = await createKeys({ store, clock: systemClock }).issue({
    tenancy,
    name,
    scopes: scopesOf(call),
    ...(call.texts('mailbox').length > 0 && { mailboxIds: await mailboxesOf(call, store, tenancy) }),
    ...(expiresAt !== undefined && { expiresAt }),
    ownerId: await ownerOf(call, store, tenancy),
  })
  if (!issued.ok) throw new Stop(issued.detail ?? issued.code)
  const { id, key } = issued.value
  call.io.out(call.flag('json') ? `${visibleJson({ id, key })}\n` : `${id}. This is shown once and cannot be shown again:\n${key}\n`)
  return 0
}

function scopesOf(call: Call): Scope[] {
  const names = [...new Set((call.text('scopes') ?? 'read').split(',').map((part) => part.trim()))]
  return names.map(
    (name) => scopes.find((scope) => scope === name) ?? stop(`There is no scope ${JSON.stringify(name)}; there are ${scopes.join(', ')}.`),
  )
}

function expiryOf(call: Call): number | undefined {
  const text = call.text('expires-in-days')
  if (text === undefined) return undefined
  const days = /^\d{1,4}$/.test(text) ? Number(text) : 0
  return days >= 1 && days <= maxDays
    ? systemClock.now() + days * dayMs
    : stop(`--expires-in-days takes a whole number from 1 to ${maxDays}.`)
}

async function tenancyOf(call: Call, store: Store): Promise<Tenancy> {
  const named = call.text('account')
  const account = await accountMeant(store.db, named)
  return account === undefined
    ? stop(named === undefined ? 'There is no account yet: `multimail setup` makes one.' : `There is no account ${JSON.stringify(named)}.`)
    : { accountId: account.id, world: call.flag('test') ? 'test' : 'live' }
}

async function ownerOf(call: Call, store: Store, { accountId }: Tenancy): Promise<PersonId | undefined> {
  const address = call.text('owner')
  if (address === undefined) return undefined
  const person = await personByAddress(store.db, addressKey(parseAddress(address) ?? address))
  return person?.account_id === accountId ? person.id : stop(`Nobody of this account signs in with ${JSON.stringify(address)}.`)
}

const mailboxesOf = (call: Call, store: Store, tenancy: Tenancy): Promise<MailboxId[]> =>
  Promise.all(
    call.texts('mailbox').map(async (address) => {
      const mailbox = await findMailbox(store.db, tenancy, addressKey(parseAddress(address) ?? address))
      if (mailbox === undefined || stateOf(mailbox) === 'deleted')
        return stop(`There is no mailbox ${JSON.stringify(address)} in the ${tenancy.world} world of this account.`)
      return mailbox.id
    }),
  )

function stop(message: string): never {
  throw new Stop(message, 2)
}
