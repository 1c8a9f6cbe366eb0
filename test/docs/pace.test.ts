import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { createDestinations } from '../../server/outbound/pace/destinations.ts'
import { firstWindow, longestQueueMs, restMs } from '../../server/outbound/pace/pacing.ts'
import { type Limits, otherLimits, providers, smarthostLimits } from '../../server/outbound/pace/providers.ts'
import { type Measure, rules } from '../../server/outbound/pace/rules.ts'
import { hostHoldMs } from '../../server/outbound/pace/session-fact.ts'
import { dailyRamp, rampDays } from '../../server/outbound/pace/warm-up.ts'
import { silentLog } from '../../server/platform/log.ts'
import { createMetrics } from '../../server/platform/metrics.ts'
import { retryPolicy } from '../../server/outbound/schedule.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

/** Write the page anew with `vitest run test/docs/pace.test.ts -u`. */
it('docs/pace.md shows the tables that are in force', async () => {
  await expect(page()).toMatchFileSnapshot('../../docs/pace.md')
})

describeOnEachEngine('docs/metrics.md', (openStore) => {
  it('has every number of the pace, and none that is not', async () => {
    const metrics = createMetrics()
    createDestinations({ store: await openStore(), clock: createVirtualClock(0), log: silentLog, metrics })
    const kept = [...(await metrics.text()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, kind]) => `${name} ${kind}`)
    const told = [...readFileSync('docs/metrics.md', 'utf8').matchAll(/^\| `(multimail_outbound_pace_\w+)(?:\{[\w,]+\})?` \| (\w+) \|/gm)]
    expect(told.map(([, name, kind]) => `${name} ${kind}`).toSorted()).toEqual(kept.toSorted())
  })
})

const minutes = (ms: number): string => (ms % 3_600_000 === 0 ? `${ms / 3_600_000} h` : `${ms / 60_000} min`)

const limitsRow = (name: string, hosts: string, { connections, perMinute, perConnection }: Limits): string =>
  `| ${name} | ${hosts} | ${connections} | ${perMinute} | ${perConnection} |`

const measure = (one: Measure): string =>
  one.kind === 'suspend'
    ? `nothing for ${minutes(one.ms)}`
    : `${one.perMinute} a minute over ${one.connections} ${one.connections === 1 ? 'connection' : 'connections'} for ${minutes(one.ms)}`

const page = (): string => `# Pace: how fast mail leaves

Two things decide how fast mail leaves: what a mailbox may send, and what its recipients' providers bear. This page is made from the tables of the program.

## What a mailbox may send

An agent that runs wild is stopped while it hands mail in: the call is answered 429 \`RATE_LIMITED\`, with the time to wait in \`Retry-After\` and in \`retry_after_seconds\`. Each recipient
counts as a message. A draft counts when it is submitted, held mail when it was handed in; approving it costs nothing and is never refused. Somebody is a new recipient to whom the mailbox
has not written before and from whom no mail came that was proved to be theirs. The spans slide in steps of five minutes.

\`MULTIMAIL_MAILBOX_HOURLY\`, \`MULTIMAIL_MAILBOX_DAILY\` and \`MULTIMAIL_MAILBOX_NEW_RECIPIENTS\` ([settings](settings.md)) are for every mailbox, \`multimail mailboxes limit\` is for one. The worlds of live and
test keys have mailboxes of their own, and so counts of their own.

## What providers bear

Limits are counted by who takes the mail (the name of its MX), not by the recipient's domain: thousands of domains are one provider. Mail that is over a limit waits; that is no attempt, and its
time to live goes on. Its last attempt, when that time is over, is made in any case.

| provider | MX hosts end in | connections at a time | new connections a minute | messages over one |
|---|---|---|---|---|
${providers.map(({ name, hosts, limits }) => limitsRow(name, hosts.map((host) => `\`${host}\``).join(', '), limits)).join('\n')}
${limitsRow('smarthost', 'as set', smarthostLimits)}
${limitsRow('other', 'everybody else, each for itself by its registered domain', otherLimits)}

From the shaping rules that KumoMTA ships. Servers of your own network (private and loopback addresses) have no limits.

**Concurrency** begins with ${firstWindow} at a time (or the limit, where that is lower). Each session that goes well makes it one more, up to the limit; each that fails, or is answered 421 or that we are too much, one less. As many
failures as there are places, and the destination rests for ${minutes(restMs)}. A refusal of one message or recipient is no failure.

**Hosts** that refuse the connection are left alone for ${minutes(hostHoldMs.refused)}, those that do not answer for ${minutes(hostHoldMs.silent)}; meanwhile the domain's other hosts are tried.

**"Try again in …"**, from a provider for whom we are too much, is obeyed for all mail to it, from ${minutes(retryPolicy.hintMs.least)} to ${minutes(retryPolicy.hintMs.most)}.

**What they say** beyond that:

| rule | provider | what follows | said |
|---|---|---|---|
${rules
  .map(
    ({ name, by, after, measure: follows, seen }) =>
      `| \`${name}\` | ${by ?? 'any'} | ${after.times > 1 ? `${after.times} times within ${minutes(after.withinMs)}: ` : ''}${measure(follows)} | ${seen} |`,
  )
  .join('\n')}

**A new address** of yours is taken for a spammer's when it sends much at once. With \`MULTIMAIL_WARM_UP\` it sends ${[0, 7, 15, 22, rampDays - 1].map((day) => dailyRamp(0, day * 86_400_000)).join(', ')} messages on the 1st, 8th,
16th, 23rd and 30th day, and then as many as there are. What is over waits for the next day (UTC). What goes to a smarthost is not counted.

Who waits is asked to come again one after the other, within ${minutes(longestQueueMs)}; where nothing goes for a time that is known, within ${minutes(longestQueueMs)} of its end. What lasts ten minutes or more is kept in the store: a restart does not forget it, other nodes keep it too (they look once a
minute), and \`multimail relay pace\` shows it. [Metrics](metrics.md) count all of it.
`
