import { worlds } from '../model/world.ts'
import { listAccounts } from '../store/accounts.ts'
import type { Db } from '../store/db.ts'
import { listKeys } from '../store/keys.ts'
import type { Row } from '../store/schema.ts'
import { type Command, jsonOption } from './command.ts'
import { withStore } from './host.ts'
import { visibleJson, visibleLine } from './visible.ts'
import { systemClock } from '../platform/clock.ts'

export const keysList: Command = {
  help: 'Lists every API key: its beginning, world, scopes, what it is bound to, and when it was last used. The keys themselves are not kept.',
  options: jsonOption,
  async run(call) {
    const keys = await withStore(call, (store) => everyKey(store.db))
    const now = systemClock.now()
    call.io.out(
      call.flag('json')
        ? `${visibleJson(keys.map((key) => jsonOf(key, now)))}\n`
        : keys.map((key) => line(key, now)).join('') || 'There are no keys.\n',
    )
    return 0
  },
}

async function everyKey(db: Db): Promise<Row<'api_keys'>[]> {
  const accounts = await listAccounts(db)
  const lists = await Promise.all(accounts.flatMap(({ id }) => worlds.map((world) => listKeys(db, { accountId: id, world }))))
  return lists.flat()
}

const iso = (time: number | null): string | null => (time === null ? null : new Date(time).toISOString())

const stateOf = (key: Row<'api_keys'>, now: number): 'active' | 'expired' | 'revoked' =>
  key.revoked_at !== null ? 'revoked' : key.expires_at !== null && key.expires_at <= now ? 'expired' : 'active'

const jsonOf = (key: Row<'api_keys'>, now: number) => ({
  id: key.id,
  account_id: key.account_id,
  world: key.world,
  name: key.name,
  prefix: key.prefix,
  state: stateOf(key, now),
  scopes: JSON.parse(key.scopes_json) as string[],
  mailbox_ids: key.mailbox_ids_json === null ? null : (JSON.parse(key.mailbox_ids_json) as string[]),
  created_at: iso(key.created_at),
  expires_at: iso(key.expires_at),
  last_used_at: iso(key.last_used_at),
})

function line(row: Row<'api_keys'>, now: number): string {
  const key = jsonOf(row, now)
  const facts = [
    key.state,
    key.scopes.join('+'),
    key.mailbox_ids === null ? 'every mailbox' : key.mailbox_ids.join('+'),
    `last used ${key.last_used_at ?? 'never'}`,
  ]
  return `${key.id}  ${key.prefix}…  ${visibleLine(key.name, 60)}  ${facts.join('  ')}\n`
}
