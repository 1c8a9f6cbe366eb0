import { switchOpens } from '../outbound/opens/opens.ts'
import { systemClock } from '../platform/clock.ts'
import { type Command, Stop } from './command.ts'
import { withStore } from './host.ts'

/** Whether the mail of one mailbox tells when it is opened. */
export const mailboxesOpens: Command = {
  help: 'Says whether mail from this mailbox carries an image that tells when it is opened; it does not unless you say so. A reviewer sees that it does. Many mail programs load no images, and some load them unopened: it is a hint. In some countries recipients have to agree first.',
  words: ['ADDRESS', 'on|off'],
  options: { test: { help: 'the mailbox of the test world' } },
  async run(call) {
    const word = call.word('on|off')
    if (word !== 'on' && word !== 'off') throw new Stop('Write on or off.', 2)
    const world = call.flag('test') ? 'test' : 'live'
    const switched = await withStore(call, (store) =>
      switchOpens({ store, clock: systemClock }, call.word('ADDRESS'), world, word === 'on'),
    )
    if (!switched.ok) throw new Stop(switched.detail ?? switched.code)
    call.io.out(
      `Mail from ${switched.value.address} ${word === 'on' ? 'tells when it is opened' : 'does not tell when it is opened'}, from now on.\n`,
    )
    return 0
  },
}
