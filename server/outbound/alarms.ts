/**
 * Trouble of ours that others tell us about: an address on a block list, a missing PTR record, a signature that does not pass, a smarthost
 * that does not know us. No recipient can do anything about it, so the operator is told, once, with the remedy.
 *
 * An alarm is kept once for each class, source and provider until the first delivery that passes there. It is on the record when it comes and
 * when it goes.
 */
import { isIP } from 'node:net'
import { getDomain } from 'tldts'
import type { SystemActor } from '../model/actor.ts'
import { domainOf, parseAddress } from '../model/address.ts'
import { type AlarmRow, clearAlarms, raiseAlarm } from '../store/alarms.ts'
import type { Tx } from '../store/db.ts'
import type { EmailRow } from '../store/emails.ts'
import { appendEvent } from '../store/events.ts'
import type { NewLogEntry } from '../store/log.ts'
import { type BounceClass, meanings } from './classify-meanings.ts'
import { delistLink } from './list-operators.ts'
import type { Outcome } from './outcome.ts'

const outbound: SystemActor = { kind: 'system', part: 'outbound' }

/** What an alarm is about: the address we send from, or the domain we write for. */
const alarming: Partial<Record<BounceClass, 'address' | 'domain'>> = {
  blocklisted: 'address',
  ptr: 'address',
  smarthost: 'address',
  relay: 'address',
  authentication: 'domain',
  sender: 'domain',
  signing: 'domain',
}

/** An attempt's end; `now` in epoch ms. */
type Attempted = { email: EmailRow; outcome: Outcome; now: number }

/** Raises or ends alarms after attempts, in their transaction. @returns what goes on the record */
export async function noteAlarms(tx: Tx, all: readonly Attempted[]): Promise<NewLogEntry[]> {
  // What happens in the test world is not true.
  const live = all.filter(({ email }) => email.world === 'live')
  // Ended first: of those that came together, what passed must not take away what another has just been told.
  const entries = await endAlarms(
    tx,
    live.filter(({ outcome }) => outcome.verdict.outcome === 'delivered'),
  )
  for (const { email, outcome, now } of live) {
    const about = outcome.verdict.outcome === 'delivered' ? undefined : alarming[outcome.verdict.class]
    if (about !== undefined) entries.push(...(await raise(tx, email, outcome, about === 'domain' ? domainFrom(email) : '', now)))
  }
  return entries
}

async function endAlarms(tx: Tx, passed: readonly Attempted[]): Promise<NewLogEntry[]> {
  const [first] = passed
  if (first === undefined) return []
  const over = await clearAlarms(
    tx,
    passed.map(({ email, outcome }) => ({ provider: providerOf(outcome.facts.host), source: domainFrom(email) })),
  )
  return over.map((alarm) => alarmEntry('alarm.ended', alarm, first.now))
}

async function raise(tx: Tx, email: EmailRow, { verdict, facts, text }: Outcome, source: string, now: number): Promise<NewLogEntry[]> {
  const alarm = { class: verdict.class, source, provider: providerOf(facts.host), reply: text, link: delistLink(text) }
  if (!(await raiseAlarm(tx, alarm, now))) return []
  const { reply, ...told } = alarm
  await appendEvent(tx, {
    tenancy: { accountId: email.account_id, world: email.world },
    mailboxId: null,
    type: 'operator.alarm',
    data: { ...told, remedy: verdict.remedy, reply, raised_at: now },
    now,
  })
  return [alarmEntry('alarm.raised', alarm, now)]
}

/** Who runs a host, as far as its name says: `mx01.mail.icloud.com` is `icloud.com`. */
export function providerOf(host: string | null): string {
  if (host === null || isIP(host) !== 0) return host ?? ''
  return getDomain(host, { allowPrivateDomains: false }) ?? host.toLowerCase()
}

function domainFrom(email: EmailRow): string {
  const from = parseAddress(email.from_address)
  return from === null ? '' : domainOf(from)
}

export const alarmEntry = (
  action: 'alarm.raised' | 'alarm.ended',
  alarm: Pick<AlarmRow, 'class' | 'source' | 'provider' | 'reply'>,
  now: number,
): NewLogEntry => ({
  at: now,
  actor: outbound,
  tenancy: null,
  action,
  resourceType: 'alarm',
  resourceId: `${alarm.class}:${alarm.provider}`,
  metadata: { class: alarm.class },
  details: { provider: alarm.provider, source: alarm.source, reply: alarm.reply },
})

/** What to do about an alarm, in words for a person. */
export const remedyFor = (name: string): string => remedies[name] ?? ''

/** Trouble of this machine (trouble/own-trouble.ts), and what to do about it. */
export const ownTroubles = {
  unreachable:
    'No mail server of others can be reached on port 25. Many hosting providers close it: ask yours to open it, or send through a smarthost ' +
    'on another port (MULTIMAIL_SMARTHOST). Until then everything waits in the queue.',
  dns:
    'The DNS gives no answer any more. Look whether the resolver of this machine works, or name others (MULTIMAIL_DNS_SERVERS). ' +
    'Until then mail waits, and arriving mail is put off.',
  'source-address':
    'This address of MULTIMAIL_SOURCE_ADDRESSES is not on this machine, so what should leave from it waits. Give the machine the address ' +
    '(in a container: its network), or take it out of the setting.',
  webhook:
    'This webhook was switched off, since it has taken nothing for days or answered that it is gone (410). Repair what takes its events, switch it on ' +
    'with update_webhook, and bring what it missed with replay_webhook_events.',
  record:
    'The log of record is not what was signed of it, so nothing more is signed. Somebody changed the database, or an old copy of it was put in place. Run ' +
    '`multimail audit verify` with the newest checkpoint that you were mailed, and keep the data as it is until you know.',
} as const

const remedies: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(meanings).map(([name, { remedy }]) => [name, remedy])),
  ...ownTroubles,
}
