import { addPerson, recoverPerson, removePerson, setRole, type WithCode } from '../identity/people/on-host.ts'
import { type PersonRole, personRoles } from '../model/actor.ts'
import { systemClock } from '../platform/clock.ts'
import { accountMeant } from '../store/accounts.ts'
import type { Store } from '../store/db.ts'
import { keysOwnedBy } from '../store/keys.ts'
import { passkeysOf } from '../store/passkeys.ts'
import { peopleOf } from '../store/people.ts'
import type { Row } from '../store/schema.ts'
import { type Call, type Command, type Option, Stop, jsonOption } from './command.ts'
import { withStore } from './host.ts'
import { visibleJson, visibleLine } from './visible.ts'

const accountOption: Record<string, Option> = {
  account: { value: 'SLUG|ID', help: 'the account (default: the first one; one that somebody signed up for only by its id)' },
}
const roleOption: Record<string, Option> = { role: { value: 'ROLE', help: `${personRoles.join(' or ')} (default: reviewer)` } }
const longestName = 100

async function accountOf(call: Call, store: Store): Promise<Row<'accounts'>> {
  const account = await accountMeant(store.db, call.text('account'))
  if (account === undefined) throw new Stop('There is no such account: `multimail setup` makes one.', 2)
  return account
}

function roleOf(text: string): PersonRole {
  const role = personRoles.find((one) => one === text)
  if (role === undefined) throw new Stop(`There is no role ${JSON.stringify(text)}; there are ${personRoles.join(' and ')}.`, 2)
  return role
}

const nobody = (call: Call): never => {
  throw new Stop(`Nobody of this account signs in with ${visibleLine(call.word('ADDRESS'), 254)}. \`multimail people list\` has them.`)
}

function codeText(call: Call, publicUrl: string, { person, code, expiresAt }: WithCode): string {
  const url = new URL('/session', publicUrl).href
  const until = new Date(expiresAt).toISOString()
  if (call.flag('json'))
    return `${visibleJson({ id: person.id, address: person.address, role: person.role, url, code, expires_at: until })}\n`
  return `${person.id}, ${person.role}. To sign in without waiting for mail, open ${url} and type this code. It is good once, until ${until}:\n${code}\n`
}

export const peopleAdd: Command = {
  help: 'Adds somebody who decides on mail: they sign in at /session with a code that is mailed to ADDRESS, and add a passkey there. The address has to be read outside of this server: agents read what comes here. Prints a code for the first time, once.',
  words: ['ADDRESS'],
  options: { name: { value: 'TEXT', help: 'who it is (default: the address)' }, ...roleOption, ...accountOption, ...jsonOption },
  run: (call) =>
    withStore(call, async (store, config) => {
      const address = call.word('ADDRESS')
      const name = (call.text('name') ?? address).trim().toWellFormed().replaceAll(/\p{C}/gu, '').slice(0, longestName)
      const { id: accountId } = await accountOf(call, store)
      const added = await addPerson(
        { store, clock: systemClock },
        { accountId, address, name, role: roleOf(call.text('role') ?? 'reviewer') },
      )
      if (!added.ok) throw new Stop(added.detail ?? added.code)
      const keys = await keysOwnedBy(store.db, added.value.person.id)
      if (keys.length > 0 && !call.flag('json')) call.io.out(`Keys that were theirs before are theirs again: ${keys.join(', ')}.\n`)
      call.io.out(codeText(call, config.http.publicUrl, added.value))
      return 0
    }),
}

export const peopleList: Command = {
  help: 'Lists who signs in to decide on mail of an account, and with what.',
  options: { ...accountOption, ...jsonOption },
  run: (call) =>
    withStore(call, async (store) => {
      const rows = await peopleOf(store.db, (await accountOf(call, store)).id)
      const shown = await Promise.all(
        rows.map(async ({ id, role, name, address, totp_secret }) => {
          const [passkeys, keys] = [await passkeysOf(store.db, id), await keysOwnedBy(store.db, id)]
          return { id, role, name, address, passkeys: passkeys.length, totp: totp_secret !== null, keys }
        }),
      )
      const line = ({ id, role, name, address, passkeys, totp, keys }: (typeof shown)[number]): string =>
        `${id}  ${role.padEnd(8)}  ${visibleLine(address, 254)}  ${visibleLine(name, 100)}  passkeys: ${passkeys}${totp ? ', authenticator program' : ''}${keys.length > 0 ? `  owns ${keys.join(', ')}` : ''}\n`
      call.io.out(
        call.flag('json') ? `${visibleJson(shown)}\n` : shown.map(line).join('') || 'Nobody yet: `multimail people add` adds somebody.\n',
      )
      return 0
    }),
}

export const peopleRole: Command = {
  help: `Says what somebody is for: ${personRoles.join(' or ')}. Ends their sessions.`,
  words: ['ADDRESS', 'ROLE'],
  options: accountOption,
  run: (call) =>
    withStore(call, async (store) => {
      const { id } = await accountOf(call, store)
      const changed = await setRole({ store, clock: systemClock }, id, call.word('ADDRESS'), roleOf(call.word('ROLE')))
      call.io.out(changed.ok ? `${changed.value.id} is ${changed.value.role} now.\n` : nobody(call))
      return 0
    }),
}

export const peopleRemove: Command = {
  help: 'Removes somebody: their sessions, passkeys and codes are worth nothing at once. What they decided stays on the record. Keys that are theirs go on to work; they are named, to be revoked.',
  words: ['ADDRESS'],
  options: accountOption,
  run: (call) =>
    withStore(call, async (store) => {
      const { id } = await accountOf(call, store)
      const removed = await removePerson({ store, clock: systemClock }, id, call.word('ADDRESS'))
      if (!removed.ok) return nobody(call)
      const keys = await keysOwnedBy(store.db, removed.value.id)
      call.io.out(`Removed: ${removed.value.id}.\n${keys.length > 0 ? `Keys that were theirs still work: ${keys.join(', ')}.\n` : ''}`)
      return 0
    }),
}

export const peopleRecover: Command = {
  help: 'Lets somebody in again who has lost what they sign in with, or fears that somebody else has it: ends all their sessions, removes their passkeys and authenticator program, and prints a code to sign in with, once.',
  words: ['ADDRESS'],
  options: { ...accountOption, ...jsonOption },
  run: (call) =>
    withStore(call, async (store, config) => {
      const { id } = await accountOf(call, store)
      const recovered = await recoverPerson({ store, clock: systemClock }, id, call.word('ADDRESS'))
      call.io.out(recovered.ok ? codeText(call, config.http.publicUrl, recovered.value) : nobody(call))
      return 0
    }),
}
