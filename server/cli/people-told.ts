/** Who is told of what waits, after whom, and when not. */
import { setQuietOnHost, setReviewerTurns } from '../identity/people/on-host.ts'
import { isKeepable, isTimeZone, minutesIn } from '../model/quiet-hours.ts'
import { systemClock } from '../platform/clock.ts'
import { accountMeant } from '../store/accounts.ts'
import type { Store } from '../store/db.ts'
import { everyMailbox } from '../store/mailboxes.ts'
import { peopleOf } from '../store/people.ts'
import { turnsOf } from '../store/reviewer-turns.ts'
import type { Row } from '../store/schema.ts'
import { type Call, type Command, type Option, Stop } from './command.ts'
import { withStore } from './host.ts'
import { visibleLine } from './visible.ts'

const accountOption: Record<string, Option> = {
  account: { value: 'SLUG|ID', help: 'the account (default: the first one; one that somebody signed up for only by its id)' },
}

async function accountOf(call: Call, store: Store): Promise<Row<'accounts'>> {
  const account = await accountMeant(store.db, call.text('account'))
  if (account === undefined) throw new Stop('There is no such account: `multimail setup` makes one.', 2)
  return account
}

const minuteMs = 60_000

export const peopleTurns: Command = {
  help: 'Says who is told first of what waits, and who next when nobody decided, and shows it. Without options it only shows it. Whoever is not named is told last, and everybody a day before an email expires. Without any turns all are told at once.',
  options: {
    person: { value: 'ADDRESS', many: true, help: 'somebody, in order; give it several times' },
    after: { value: 'MINUTES', help: 'after which the next is told (default: 60; at most 2880)' },
    mailbox: { value: 'ADDRESS', help: 'only for what waits in this mailbox (default: for all that have no turns of their own)' },
    'all-at-once': { help: 'takes the turns away' },
    ...accountOption,
  },
  run: (call) =>
    withStore(call, async (store) => {
      const { id } = await accountOf(call, store)
      const [people, mailbox, clears] = [call.texts('person'), call.text('mailbox') ?? null, call.flag('all-at-once')]
      if (clears && people.length > 0) throw new Stop('Give --person or --all-at-once.', 2)
      if (clears || people.length > 0) {
        const after = call.text('after') ?? '60'
        if (!/^\d{1,4}$/.test(after)) throw new Stop('--after: write a number of minutes.', 2)
        const order = { mailbox, people, afterMs: Number(after) * minuteMs }
        const set = await setReviewerTurns({ store, clock: systemClock }, id, order)
        if (!set.ok) throw new Stop(set.detail ?? set.code)
      }
      call.io.out(await turnsText(store, id))
      return 0
    }),
}

async function turnsText(store: Store, id: Row<'accounts'>['id']): Promise<string> {
  const people = new Map((await peopleOf(store.db, id)).map((person) => [person.id, person.address]))
  const mailboxes = new Map((await everyMailbox(store.db)).map((mailbox) => [mailbox.id, mailbox.address]))
  const groups = Map.groupBy(await turnsOf(store.db, id), ({ mailbox_id }) => mailbox_id)
  const lines = [...groups].map(([mailbox, turns]) => {
    const names = turns.map(({ person_id }) => visibleLine(people.get(person_id) ?? person_id, 254)).join(', then ')
    const where = mailbox === null ? 'Everywhere else' : visibleLine(mailboxes.get(mailbox) ?? mailbox, 254)
    return `${where}: ${names}; the next after ${(turns[0]?.after_ms ?? 0) / minuteMs} minutes.\n`
  })
  return lines.join('') || 'All are told at once.\n'
}

export const peopleQuiet: Command = {
  help: 'Says when somebody wants no letters about what waits, by the clock where they are; what came meanwhile is in one letter afterwards. They can do so themselves at /session. Told nevertheless: when it is their turn because others did not decide, and what would expire first.',
  words: ['ADDRESS'],
  options: {
    zone: { value: 'ZONE', help: 'their time zone, such as Europe/Berlin' },
    from: { value: 'TIME', help: 'such as 22:00' },
    to: { value: 'TIME', help: 'such as 07:00; at most 16 hours later' },
    off: { help: 'letters at any time' },
    ...accountOption,
  },
  run: (call) =>
    withStore(call, async (store) => {
      const { id } = await accountOf(call, store)
      const [zone, from, to] = [call.text('zone') ?? '', minutesIn(call.text('from') ?? ''), minutesIn(call.text('to') ?? '')]
      const quiet = isTimeZone(zone) && from !== null && to !== null && isKeepable({ from, to }) ? { zone, from, to } : null
      if (quiet === null && !call.flag('off'))
        throw new Stop('Give --zone Europe/Berlin --from 22:00 --to 07:00 (at most 16 hours), or --off.', 2)
      const set = await setQuietOnHost({ store, clock: systemClock }, id, call.word('ADDRESS'), call.flag('off') ? null : quiet)
      if (!set.ok) throw new Stop(`Nobody of this account signs in with ${visibleLine(call.word('ADDRESS'), 254)}.`)
      call.io.out(call.flag('off') ? 'Letters at any time.\n' : `No letters from ${call.text('from')} to ${call.text('to')} (${zone}).\n`)
      return 0
    }),
}
