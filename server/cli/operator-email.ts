import { setOperatorAddress } from '../oversight/operator-address.ts'
import { systemClock } from '../platform/clock.ts'
import { accountMeant } from '../store/accounts.ts'
import { type Command, Stop } from './command.ts'
import { withStore } from './host.ts'

export const operatorEmail: Command = {
  help: 'Says where the operator of an account is asked, by mail with a code, before an admin key creates keys, makes mailboxes and the like. The address has to be read outside of this server: agents read what comes here. `none`: nowhere; `multimail actions` and `approve` still work.',
  words: ['ADDRESS'],
  options: { account: { value: 'SLUG|ID', help: 'the account (default: the first one; one that somebody signed up for only by its id)' } },
  run: (call) =>
    withStore(call, async (store) => {
      const named = call.text('account')
      const account = await accountMeant(store.db, named)
      if (account === undefined) throw new Stop('There is no such account: `multimail setup` makes one.', 2)
      const text = call.word('ADDRESS')
      const set = await setOperatorAddress({ store, clock: systemClock }, account.id, text === 'none' ? null : text)
      if (!set.ok) throw new Stop(set.detail ?? set.code)
      call.io.out(set.value === null ? 'The operator is asked nowhere by mail.\n' : `The operator is asked at ${set.value}.\n`)
      return 0
    }),
}
