import { parseDomainName } from '../../dns/name.ts'
import { zoneFileText } from '../../dns/records.ts'
import { createResolver } from '../../dns/resolver.ts'
import { useOf } from '../identity/dkim-life.ts'
import { createRotation } from '../identity/dkim-rotation.ts'
import { systemClock } from '../platform/clock.ts'
import { silentLog } from '../platform/log.ts'
import { type DkimKeyRow, dkimKeysOf } from '../store/dkim-keys.ts'
import { listDomains } from '../store/domains.ts'
import { type Command, Stop, jsonOption } from './command.ts'
import { withStore } from './host.ts'
import { visibleJson } from './visible.ts'

export const dkimList: Command = {
  help: 'Lists the DKIM keys of every domain: next (to be published), active (they sign), retired (their records are kept for a while), gone (their records may be removed). `multimail dns` prints the records.',
  options: jsonOption,
  async run(call) {
    const listed = await withStore(call, async (store) =>
      Promise.all((await listDomains(store.db)).map(async ({ id, name }) => ({ domain: name, keys: await dkimKeysOf(store.db, id) }))),
    )
    const lines = listed.flatMap(({ domain, keys }) => keys.map((key) => `${key.selector}._domainkey.${domain}  ${factsOf(key)}\n`))
    const json = listed.flatMap(({ domain, keys }) => keys.map((key) => ({ domain, ...jsonOf(key) })))
    call.io.out(call.flag('json') ? `${visibleJson(json)}\n` : lines.join('') || 'There are no keys.\n')
    return 0
  },
}

const iso = (time: number): string => new Date(time).toISOString()
const dateOf = (time: number): string => iso(time).slice(0, 10)

const words: Record<DkimKeyRow['state'], (key: DkimKeyRow) => string> = {
  next: (key) => `publish now, used from ${dateOf(key.use_from)} on`,
  active: (key) => `signs since ${dateOf(key.state_since)}`,
  retired: (key) => {
    const use = useOf(key)
    return use?.kind === 'retired' ? `keep the record until ${dateOf(use.keepUntil)}, remove it by ${dateOf(use.goneFrom)}` : ''
  },
  gone: () => 'the record may be removed',
}
const factsOf = (key: DkimKeyRow): string => `${key.algorithm}  ${key.state}  ${words[key.state](key)}`

const jsonOf = (key: DkimKeyRow) => ({
  selector: key.selector,
  algorithm: key.algorithm,
  state: key.state,
  state_since: iso(key.state_since),
  use_from: iso(key.use_from),
  created_at: iso(key.created_at),
})

export const dkimRotate: Command = {
  help: 'Makes new DKIM keys for the domain, and prints the records to publish. As soon as the DNS shows them they sign: a running server looks every six hours, and this command, called again, looks at once. Ends with 1 while they are waited for. If an old key was stolen, remove its record as soon as the new keys sign.',
  words: ['DOMAIN'],
  options: jsonOption,
  async run(call) {
    const name = parseDomainName(call.word('DOMAIN'))
    const rotated = await withStore(call, (store, config) => {
      if (config.mode === 'local') throw new Stop('Local mode asks no DNS server. Set MULTIMAIL_HOSTNAME for server mode.', 2)
      const resolver = createResolver({ servers: config.dns.servers, clock: systemClock })
      const actor = { kind: 'system', part: 'host' } as const
      return createRotation({ store, resolver, clock: systemClock, log: silentLog, policy: config.dkim, actor }).rotate(name ?? '')
    })
    if (!rotated.ok) throw new Stop(`${JSON.stringify(call.word('DOMAIN'))} is not set up here.`)
    const { selectors, waitingFor } = rotated.value
    const signs = waitingFor.length === 0
    const text = signs
      ? `${selectors.join(' and ')} sign from now on.\n`
      : `Publish these records, then call this again:\n\n${zoneFileText(waitingFor)}\n`
    call.io.out(call.flag('json') ? `${visibleJson({ selectors, signs, waiting_for: waitingFor })}\n` : text)
    return signs ? 0 : 1
  },
}
