import { remedyFor } from '../outbound/alarms.ts'
import { type AlarmRow, listAlarms } from '../store/alarms.ts'
import { type Command, jsonOption } from './command.ts'
import { withStore } from './host.ts'
import { visibleJson, visibleLine } from './visible.ts'

export const alarms: Command = {
  help: 'Lists what other mail servers say is wrong with this one: a block list, a missing PTR record, SPF or DKIM that do not pass, a smarthost that refuses the login; and trouble of its own: nobody can be reached on port 25, the DNS does not answer, an address to send from is not on this machine, the log is not what was signed. Each with what to do. An alarm ends by itself with the first delivery that passes there. Ends with 0 when there is none and 1 when there is.',
  options: jsonOption,
  async run(call) {
    const rows = await withStore(call, (store) => listAlarms(store.db))
    call.io.out(call.flag('json') ? `${visibleJson(rows.map(jsonOf))}\n` : rows.map(text).join('\n') || 'There are no alarms.\n')
    return rows.length === 0 ? 0 : 1
  },
}

const iso = (time: number): string => new Date(time).toISOString()

const jsonOf = (row: AlarmRow) => ({
  class: row.class,
  provider: row.provider,
  source: row.source,
  count: row.count,
  first_at: iso(row.first_at),
  last_at: iso(row.last_at),
  reply: row.reply,
  link: row.link,
  remedy: remedyFor(row.class),
})

const text = (row: AlarmRow): string =>
  [
    `${row.class}${row.provider === '' ? '' : ` at ${visibleLine(row.provider)}`}${row.source === '' ? '' : ` for ${visibleLine(row.source)}`}`,
    `  ${row.count} times from ${iso(row.first_at)} to ${iso(row.last_at)}`,
    `  ${row.provider === '' ? 'what was seen' : 'they say'}: ${visibleLine(row.reply, 300)}`,
    `  ${remedyFor(row.class)}`,
    ...(row.link === null ? [] : [`  ask here: ${row.link}`]),
    '',
  ].join('\n')
