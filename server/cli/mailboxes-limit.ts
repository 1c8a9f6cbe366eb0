import { type CapChange, chooseOnHost } from '../outbound/mailbox-choices.ts'
import { systemClock } from '../platform/clock.ts'
import { type Call, type Command, Stop } from './command.ts'
import { withStore } from './host.ts'

/** How much the agent of one mailbox may hand in. */
export const mailboxesLimit: Command = {
  help: 'Says how much one mailbox may send, and shows it. Without options it only shows it. A number is a limit, none lifts it, standard takes that of the settings. Each recipient of a message counts.',
  words: ['ADDRESS'],
  options: {
    hourly: { value: 'NUMBER', help: 'messages in an hour' },
    daily: { value: 'NUMBER', help: 'messages in 24 hours' },
    'new-recipients': { value: 'NUMBER', help: 'people in 24 hours to whom it has not written before' },
    test: { help: 'the mailbox of the test world' },
  },
  async run(call) {
    const change: CapChange = { ...given(call, 'hour', 'hourly'), ...given(call, 'day', 'daily'), ...given(call, 'new', 'new-recipients') }
    const world = call.flag('test') ? 'test' : 'live'
    const changed = await withStore(call, (store, config) =>
      chooseOnHost({ store, clock: systemClock, caps: config.outbound.caps }, call.word('ADDRESS'), world, { caps: change }),
    )
    if (!changed.ok) throw new Stop(changed.detail ?? changed.code)
    const { address, caps } = changed.value
    call.io.out(
      `${address} may send: ${told(caps.hour, 'messages an hour')}, ${told(caps.day, 'messages a day')}, ${told(caps.new, 'new recipients a day')}.\n`,
    )
    return 0
  },
}

const told = (most: number | null, what: string): string => (most === null ? `any number of ${what}` : `${most} ${what}`)

function given(call: Call, kind: keyof CapChange, option: string): CapChange {
  const text = call.text(option)
  if (text === undefined) return {}
  if (text === 'standard') return { [kind]: 'standard' }
  if (text === 'none') return { [kind]: null }
  if (!/^\d{1,7}$/.test(text)) throw new Stop(`--${option}: write a whole number of at most 7 digits, none or standard.`, 2)
  return { [kind]: Number(text) }
}
