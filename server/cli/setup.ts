import { type DomainName, parseDomainName } from '../../dns/name.ts'
import { type WantedRecord, recordsToPublish, zoneFileText } from '../../dns/records.ts'
import type { Config } from '../../config/schema.ts'
import { type Setup, setUp } from '../identity/setup.ts'
import { type Address, domainOf, parseAddress } from '../model/address.ts'
import { setOperatorAddress } from '../oversight/operator-address.ts'
import { isReadHere } from '../store/operator-address.ts'
import { systemClock } from '../platform/clock.ts'
import { type Call, type Command, Stop, jsonOption } from './command.ts'
import { addressOption, addressesOf } from './dns-options.ts'
import { withStore } from './host.ts'
import { visibleJson } from './visible.ts'

export const setup: Command = {
  help: 'Makes what is missing of an account, a domain with DKIM keys, a first mailbox, an agent key and a reviewer key, and prints the keys (once) and the DNS records to publish. Running it again makes nothing twice.',
  options: {
    domain: { value: 'NAME', help: 'the domain whose mail comes here (needed)' },
    mailbox: { value: 'NAME', help: 'the part before the @ of the first mailbox (default: agent)' },
    hostname: { value: 'NAME', help: 'the name of this server in the DNS records (default: MULTIMAIL_HOSTNAME, or mail.DOMAIN)' },
    account: { value: 'NAME', help: 'the account it belongs to (default: the first one; one that somebody signed up for only by its id)' },
    ...addressOption,
    'operator-email': {
      value: 'ADDRESS',
      help: 'where the operator is asked before an admin key changes who may do what; read elsewhere than here',
    },
    'reports-to': { value: 'ADDRESS', help: 'where others may send DMARC reports (default: nowhere)' },
    'with-test-key': { help: 'also make a mailbox and a key for the test world' },
    'new-keys': { help: 'issue new agent and reviewer keys although there are some' },
    ...jsonOption,
  },
  run: (call) => withStore(call, (store, config) => run(call, { store, clock: systemClock }, config)),
}

async function run(call: Call, deps: Parameters<typeof setUp>[0], config: Config): Promise<number> {
  const domain = call.text('domain')
  if (domain === undefined) throw new Stop('Say which domain with --domain example.com.', 2)
  const hostname = hostnameOf(call, config, domain)
  const account = call.text('account')
  const request = {
    domain,
    mailbox: call.text('mailbox') ?? 'agent',
    withTestKey: call.flag('with-test-key'),
    newKeys: call.flag('new-keys'),
  }
  const addresses = addressesOf(call)
  const operator = await operatorOf(call, deps, domain)
  const result = await setUp(deps, { ...request, ...(account !== undefined && { accountName: account }) })
  if (!result.ok) throw new Stop(result.detail ?? result.code)
  const made = result.value
  if (operator !== null) await setOperatorAddress(deps, made.account.id, operator)
  const records = recordsToPublish({
    domain: made.domain.name,
    hostname,
    addresses,
    dkim: made.dkim,
    reportsTo: call.text('reports-to') ?? null,
  })
  call.io.out(call.flag('json') ? `${visibleJson(jsonOf(made, records))}\n` : text(made, hostname, records, config))
  return 0
}

/** Before anything is made: what fails later would leave keys that nobody was shown. */
async function operatorOf(call: Call, { store }: Parameters<typeof setUp>[0], domain: string): Promise<Address | null> {
  const text = call.text('operator-email')
  if (text === undefined) return null
  const address = parseAddress(text)
  if (address === null) throw new Stop(`${JSON.stringify(text)} is no address; write one such as ann@example.com.`, 2)
  if (domainOf(address) === parseDomainName(domain) || (await isReadHere(store.db, address)))
    throw new Stop(`Mail to ${address} comes to this server, where agents may read it. Name an address that is read elsewhere.`, 2)
  return address
}

function hostnameOf(call: Call, config: Config, domain: string): DomainName {
  const wanted = call.text('hostname') ?? (config.mode === 'server' ? config.hostname : `mail.${domain}`)
  const hostname = parseDomainName(wanted)
  if (hostname === null) throw new Stop(`${JSON.stringify(wanted)} is no host name; write one such as mail.example.com.`, 2)
  return hostname
}

const jsonOf = (made: Setup, records: readonly WantedRecord[]) => ({
  account: made.account,
  domain: made.domain,
  mailbox: made.mailbox,
  test_mailbox: made.testMailbox,
  created: made.created,
  keys: made.keys,
  dns_records: records,
})

function text(made: Setup, hostname: DomainName, records: readonly WantedRecord[], config: Config): string {
  const created = made.created.length === 0 ? 'Everything is there already.' : `Made: ${made.created.join(', ')}.`
  return [
    created,
    '',
    `  account  ${made.account.name} (${made.account.id})`,
    `  domain   ${made.domain.name}`,
    `  mailbox  ${made.mailbox.address} (${made.mailbox.id}), gated_send: what its agent sends waits for approval`,
    ...keysText(made.keys),
    '',
    `DNS records to publish for ${made.domain.name}. Lines that begin with ; are comments.`,
    '',
    zoneFileText(records),
    '',
    ...(config.mode === 'local' ? [`Then set MULTIMAIL_HOSTNAME=${hostname} for the server: without it, it runs in local mode.`] : []),
    `\`multimail dns check\` tells whether they are published.`,
    '',
  ].join('\n')
}

const keyNames = {
  agent: 'agent key (read, send; this mailbox)',
  reviewer: 'reviewer key (read, oversight)',
  test: 'test key (admin; test world)',
} as const

function keysText(keys: Setup['keys']): string[] {
  const lines = (Object.keys(keyNames) as (keyof typeof keyNames)[]).flatMap((name) => {
    const issued = keys[name]
    return issued === null ? [] : [`  ${keyNames[name]}`, `    ${issued.key}`]
  })
  return lines.length === 0
    ? ['', 'No keys were issued: there are some, and they are not kept readable. --new-keys issues new ones.']
    : ['', 'Keys. They are shown this once and cannot be shown again:', ...lines]
}
