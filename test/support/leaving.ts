/** The room of leaving mail with everything around it: an office whose mail is released, keys to sign with, names, and mail servers to reach. */
import { onTestFinished } from 'vitest'
import { type Zone, createZoneResolver } from '../../dns/resolver.ts'
import { contentHash } from '../../server/model/envelope.ts'
import { type DeliveryId, type EmailId, newId } from '../../server/model/ids.ts'
import type { World } from '../../server/model/world.ts'
import { type Deliver, createDeliverer } from '../../server/outbound/deliver.ts'
import type { Budget } from '../../server/outbound/budget.ts'
import type { Admit, Pace } from '../../server/outbound/pace/pace.ts'
import type { WarmUp } from '../../server/outbound/pace/warm-up.ts'
import type { RouteConfig } from '../../server/outbound/route.ts'
import { type Runner, type RunnerDeps, createRunner } from '../../server/outbound/runner.ts'
import { createSmtpTransport } from '../../server/outbound/transport/smtp.ts'
import type { Transport } from '../../server/outbound/transport.ts'
import { type Grounds, release } from '../../server/oversight/release.ts'
import { createWatch } from '../../server/outbound/control/watch.ts'
import type { Log } from '../../server/platform/log.ts'
import type { Store } from '../../server/store/db.ts'
import { insertDkimKey } from '../../server/store/dkim-keys.ts'
import { type EmailRow, emailById, insertEmail } from '../../server/store/emails.ts'
import { insertDecision, insertHold } from '../../server/store/holds.ts'
import { appendLog } from '../../server/store/log.ts'
import { longestDue } from '../../server/store/queue-order.ts'
import { type Claim, attemptsOf, claimDue, deliveriesOf, nextDue } from '../../server/store/queue.ts'
import type { Row } from '../../server/store/schema.ts'
import { knownDkim } from './known-dkim.ts'
import { type Office, address, openOffice } from './offices.ts'
import type { RemoteMx } from './remote-mx.ts'
import { type VirtualClock, createVirtualClock } from './virtual-clock.ts'

const hour = 60 * 60_000
const start = Date.UTC(2026, 10, 22, 12)

export type Leaving = {
  clock: VirtualClock
  office: Office
  zone: Zone
  /** events of the log, oldest first, with their bindings */
  logged: { event: string; fields: Record<string, unknown> }[]
  deliver: Deliver
  runner: Runner
  /** Another runner on the same store. */
  anotherRunner(change?: Partial<RunnerDeps>): Runner
  /** Stores a released email and its deliveries. */
  queue(options?: { to?: string[]; subject?: string; approved?: boolean; world?: World; composed?: Buffer }): Promise<EmailRow>
  deliveries(email: EmailRow): Promise<Row<'deliveries'>[]>
  email(email: EmailRow): Promise<EmailRow>
  attempts(id: DeliveryId): Promise<Row<'attempts'>[]>
  nextDue(): Promise<number | null>
  /** Lets the leases of this email's deliveries lapse, as if their holder had slept. */
  lapse(email: EmailRow): Promise<void>
  events(): Promise<{ type: string; data: Record<string, unknown> }[]>
  /** Resolves once somebody waits for this time (epoch ms): so a loop is known to be asleep before its time moves on. */
  untilAwaited(time: number): Promise<void>
  /** Resolves at the next event of this name in the log. */
  untilLogged(event: string): Promise<void>
}

type Options = {
  world?: World
  remote?: RemoteMx
  zone?: Zone
  route?: Partial<RouteConfig>
  transport?: Transport
  runner?: Partial<RunnerDeps>
  clock?: VirtualClock
  signed?: boolean
  budget?: Budget
  pace?: Pace & Admit
  warmUp?: WarmUp
}

/** `remote.test` has its MX at `remote`, on loopback. */
export async function createLeaving(store: Store, options: Options = {}): Promise<Leaving> {
  const { clock, untilAwaited } = watched(options.clock ?? createVirtualClock(start))
  const office = await openOffice(store, clock.now(), options.world ? { world: options.world } : {})
  if (options.signed !== false) {
    const keys = (await knownDkim(clock.now())).map((make) => make(office.mailbox.domain_id))
    await store.transaction(async (tx) => {
      for (const key of keys) await insertDkimKey(tx, { ...key, id: newId('dkimKey', clock.now()) })
    })
  }
  const zone: Zone = {
    'remote.test': { MX: [{ priority: 10, exchange: 'mx.remote.test' }] },
    'mx.remote.test': { A: ['127.0.0.1'] },
    ...options.zone,
  }
  const { log, logged, untilLogged } = recordingLog()
  const route: RouteConfig = {
    hostname: 'mx.ours.test',
    port: options.remote?.port ?? 9,
    smarthost: null,
    allowPrivateTargets: true,
    ownListener: null,
    ...options.route,
  }
  const transport = options.transport ?? createSmtpTransport({ hostname: 'mx.ours.test', clock })
  const deliver = createDeliverer({
    store,
    resolver: createZoneResolver(zone),
    route,
    transport,
    clock,
    log,
    ...(options.budget && { budget: options.budget }),
    ...(options.pace && { pace: options.pace }),
    ...(options.warmUp && { warmUp: options.warmUp }),
  })
  const anotherRunner = (change: Partial<RunnerDeps> = {}): Runner => {
    const runner = createRunner({
      store,
      deliver,
      clock,
      log,
      concurrency: 5,
      pollMs: 100 * hour,
      watch: createWatch({ store, clock, log }, 100 * hour),
      random: () => 0.5,
      ...(options.pace && { pace: options.pace }),
      ...options.runner,
      ...change,
    })
    onTestFinished(() => runner.stop())
    return runner
  }
  return {
    clock,
    office,
    zone,
    logged,
    deliver,
    runner: anotherRunner(),
    anotherRunner,
    queue: (what = {}) => queueReleased(store, office, clock.now(), what),
    deliveries: (email) => deliveriesOf(store.db, email.id),
    email: async (email) => (await emailById(store.db, email.id)) ?? email,
    attempts: (id) => attemptsOf(store.db, id),
    nextDue: () => nextDue(store.db),
    lapse: async (email) => {
      await store.db
        .updateTable('deliveries')
        .set({ next_attempt_at: clock.now(), leased_until: clock.now() })
        .where('email_id', '=', email.id)
        .execute()
    },
    untilAwaited,
    untilLogged,
    events: async () =>
      (await store.db.selectFrom('events').selectAll().orderBy('seq').execute()).map((row) => ({
        type: row.type,
        data: JSON.parse(row.data_json) as Record<string, unknown>,
      })),
  }
}

function watched(inner: VirtualClock): { clock: VirtualClock } & Pick<Leaving, 'untilAwaited'> {
  const awaited = new Set<number>()
  const waiting: { time: number; resolve: () => void }[] = []
  const clock: VirtualClock = {
    ...inner,
    at(time, work) {
      awaited.add(time)
      for (const one of waiting) if (one.time === time) one.resolve()
      return inner.at(time, work)
    },
  }
  return {
    clock,
    untilAwaited: (time) => (awaited.has(time) ? Promise.resolve() : new Promise((resolve) => void waiting.push({ time, resolve }))),
  }
}

function recordingLog(): { log: Log } & Pick<Leaving, 'logged' | 'untilLogged'> {
  const logged: Leaving['logged'] = []
  const waiting: { event: string; resolve: () => void }[] = []
  const make = (bound: Record<string, unknown>): Log => {
    const write = (fields: unknown, event?: string): void => {
      logged.push({ event: String(event), fields: { ...bound, ...(fields as object) } })
      for (const one of waiting.filter((each) => each.event === event)) {
        waiting.splice(waiting.indexOf(one), 1)
        one.resolve()
      }
    }
    return { debug: write, info: write, warn: write, error: write, child: (more) => make({ ...bound, ...more }) } as Log
  }
  return { log: make({}), logged, untilLogged: (event) => new Promise((resolve) => void waiting.push({ event, resolve })) }
}

const letter = (from: string, to: string, subject: string): Buffer =>
  Buffer.from(
    [
      `From: Ann the Agent <${from}>`,
      `To: <${to}>`,
      `Subject: ${subject}`,
      'Message-ID: <one@ours.test>',
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset=utf-8',
      '',
      '.a line that begins with a dot',
      'Hello.  ',
      '',
      '',
    ].join('\r\n'),
  )

type Queued = { to?: string[]; subject?: string; approved?: boolean; composed?: Buffer }

async function queueReleased(
  store: Store,
  office: Office,
  now: number,
  { to = ['bo@remote.test'], subject = 'Hello', approved = true, composed }: Queued,
): Promise<EmailRow> {
  const bytes = composed ?? letter(office.mailbox.address, to[0] ?? '', subject)
  const envelope = { reversePath: address(office.mailbox.address), forwardPaths: to.map(address) }
  const raw = await store.blobs.stage(bytes)
  const template = await office.arrived()
  const email: EmailRow = {
    ...template,
    id: newId('email', now),
    direction: 'outbound',
    status: 'sent',
    subject,
    from_address: office.mailbox.address,
    to_json: JSON.stringify(to.map((one) => ({ address: one }))),
    reverse_path: office.mailbox.address,
    forward_paths_json: JSON.stringify(to),
    raw_hash: raw.hash,
    raw_size: raw.size,
    content_hash: contentHash(bytes, envelope),
    composer_id: office.agent.keyId,
  }
  await store.transaction(async (tx) => {
    await store.blobs.put(tx, raw, now)
    await insertEmail(tx, email)
    const hash = contentHash(bytes, envelope)
    const grounds: Grounds = approved ? { kind: 'approval', decisionId: newId('decision', now) } : { kind: 'policy', rule: 'autonomous' }
    if (grounds.kind === 'approval') {
      const holdId = newId('hold', now)
      await insertHold(tx, {
        id: holdId,
        account_id: email.account_id,
        world: email.world,
        mailbox_id: email.mailbox_id,
        email_id: email.id,
        direction: 'outbound',
        content_hash: hash,
        reason: 'gated_send',
        state: 'approved',
        created_at: now,
        expires_at: now + hour,
        ended_at: now,
      })
      const by = { hold_id: holdId, email_id: email.id, actor_id: office.reviewer.keyId, action: 'approve' as const, content_hash: hash }
      await insertDecision(tx, { id: grounds.decisionId, ...by, reason: null, created_at: now })
    }
    const actor = { kind: 'system', part: 'oversight' } as const
    await appendLog(tx, await release(tx, { email, contentHash: hash, grounds, actor, now, giveUpAfterMs: 72 * hour }))
  })
  return email
}

/** Leases what is due, the longest due first. */
export async function claimNext(store: Store, q: { now: number; leaseMs: number; limit: number; lease: string }): Promise<Claim[]> {
  const due = await longestDue(store.db, q)
  return claimDue(store, { ...q, ids: due.map(({ id }) => id) })
}

/** Whose every delivery has come to this state. */
export const statesOf = async (leaving: Leaving, email: { id: EmailId }): Promise<string[]> =>
  (await leaving.deliveries(email as EmailRow)).map((delivery) => delivery.state)
