import { createAddresses } from '../identity/addresses.ts'
import { releaseClaim } from '../identity/domains.ts'
import { systemClock } from '../platform/clock.ts'
import { domainsWithCatchAll } from '../store/domains.ts'
import { type Command, Stop, jsonOption } from './command.ts'
import { withStore } from './host.ts'
import { visibleJson, visibleLine } from './visible.ts'

export const domainsList: Command = {
  help: 'Lists every domain whose mail comes here, and the mailbox that takes what nobody else there does.',
  options: jsonOption,
  async run(call) {
    const domains = await withStore(call, (store) => domainsWithCatchAll(store.db))
    const line = ({ name, catchAll }: (typeof domains)[number]): string =>
      `${name}  ${catchAll === null ? 'no catch-all' : `catch-all ${visibleLine(catchAll)}`}\n`
    const json = domains.map(({ name, account_id, catchAll }) => ({ domain: name, account_id, catch_all: catchAll }))
    call.io.out(call.flag('json') ? `${visibleJson(json)}\n` : domains.map(line).join('') || 'There are no domains.\n')
    return 0
  },
}

export const domainsCatchAll: Command = {
  help: 'Says which mailbox takes what is sent to an address of the domain that nobody has; `none` for the usual: such mail is refused. What is sent to a suspended or deleted mailbox is never handed over.',
  words: ['DOMAIN', 'MAILBOX|none'],
  async run(call) {
    const word = call.word('MAILBOX|none')
    const request = { domain: call.word('DOMAIN'), mailbox: word === 'none' ? null : word }
    const set = await withStore(call, (store) => createAddresses({ store, clock: systemClock }).setCatchAll(request))
    if (!set.ok) throw new Stop(set.detail ?? set.code)
    const { domain, mailbox } = set.value
    call.io.out(`What nobody else at ${domain} takes ${mailbox === null ? 'is refused' : `goes to ${mailbox}`}.\n`)
    return 0
  },
}

export const domainsRelease: Command = {
  help: 'Takes away a claim: a domain that an account added and whose DNS never showed its keys. Whoever has it can add it then. A domain that was proved stays.',
  words: ['DOMAIN'],
  async run(call) {
    const released = await withStore(call, (store) => releaseClaim({ store, clock: systemClock }, call.word('DOMAIN')))
    if (!released.ok && released.code === 'DOMAIN_IN_USE')
      throw new Stop(
        `Addresses of an account that was deleted hang on this domain, so what claims it cannot be taken from it. ${released.detail} Once that account is deleted, \`multimail setup\` can have it.`,
      )
    if (!released.ok) throw new Stop('There is no claim of this domain that waits to be proved.')
    const { name, account_id } = released.value
    call.io.out(`${name} is free again. It was claimed by ${account_id}.\n`)
    return 0
  },
}
