import { createAccountRemoval } from '../identity/account-removal.ts'
import { endMail } from '../outbound/control/end-mail.ts'
import { systemClock } from '../platform/clock.ts'
import { silentLog } from '../platform/log.ts'
import { accountMeant } from '../store/accounts.ts'
import { type Command, Stop } from './command.ts'
import { withStore } from './host.ts'
import { visibleLine } from './visible.ts'

/** On this machine, without any key: for whoever has lost the admin key of an account, or runs the server on which somebody signed up. */
export const accountDelete: Command = {
  help: 'Deletes an account with all that is in it, as delete_account does: its keys are worth nothing at once, what waits to leave ends, mail for it is refused. The running server, or the next one, removes what is in it. It cannot be put back. Without --yes it says which account is meant and does nothing.',
  words: ['SLUG|ID'],
  options: { yes: { help: 'do it' } },
  run: (call) =>
    withStore(call, async (store) => {
      const account = await accountMeant(store.db, call.word('SLUG|ID'))
      if (account === undefined) throw new Stop('There is no such account; one that somebody signed up for is meant by its id only.', 2)
      const named = `${account.id} (${visibleLine(account.slug)}, ${visibleLine(account.name)})`
      if (!call.flag('yes'))
        throw new Stop(`This would delete ${named}, and nothing can be put back. Nothing was done: add --yes to do it.`, 2)
      const removal = createAccountRemoval({ store, clock: systemClock, log: silentLog, endMail })
      await store.transaction((tx) => removal.close(tx, account.id, { kind: 'system', part: 'host' }))
      call.io.out(`Deleted: ${named}. What is in it is removed while the server runs.\n`)
      return 0
    }),
}
