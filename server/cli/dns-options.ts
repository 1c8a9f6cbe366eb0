import { isIP } from 'node:net'
import { type DomainName, parseDomainName } from '../../dns/name.ts'
import type { DomainSetup } from '../../dns/records.ts'
import type { Config } from '../../config/schema.ts'
import type { Store } from '../store/db.ts'
import { publicKeysOf } from '../identity/dkim-keys.ts'
import { dkimKeysOf } from '../store/dkim-keys.ts'
import { listDomains } from '../store/domains.ts'
import { type Call, type Option, Stop } from './command.ts'

export const addressOption: Record<string, Option> = {
  address: { value: 'IP', many: true, help: 'a public address of this server, for its A, AAAA and PTR records; may be given again' },
}
export const domainOptions: Record<string, Option> = {
  domain: { value: 'NAME', help: 'only this domain' },
  hostname: { value: 'NAME', help: 'the name of this server (default: MULTIMAIL_HOSTNAME)' },
  ...addressOption,
}

export function addressesOf(call: Call): readonly string[] {
  const addresses = call.texts('address')
  const wrong = addresses.find((address) => isIP(address) === 0)
  if (wrong !== undefined) throw new Stop(`${JSON.stringify(wrong)} is no IP address.`, 2)
  return addresses
}

/** What is to be published for each domain of the store, or for the one asked for. */
export async function domainSetups(call: Call, store: Store, config: Config): Promise<DomainSetup[]> {
  const hostname = hostnameOf(call, config)
  const addresses = addressesOf(call)
  const wanted = call.text('domain')
  const rows = (await listDomains(store.db)).filter(({ name }) => wanted === undefined || name === parseDomainName(wanted))
  if (rows.length === 0)
    throw new Stop(
      `${wanted === undefined ? 'There is no domain' : `${JSON.stringify(wanted)} is not set up`} here. \`multimail setup --domain example.com\` makes one.`,
    )
  return Promise.all(
    rows.map(async ({ id, name }) => ({
      domain: name as DomainName,
      hostname,
      addresses,
      dkim: publicKeysOf(await dkimKeysOf(store.db, id)),
      reportsTo: null,
    })),
  )
}

function hostnameOf(call: Call, config: Config): DomainName {
  const text = call.text('hostname') ?? (config.mode === 'server' ? config.hostname : undefined)
  const hostname = text === undefined ? null : parseDomainName(text)
  if (hostname === null) throw new Stop('Say what this server is called with MULTIMAIL_HOSTNAME or --hostname mail.example.com.', 2)
  return hostname
}
