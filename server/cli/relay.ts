import type { Actor } from '../model/actor.ts'
import { addressKey, parseAddress } from '../model/address.ts'
import { parseDomainName } from '../../dns/name.ts'
import { isId } from '../model/ids.ts'
import type { Result } from '../model/result.ts'
import { retryNow, takeBack } from '../outbound/control/deliveries.ts'
import { everything, resumeSending, stopSending } from '../outbound/control/stops.ts'
import { systemClock } from '../platform/clock.ts'
import type { Store } from '../store/db.ts'
import { mailboxAt } from '../store/mailboxes.ts'
import { countQueued, nextDue } from '../store/queue.ts'
import { type StopRow, type StopScope, listStops } from '../store/stops.ts'
import { type WaitingRow, listWaiting } from '../store/waiting.ts'
import { type Call, type Command, type Option, Stop, jsonOption } from './command.ts'
import { withStore } from './host.ts'
import { visibleJson, visibleLine } from './visible.ts'

const host: Actor = { kind: 'system', part: 'host' }
const mostListed = 200
const iso = (at: number): string => new Date(at).toISOString()

export const relayStatus: Command = {
  help: 'Says whether mail leaves, what is stopped, by whom and why, and how much waits.',
  options: jsonOption,
  async run(call) {
    const found = await withStore(call, async ({ db }) => ({
      stops: await listStops(db),
      queued: await countQueued(db),
      next: await nextDue(db),
    }))
    const next = found.next === null ? null : iso(found.next)
    const json = { stopped: found.stops.some(isEverything), queued: found.queued, next_attempt_at: next, stops: found.stops.map(stopView) }
    call.io.out(call.flag('json') ? `${visibleJson(json)}\n` : statusText(found.stops, found.queued, next))
    return 0
  },
}

const isEverything = ({ account_id, mailbox_id, domain }: StopScope): boolean => (account_id ?? mailbox_id ?? domain) === null

const stopView = ({ account_id, world, mailbox_id, domain, actor_id, reason, created_at }: StopRow) => ({
  account_id,
  world,
  mailbox_id,
  domain,
  actor_id,
  reason,
  since: iso(created_at),
})

const statusText = (stops: readonly StopRow[], count: number, next: string | null): string =>
  [
    stops.some(isEverything) ? 'All leaving mail is stopped.' : 'Mail leaves.',
    ...stops.map(
      (stop) => `  stopped since ${iso(stop.created_at)} by ${stop.actor_id}: ${whatIs(stop)} ${visibleLine(stop.reason ?? '')}`,
    ),
    `${count} deliveries wait${next === null ? '' : `, the next from ${next} on`}.`,
    '',
  ].join('\n')

const whatIs = (stop: StopRow): string =>
  [stop.account_id, stop.mailbox_id, stop.domain]
    .filter((one) => one !== null)
    .map((one) => visibleLine(one))
    .join(' ') || 'everything'

const reason: Record<string, Option> = { reason: { help: 'why, for the log', value: 'TEXT' } }
const which: Record<string, Option> = {
  mailbox: { help: 'only the mail of this mailbox', value: 'ADDRESS' },
  domain: { help: 'only mail to this domain', value: 'NAME' },
  test: { help: 'the mailbox of the test world' },
}

async function scopeOf(call: Call, store: Store): Promise<StopScope> {
  const [mailboxText, domainText] = [call.text('mailbox'), call.text('domain')]
  const domain = domainText === undefined ? null : parseDomainName(domainText)
  if (domain === null && domainText !== undefined) throw new Stop(`${JSON.stringify(domainText)} is no domain.`, 2)
  if (mailboxText === undefined) return { ...everything, domain }
  const address = parseAddress(mailboxText)
  const mailbox = address === null ? undefined : await mailboxAt(store.db, call.flag('test') ? 'test' : 'live', addressKey(address))
  if (mailbox === undefined) throw new Stop(`There is no mailbox ${JSON.stringify(mailboxText)}.`)
  return { account_id: mailbox.account_id, world: mailbox.world, mailbox_id: mailbox.id, domain }
}

async function stop(call: Call, find: (store: Store) => Promise<StopScope>): Promise<number> {
  const done = await withStore(call, async (store) =>
    stopSending({ store, clock: systemClock }, { scope: await find(store), actor: host, reason: call.text('reason') }),
  )
  if (!done.ok) throw new Stop(done.detail ?? done.code)
  call.io.out(done.value.changed ? 'Stopped. What waits stays in the queue until it is resumed.\n' : 'It was stopped already.\n')
  return 0
}

export const relayStop: Command = {
  help: 'Stops all leaving mail within a second, approved mail included. What has been sent in full still gets its answer; everything else waits.',
  options: reason,
  run: (call) => stop(call, () => Promise.resolve(everything)),
}

export const relayPause: Command = {
  help: 'Stops the mail of one mailbox, or to one domain, or of that mailbox to that domain.',
  options: { ...which, ...reason },
  async run(call) {
    if (call.text('mailbox') === undefined && call.text('domain') === undefined)
      throw new Stop('Name a --mailbox or a --domain; `multimail relay stop` stops everything.', 2)
    return await stop(call, (store) => scopeOf(call, store))
  },
}

export const relayResume: Command = {
  help: 'Lets mail leave again: all of it, or what `multimail relay pause` stopped with the same options.',
  options: { ...which, ...reason },
  async run(call) {
    const { changed } = await withStore(call, async (store) =>
      resumeSending({ store, clock: systemClock }, { scope: await scopeOf(call, store), actor: host, reason: call.text('reason') }),
    )
    call.io.out(changed ? 'Resumed.\n' : 'This was not stopped; `multimail relay status` shows what is.\n')
    return 0
  },
}

export const relayQueue: Command = {
  help: `Lists the first ${mostListed} deliveries that wait, what is next first.`,
  options: jsonOption,
  async run(call) {
    const rows = await withStore(call, ({ db }) => listWaiting(db, { limit: mostListed }))
    call.io.out(call.flag('json') ? `${visibleJson(rows.map(deliveryView))}\n` : rows.map(line).join('') || 'Nothing waits.\n')
    return 0
  },
}

const deliveryView = (row: WaitingRow) => ({
  id: row.id,
  email_id: row.email_id,
  recipient: row.forward_path,
  attempts: row.attempts,
  next_attempt_at: iso(row.next_attempt_at),
  give_up_at: iso(row.give_up_at),
  last_reply: row.last_reply,
})

const line = (row: WaitingRow): string =>
  `${[row.id, visibleLine(row.forward_path), `attempts ${row.attempts}`, iso(row.next_attempt_at), visibleLine(row.last_reply ?? '', 200)].join('  ')}\n`

type ByHand = (deps: Parameters<typeof takeBack>[0], request: Parameters<typeof takeBack>[1]) => Promise<Result<{ state: string }, string>>

const byHand = (help: string, work: ByHand, words: Record<string, string>): Command => ({
  help,
  words: ['ID'],
  async run(call) {
    const id = call.word('ID')
    if (!isId('delivery', id)) throw new Stop(`${JSON.stringify(id)} is no id of a delivery; \`multimail relay queue\` lists them.`, 2)
    const done = await withStore(call, (store) => work({ store, clock: systemClock }, { id, actor: host }))
    if (!done.ok) throw new Stop(done.detail ?? 'There is no such delivery.')
    call.io.out(`${words[done.value.state]}\n`)
    return 0
  },
})

export const relayRetry = byHand('Tries one delivery now instead of at its time.', retryNow, { queued: 'It is due now.' })
export const relayCancel = byHand('Takes one delivery back. What has been sent in full can no longer be taken back.', takeBack, {
  cancelled: 'It is cancelled.',
  cancelling: 'An attempt is under way; it is broken off unless the message has been sent in full.',
})
