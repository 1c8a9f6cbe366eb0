import { createAddresses } from '../identity/addresses.ts'
import { systemClock } from '../platform/clock.ts'
import { listAliases } from '../store/aliases.ts'
import { type Command, Stop, jsonOption } from './command.ts'
import { withStore } from './host.ts'
import { visibleJson, visibleLine } from './visible.ts'

export const aliasesList: Command = {
  help: 'Lists every alias, and the mailbox that gets its mail.',
  options: jsonOption,
  async run(call) {
    const aliases = await withStore(call, (store) => listAliases(store.db))
    const line = (alias: (typeof aliases)[number]): string => `${visibleLine(alias.address)} → ${visibleLine(alias.mailbox)}\n`
    const json = aliases.map(({ address, mailbox, accountId }) => ({ alias: address, mailbox, account_id: accountId }))
    call.io.out(call.flag('json') ? `${visibleJson(json)}\n` : aliases.map(line).join('') || 'There are no aliases.\n')
    return 0
  },
}

export const aliasesAdd: Command = {
  help: 'Gives a mailbox one more address, such as sales@example.com for agent@example.com. The domain of the alias has to be set up, in the account of the mailbox.',
  words: ['ALIAS', 'MAILBOX'],
  async run(call) {
    const request = { alias: call.word('ALIAS'), mailbox: call.word('MAILBOX') }
    const added = await withStore(call, (store) => createAddresses({ store, clock: systemClock }).addAlias(request))
    if (!added.ok) throw new Stop(added.detail ?? added.code)
    call.io.out(`Mail to ${added.value.alias} goes to ${added.value.mailbox}.\n`)
    return 0
  },
}

export const aliasesRemove: Command = {
  help: 'Takes an alias away. From then on its address is refused, or goes to the catch-all of its domain.',
  words: ['ALIAS'],
  async run(call) {
    const removed = await withStore(call, (store) => createAddresses({ store, clock: systemClock }).removeAlias(call.word('ALIAS')))
    if (!removed.ok) throw new Stop(removed.detail ?? removed.code)
    call.io.out(`${removed.value.alias} is no alias any more.\n`)
    return 0
  },
}
