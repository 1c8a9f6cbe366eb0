import { type Finding, checkRecords } from '../../dns/check.ts'
import { type DkimPublicKey, type DomainSetup, recordsToPublish } from '../../dns/records.ts'
import { type Resolver, createResolver } from '../../dns/resolver.ts'
import { systemClock } from '../platform/clock.ts'
import { type Command, Stop, jsonOption } from './command.ts'
import { domainOptions, domainSetups } from './dns-options.ts'
import { withStore } from './host.ts'
import { settingsOf } from './settings.ts'
import { visibleJson, visibleLine } from './visible.ts'

export const dnsCheck: Command = {
  help: 'Looks up what is published for each domain and compares. Ends with 1 when something is missing, wrong, or could not be looked up.',
  options: { ...domainOptions, ...jsonOption },
  async run(call) {
    const { config } = settingsOf(call.io)
    if (config.mode === 'local') throw new Stop('Local mode asks no DNS server. Set MULTIMAIL_HOSTNAME for server mode.', 2)
    const setups = await withStore(call, (store) => domainSetups(call, store, config))
    const resolver = createResolver({ servers: config.dns.servers, clock: systemClock })
    const findings = (await Promise.all(setups.map((setup) => check(resolver, setup)))).flat()
    call.io.out(call.flag('json') ? `${visibleJson(findings)}\n` : findings.map(line).join(''))
    return findings.every(({ state }) => state === 'ok' || state === 'warning') ? 0 : 1
  },
}

/** Addresses that nobody told us are those that the DNS has for the server's name: their reverse names can then be checked, too. */
async function check(resolver: Resolver, setup: DomainSetup): Promise<Finding[]> {
  const found = setup.addresses.length > 0 ? setup.addresses : await addressesOf(resolver, setup.hostname)
  return checkRecords(resolver, recordsToPublish({ ...setup, addresses: found, dkim: setup.dkim.filter(isNeeded) }))
}

/** A record that may be removed is not missing. */
const isNeeded = ({ use }: DkimPublicKey): boolean => use?.kind !== 'retired' || use.keepUntil > systemClock.now()

async function addressesOf(resolver: Resolver, name: string): Promise<string[]> {
  const answers = await Promise.all([resolver.a(name), resolver.aaaa(name)])
  return answers.flatMap((answer) => (answer.kind === 'found' ? answer.value : []))
}

const marks: Record<Finding['state'], string> = {
  ok: 'ok      ',
  warning: 'look    ',
  wrong: 'WRONG   ',
  missing: 'MISSING ',
  unknown: 'UNKNOWN ',
}

const line = ({ state, sentence }: Finding): string => `${marks[state]} ${visibleLine(sentence, 2000)}\n`
