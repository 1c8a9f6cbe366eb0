import { endEverySession } from '../oversight/operator-sessions.ts'
import { systemClock } from '../platform/clock.ts'
import { worlds } from '../model/world.ts'
import { accountMeant } from '../store/accounts.ts'
import { liveSessions } from '../store/operator-sessions.ts'
import { type Command, Stop } from './command.ts'
import { withStore } from './host.ts'

export const operatorSessions: Command = {
  help: 'Lists the operator sessions that are under way: for a quarter of an hour after an operator gave the code that was mailed to them, some admin actions of one API key ask for no code. `--end` ends them all, and what codes could begin.',
  options: {
    account: { value: 'SLUG|ID', help: 'the account (default: the first one; one that somebody signed up for only by its id)' },
    end: { help: 'end them' },
  },
  run: (call) =>
    withStore(call, async (store) => {
      const named = call.text('account')
      const account = await accountMeant(store.db, named)
      if (account === undefined) throw new Stop('There is no such account: `multimail setup` makes one.', 2)
      if (call.flag('end')) {
        call.io.out(`Ended: ${await endEverySession({ store, clock: systemClock }, account.id)}.\n`)
        return 0
      }
      const now = systemClock.now()
      const rows = (await Promise.all(worlds.map((world) => liveSessions(store.db, { accountId: account.id, world }, now)))).flat()
      const lines = rows.map(
        ({ id, world, key_id, expires_at }) => `${id}  ${world}  by ${key_id}  until ${new Date(expires_at).toISOString()}\n`,
      )
      call.io.out(lines.join('') || 'None is under way.\n')
      return 0
    }),
}
