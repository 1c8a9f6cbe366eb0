import { type PaceMeasure, measuresAfter } from '../store/pace-measures.ts'
import { systemClock } from '../platform/clock.ts'
import { type Command, jsonOption } from './command.ts'
import { withStore } from './host.ts'
import { visibleJson, visibleLine } from './visible.ts'

/** What providers asked for that lasts longer than some minutes; what is shorter is known only to the server that runs. */
export const relayPace: Command = {
  help: 'Shows which destinations get no mail or less of it for now, until when and why. The limits that hold otherwise are in docs/pace.md.',
  options: jsonOption,
  async run(call) {
    const measures = await withStore(call, (store) => measuresAfter(store.db, systemClock.now()))
    call.io.out(
      call.flag('json') ? `${visibleJson(measures.map(jsonOf))}\n` : measures.map(line).join('') || 'Every destination gets its mail.\n',
    )
    return 0
  },
}

const jsonOf = ({ until_at, ...measure }: PaceMeasure) => ({ ...measure, until: new Date(until_at).toISOString() })

function line({ destination, because, until_at, per_minute, connections }: PaceMeasure): string {
  const what = per_minute === null ? 'nothing' : `at most ${per_minute} a minute over ${connections} at a time`
  return `${visibleLine(destination)}  ${what} until ${new Date(until_at).toISOString()}  (${because})\n`
}
