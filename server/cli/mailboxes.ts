import { endWebhooks } from '../events/webhooks.ts'
import { type MailboxChange, changeMailbox } from '../identity/mailboxes.ts'
import { endMail } from '../outbound/control/end-mail.ts'
import { systemClock } from '../platform/clock.ts'
import { type MailboxState, everyMailbox, stateOf } from '../store/mailboxes.ts'
import type { Row } from '../store/schema.ts'
import { type Command, Stop, jsonOption } from './command.ts'
import { withStore } from './host.ts'
import { visibleJson, visibleLine } from './visible.ts'

export const mailboxesList: Command = {
  help: 'Lists every mailbox with its id, world, oversight mode and state: active, suspended or deleted.',
  options: jsonOption,
  async run(call) {
    const mailboxes = await withStore(call, (store) => everyMailbox(store.db))
    call.io.out(call.flag('json') ? `${visibleJson(mailboxes.map(jsonOf))}\n` : mailboxes.map(line).join('') || 'There are no mailboxes.\n')
    return 0
  },
}

const jsonOf = (row: Row<'mailboxes'>) => ({
  id: row.id,
  address: row.address,
  account_id: row.account_id,
  world: row.world,
  oversight_mode: row.oversight_mode,
  state: stateOf(row),
})

const line = (row: Row<'mailboxes'>): string =>
  [row.id, visibleLine(row.address), row.world, row.oversight_mode, stateOf(row)].join('  ').concat('\n')

const changing = (change: MailboxChange, help: string): Command => ({
  help,
  words: ['ADDRESS'],
  options: { test: { help: 'the mailbox of the test world' } },
  async run(call) {
    const world = call.flag('test') ? 'test' : 'live'
    const changed = await withStore(call, (store) =>
      changeMailbox({ store, clock: systemClock, endMail, endWebhooks }, change, call.word('ADDRESS'), world),
    )
    if (!changed.ok) throw new Stop(changed.detail ?? changed.code)
    const { address, state } = changed.value
    call.io.out(`${address} is ${state}: ${meanings[state]}\n`)
    return 0
  },
})

const meanings: Record<MailboxState, string> = {
  active: 'mail for it is taken, and its agent can send.',
  suspended: 'mail for it is asked to come again later (450), and its agent can read but not send.',
  deleted: 'mail for it is refused (550), and only reviewers and admin keys still see what is in it.',
}

export const mailboxesSuspend = changing('suspend', 'Closes a mailbox for a time. Servers that have mail for it try again for some days.')
export const mailboxesResume = changing('resume', 'Opens a mailbox that was suspended, or brings one back that was deleted.')
export const mailboxesDelete = changing(
  'delete',
  'Closes a mailbox for good. What waits for approval, for its time or in the queue ends. Its mail stays on the record, for reviewers and admin keys only; its webhooks are gone. Its address can become an alias of another mailbox.',
)
