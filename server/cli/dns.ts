import { recordsToPublish, zoneFileText } from '../../dns/records.ts'
import { type Command, jsonOption } from './command.ts'
import { domainOptions, domainSetups } from './dns-options.ts'
import { withStore } from './host.ts'
import { visibleJson } from './visible.ts'

export const dns: Command = {
  help: 'Prints the DNS records to publish for each domain, as lines of a zone file.',
  options: { ...domainOptions, ...jsonOption },
  async run(call) {
    const setups = await withStore(call, (store, config) => domainSetups(call, store, config))
    const records = setups.map((setup) => ({ domain: setup.domain, records: recordsToPublish(setup) }))
    call.io.out(
      call.flag('json')
        ? `${visibleJson(records)}\n`
        : records.map(({ domain, records: all }) => `; ---- ${domain} ----\n${zoneFileText(all)}\n`).join('\n'),
    )
    return 0
  },
}
