/**
 * One attempt at one delivery: is it released, sign it, find the way, try the hosts, say how it ended.
 *
 * Promises: nothing leaves that no release names (released.ts), nothing leaves unsigned, and a delivery of the test world is never handed
 * to a transport that knows a network, and nobody is dialled whom the suppression list keeps from mail, but for copies that an operator set up (copies.ts). It changes nothing of the delivery; the runner records what it returns.
 */
import type { Resolver } from '../../dns/resolver.ts'
import { addressKey, domainOf } from '../model/address.ts'
import { formatReply } from '../model/reply.ts'
import type { World } from '../model/world.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { findAccount } from '../store/accounts.ts'
import type { Db, Store } from '../store/db.ts'
import { hostedDomain } from '../store/domains.ts'
import { type EmailRow, copiesIn } from '../store/emails.ts'
import { mailboxById } from '../store/mailboxes.ts'
import type { Claim } from '../store/queue.ts'
import type { Budget, Taken } from './budget.ts'
import { verdict } from './classify-meanings.ts'
import { classify } from './classify.ts'
import { copiesWanted } from './copies.ts'
import { tryHosts } from './hosts.ts'
import { type Outcome, outcomeOf, unsent } from './outcome.ts'
import { type Admit, unpaced } from './pace/pace.ts'
import type { WarmUp } from './pace/warm-up.ts'
import { type Released, findReleased, namedBy } from './released.ts'
import { type RouteConfig, findRoute } from './route.ts'
import { type Seal, createSeal, usualSeal } from './seal.ts'
import { simulate, simulatedTarget } from './simulate.ts'
import { suppressionOf } from './suppression/suppression.ts'
import type { TlsGuard } from './tls/guard.ts'
import type { Target, Transport } from './transport.ts'

/** An aborted `signal` ends the attempt soon. Throws only when the store fails or for a bug. */
export type Deliver = (claim: Claim, signal: AbortSignal) => Promise<Outcome>

export type DelivererDeps = {
  store: Store
  resolver: Resolver
  route: RouteConfig
  /** reaches the network; never given mail of the test world */
  transport: Transport
  /** what TLS has to be there; left out: whatever works */
  tls?: TlsGuard
  /** left out: as many octets as there are */
  budget?: Budget
  /** left out: everybody at once */
  pace?: Admit
  /** left out: our addresses are known everywhere */
  warmUp?: WarmUp
  /** left out: both signatures, valid for 72 hours */
  seal?: Seal
  clock: Clock
  log: Log
}

export function createDeliverer(deps: DelivererDeps): Deliver {
  // The one place that chooses between the network and the simulation (design promise 8).
  const byWorld: Record<World, (released: Released, attempt: Attempt) => Promise<Outcome>> = {
    live: (released, attempt) => overNetwork(deps, released, attempt),
    test: (released, attempt) => send(simulate(attempt.claim.attempts), [simulatedTarget], released, null, attempt),
  }
  return async (claim, signal) => {
    const log = deps.log.child({ deliveryId: claim.id, emailId: claim.email_id, attempt: claim.attempts })
    const named = await namedBy(deps.store, claim)
    const octets = await takeOctets(deps, named.email?.raw_size ?? 0, claim, signal)
    if (octets === null) return notYet(deps.clock.now(), signal)
    try {
      // Whoever had to wait looks again: what may leave is asked of how things are now.
      const rows = octets.waited ? await namedBy(deps.store, claim) : named
      const [released, suppressed] = await Promise.all([findReleased(deps.store, claim, rows), ifSuppressed(deps, claim, rows.email)])
      if (released.ok) return suppressed ?? (await byWorld[claim.world](released.value, { claim, signal, log }))
      log.error({ releaseId: claim.release_id, reason: released.code }, 'delivery.refused-unreleased')
      return unsent(verdict('integrity', 'fail'), released.code)
    } finally {
      octets.giveBack()
    }
  }
}

const atOnce: Taken = { waited: false, giveBack: () => {} }

// Whoever waits has a slot and a place at the destination, which another message could use: after this it goes back into the queue for a while.
const turnWithinMs = 30_000
const turnAgainMs = 60_000

async function takeOctets({ budget, clock }: DelivererDeps, octets: number, claim: Claim, signal: AbortSignal): Promise<Taken | null> {
  if (budget === undefined) return atOnce
  const tooLong = new AbortController()
  const alarm = clock.at(clock.now() + turnWithinMs, () => tooLong.abort())
  try {
    return await budget.take(octets, claim, AbortSignal.any([signal, tooLong.signal]))
  } finally {
    alarm.cancel()
  }
}

/** Nobody was dialled, so it is no attempt. */
const notYet = (now: number, signal: AbortSignal): Outcome =>
  signal.aborted
    ? { ...unsent(verdict('interrupted', 'retry'), 'Interrupted before its turn'), waitUntil: now }
    : { ...unsent(verdict('paced', 'retry'), 'memory'), waitUntil: now + turnAgainMs }

async function ifSuppressed({ store, clock }: DelivererDeps, claim: Claim, email: EmailRow | undefined): Promise<Outcome | null> {
  const tenancy = { accountId: claim.account_id, world: claim.world }
  const suppression = await suppressionOf(store.db, tenancy, claim.forward_path, clock.now())
  if (suppression === null || (await isCopy(store.db, claim, email))) return null
  return unsent(verdict('suppressed', 'fail'), `Not sent: the address is on the suppression list (${suppression.reason})`)
}

/** Whether an operator wants a copy to go there. An agent that names that address itself gets no other answer. */
async function isCopy(db: Db, { forward_path, mailbox_id, account_id }: Claim, email: EmailRow | undefined): Promise<boolean> {
  const [mailbox, account] = await Promise.all([mailboxById(db, mailbox_id), findAccount(db, account_id)])
  const wanted = mailbox && account && copiesWanted(mailbox, account)
  const made = email && copiesIn(email)
  const copies = [wanted, made].flatMap((some) => (some === undefined ? [] : [...some.cc, ...some.bcc]))
  return copies.map(addressKey).includes(addressKey(forward_path))
}

type Attempt = { claim: Claim; signal: AbortSignal; log: Log }

async function overNetwork(deps: DelivererDeps, released: Released, attempt: Attempt): Promise<Outcome> {
  const domain = domainOf(released.forwardPath)
  const seal = deps.seal ?? createSeal({ ...deps, config: usualSeal })
  const [signatures, own] = await Promise.all([seal(released), hostedDomain(deps.store.db, domain)])
  if (signatures === null) {
    attempt.log.error({}, 'delivery.unsigned')
    return unsent(
      verdict('signing', 'retry'),
      'Not signed: the From domain is not this account’s or has no DKIM key, or the message brings X-MultiMail fields of its own',
    )
  }
  const isOurs = own !== undefined
  const route = await findRoute({ resolver: deps.resolver, config: deps.route, domain, isOurs })
  if (route.kind === 'none') return outcomeOf({ ...route.ending, remoteAddress: null, tls: null }, null, signatures, attempt.signal.aborted)
  const admission = (deps.pace ?? unpaced).admit(attempt.claim, route.targets)
  if (admission.kind === 'wait') return { ...unsent(verdict('paced', 'retry'), admission.reason), waitUntil: admission.until }
  try {
    const nextDay = await deps.warmUp?.take(attempt.claim, released.reversePath, admission.targets)
    if (typeof nextDay === 'number') return { ...unsent(verdict('paced', 'retry'), 'warm-up'), waitUntil: nextDay }
    const way = { domain, targets: route.targets, chosen: chosenBy(deps.route, isOurs), requireTls: released.email.require_tls === 1 }
    const paced = admission.over(deps.transport)
    const transport = deps.tls === undefined ? paced : await deps.tls.guard(paced, way, attempt.log)
    return await send(transport, admission.targets, released, signatures, attempt)
  } finally {
    admission.done()
  }
}

/** The operator speaks for a smarthost and for our own listener, the DNS for all others. */
const chosenBy =
  ({ hostname }: RouteConfig, isOurs: boolean) =>
  ({ relay, host }: Target): boolean =>
    relay !== undefined || (isOurs && host === hostname)

async function send(
  transport: Transport,
  targets: readonly Target[],
  { reversePath, forwardPath, prepended, composed }: Released,
  signatures: string | null,
  { signal, log }: Attempt,
): Promise<Outcome> {
  const dispatch = { reversePath, forwardPath, front: `${signatures ?? ''}${prepended}`, message: composed }
  const { end, target } = await tryHosts(transport, targets, dispatch, signal, log)
  if (classify(end).outcome === 'delivered') log.info({ host: target.host, reply: formatReply(end.reply) }, 'delivery.accepted')
  return outcomeOf(end, target, signatures, signal.aborted)
}
