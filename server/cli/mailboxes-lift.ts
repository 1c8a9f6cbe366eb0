import { type Autonomy, liftOnHost } from '../outbound/standing/lift.ts'
import { systemClock } from '../platform/clock.ts'
import { type Call, type Command, Stop } from './command.ts'
import { withStore } from './host.ts'

/** Lets a mailbox send again whose mail bounced or drew complaints. */
export const mailboxesLift: Command = {
  help: 'Ends what too many bounces or complaints led to for a mailbox: it may send again, and what was counted before counts no more. Its agent goes on asking before it sends, unless you give the mode back with --mode. Why is put on the record.',
  words: ['ADDRESS'],
  options: {
    reason: { value: 'TEXT', help: 'why, for the log; required' },
    mode: { value: 'MODE', help: 'gated_new, monitored or autonomous: what a gated_send mailbox becomes again' },
    test: { help: 'the mailbox of the test world' },
  },
  async run(call) {
    const reason = call.text('reason')?.trim() ?? ''
    if (reason === '') throw new Stop('Say why, with --reason.', 2)
    const autonomy = autonomyIn(call)
    const world = call.flag('test') ? 'test' : 'live'
    const done = await withStore(call, (store) =>
      liftOnHost({ store, clock: systemClock }, call.word('ADDRESS'), world, { reason, autonomy }),
    )
    if (!done.ok) throw new Stop(done.detail ?? done.code)
    const { address, lifted, mode } = done.value
    call.io.out(`${address} ${lifted === null ? 'stood well' : `was in ${lifted} and is not any more`}; its mode is ${mode}.\n`)
    return 0
  },
}

function autonomyIn(call: Call): Autonomy | null {
  const mode = call.text('mode')
  if (mode === undefined) return null
  if (mode === 'gated_new' || mode === 'monitored' || mode === 'autonomous') return mode
  throw new Stop('--mode: write gated_new, monitored or autonomous.', 2)
}
