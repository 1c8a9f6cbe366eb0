import { type ChoiceChange, chooseOnHost } from '../outbound/mailbox-choices.ts'
import { systemClock } from '../platform/clock.ts'
import { type Command, Stop } from './command.ts'
import { withStore } from './host.ts'

type Wording = { help: string; changed(address: string, on: boolean): string }

const switching = (of: (on: boolean) => ChoiceChange, { help, changed }: Wording): Command => ({
  help,
  words: ['ADDRESS', 'on|off'],
  options: { test: { help: 'the mailbox of the test world' } },
  async run(call) {
    const word = call.word('on|off')
    if (word !== 'on' && word !== 'off') throw new Stop('Write on or off.', 2)
    const world = call.flag('test') ? 'test' : 'live'
    const done = await withStore(call, (store, config) =>
      chooseOnHost({ store, clock: systemClock, caps: config.outbound.caps }, call.word('ADDRESS'), world, of(word === 'on')),
    )
    if (!done.ok) throw new Stop(done.detail ?? done.code)
    call.io.out(`${changed(done.value.address, word === 'on')}, from now on.\n`)
    return 0
  },
})

/** Whether the mail of one mailbox tells when it is opened. */
export const mailboxesOpens = switching((opens) => ({ opens }), {
  help: 'Says whether mail from this mailbox carries an image that tells when it is opened; it does not unless you say so. A reviewer sees that it does. Many mail programs load no images, and some load them unopened: it is a hint. In some countries recipients have to agree first.',
  changed: (address, on) => `Mail from ${address} ${on ? 'tells when it is opened' : 'does not tell when it is opened'}`,
})

/** Whether what became of the mail of one mailbox comes back as mail. */
export const mailboxesNotices = switching((notices) => ({ notices }), {
  help: 'Says whether this mailbox gets a mail when what it sent is late by four hours or could not be delivered, as a person expects who reads it with a mail program; it does not unless you say so. Agents are told by events in any case.',
  changed: (address, on) =>
    `${address} ${on ? 'is told by mail when its mail is late or fails' : 'is not told by mail what becomes of its mail'}`,
})
