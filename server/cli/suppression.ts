import { type Address, addressKey, parseAddress } from '../model/address.ts'
import type { World } from '../model/world.ts'
import { type By, createSuppressions } from '../outbound/suppression/by-hand.ts'
import { systemClock } from '../platform/clock.ts'
import { accountMeant } from '../store/accounts.ts'
import type { Store } from '../store/db.ts'
import { type SuppressionRow, listSuppressions } from '../store/suppressions.ts'
import { type Call, type Command, Stop, jsonOption } from './command.ts'
import { withStore } from './host.ts'
import { visibleJson, visibleLine } from './visible.ts'

const ofWhom = {
  account: {
    value: 'SLUG|ID',
    help: 'the account whose list it is (default: the first one; one that somebody signed up for only by its id)',
  },
  test: { help: 'the list of the test world' },
} as const

async function asHost(call: Call, store: Store): Promise<By> {
  const named = call.text('account')
  const account = await accountMeant(store.db, named)
  if (account === undefined)
    throw new Stop(named === undefined ? 'There is no account yet: `multimail setup` makes one.' : 'There is no such account.')
  const world: World = call.flag('test') ? 'test' : 'live'
  return { kind: 'system', part: 'host', accountId: account.id, world }
}

const mostListed = 500
const iso = (at: number): string => new Date(at).toISOString()

export const suppressionList: Command = {
  help: 'Lists the addresses that an account writes to no more, the newest first, with why: they bounced for good, complained, unsubscribed, or were put there by hand. At most 500.',
  options: { ...ofWhom, address: { value: 'ADDRESS', help: 'only this one' }, ...jsonOption },
  async run(call) {
    const address = call.text('address')
    const rows = await withStore(call, async (store) =>
      listSuppressions(store.db, await asHost(call, store), {
        now: systemClock.now(),
        limit: mostListed,
        ...(address !== undefined && { address: addressKey(address) }),
      }),
    )
    call.io.out(call.flag('json') ? `${visibleJson(rows.map(jsonOf))}\n` : rows.map(line).join('') || 'Nobody is on the list.\n')
    return 0
  },
}

const jsonOf = ({ id, address, reason, email_id, created_at, expires_at }: SuppressionRow) => ({
  id,
  address,
  reason,
  email_id,
  created_at: iso(created_at),
  expires_at: expires_at === null ? null : iso(expires_at),
})

const line = ({ address, reason, created_at, expires_at }: SuppressionRow): string =>
  `${visibleLine(address)}  ${reason}  since ${iso(created_at)}${expires_at === null ? '' : `, until ${iso(expires_at)}`}\n`

const day = 24 * 60 * 60_000

export const suppressionAdd: Command = {
  help: 'Stops mail of an account to an address, mail that waits included.',
  words: ['ADDRESS'],
  options: { ...ofWhom, days: { value: 'NUMBER', help: 'for so many days (default: until it is removed)' } },
  async run(call) {
    const address = addressIn(call)
    const days = call.text('days')
    if (days !== undefined && !/^[1-9]\d{0,3}$/.test(days)) throw new Stop('--days: write a whole number from 1 to 9999.', 2)
    const until = days === undefined ? null : systemClock.now() + Number(days) * day
    const row = await withStore(call, async (store) =>
      createSuppressions({ store, clock: systemClock }).add(await asHost(call, store), address, until),
    )
    call.io.out(`${visibleLine(row.address)} gets no more mail (${row.reason}).\n`)
    return 0
  },
}

export const suppressionRemove: Command = {
  help: 'Takes an address off the list, whatever put it there. Do so when you know that it works again, or that its owner wants the mail.',
  words: ['ADDRESS'],
  options: ofWhom,
  async run(call) {
    const address = addressIn(call)
    const removed = await withStore(call, async (store) =>
      createSuppressions({ store, clock: systemClock }).remove(await asHost(call, store), address),
    )
    if (!removed.ok) throw new Stop(`${address} is not on the list.`)
    call.io.out(`${visibleLine(removed.value.address)} gets mail again; it was on the list for ${removed.value.reason}.\n`)
    return 0
  },
}

function addressIn(call: Call): Address {
  const address = parseAddress(call.word('ADDRESS'))
  if (address === null) throw new Stop(`${visibleLine(call.word('ADDRESS'))} is no address.`, 2)
  return address
}
