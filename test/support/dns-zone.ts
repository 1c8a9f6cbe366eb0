import type { WantedRecord } from '../../dns/records.ts'
import type { Zone, ZoneRecords } from '../../dns/resolver.ts'

/** A zone in which everything that should be published is, as an operator would have entered it. `addresses` stand in for unknown ones. */
export function publish(wanted: readonly WantedRecord[], addresses: readonly string[] = ['192.0.2.25']): Zone {
  const zone: Zone = {}
  for (const record of wanted) {
    const name = record.name.includes(' ') ? (addresses[0] ?? '') : record.name
    zone[name] = { ...zone[name], ...entry(record, zone[name] ?? {}, addresses) }
  }
  return zone
}

function entry({ type, value }: WantedRecord, there: ZoneRecords, addresses: readonly string[]): ZoneRecords {
  const texts = value === null ? addresses : [value]
  if (type === 'MX') return { MX: [...(there.MX ?? []), ...texts.map(mxOf)] }
  return { [type]: [...(there[type] ?? []), ...texts] }
}

function mxOf(text: string): { priority: number; exchange: string } {
  const [priority = '', exchange = ''] = text.split(' ')
  return { priority: Number(priority), exchange }
}

/** The joined value of each TXT record in zone-file text, by name. */
export function textsInZoneFile(text: string): Map<string, string> {
  const lines = text.split('\n').flatMap((line) => {
    const [, name, strings] = /^(\S+)\. \d+ IN TXT (.*)$/.exec(line) ?? []
    return name === undefined || strings === undefined ? [] : [[name, unquote(strings)] as const]
  })
  return new Map(lines)
}

const unquote = (strings: string): string =>
  (strings.match(/"(?:[^"\\]|\\.)*"/g) ?? []).map((each) => each.slice(1, -1).replace(/\\(.)/g, '$1')).join('')
