/**
 * One attempt at one delivery: is it released, sign it, find the way, try the hosts, say how it ended.
 *
 * Promises: nothing leaves that no release names (released.ts), nothing leaves unsigned, and a delivery of the test world is never handed
 * to a transport that knows a network. It changes nothing in the store; the runner records what it returns.
 */
import { isIPv4, isIPv6 } from 'node:net'
import type { Resolver } from '../../dns/resolver.ts'
import { parseDomainName } from '../../dns/name.ts'
import { domainOf } from '../model/address.ts'
import { formatReply } from '../model/reply.ts'
import type { World } from '../model/world.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Store } from '../store/db.ts'
import { activeDkimKeys, domainByName } from '../store/domains.ts'
import type { AttemptFacts, Claim } from '../store/queue.ts'
import { type Verdict, verdict } from './classify-meanings.ts'
import { classify } from './classify.ts'
import { type Released, findReleased } from './released.ts'
import { type RouteConfig, findRoute } from './route.ts'
import { senderDomain, signMessage } from './sign.ts'
import { simulate, simulatedTarget } from './simulate.ts'
import { type Dispatch, type SessionEnd, type Target, type Transport, stages } from './transport.ts'

/** How an attempt ended. `text`: the remote's words or ours, for the diagnostic and for "try again in …". */
export type Outcome = { verdict: Verdict; facts: AttemptFacts; code: string | null; text: string; mayBeAccepted: boolean }

/** An aborted `signal` ends the attempt soon. Throws only when the store fails or for a bug. */
export type Deliver = (claim: Claim, signal: AbortSignal) => Promise<Outcome>

export type DelivererDeps = {
  store: Store
  resolver: Resolver
  route: RouteConfig
  /** reaches the network; never given mail of the test world */
  transport: Transport
  clock: Clock
  log: Log
}

export function createDeliverer(deps: DelivererDeps): Deliver {
  // The one place that chooses between the network and the simulation (design promise 8).
  const byWorld: Record<World, (released: Released, attempt: Attempt) => Promise<Outcome>> = {
    live: (released, attempt) => overNetwork(deps, released, attempt),
    test: (released, attempt) => overHosts(simulate, [simulatedTarget], released, null, attempt),
  }
  return async (claim, signal) => {
    const log = deps.log.child({ deliveryId: claim.id, emailId: claim.email_id, attempt: claim.attempts })
    const released = await findReleased(deps.store, claim)
    if (released.ok) return await byWorld[claim.world](released.value, { signal, log })
    log.error({ releaseId: claim.release_id, reason: released.code }, 'delivery.refused-unreleased')
    return unsent(verdict('integrity', 'fail'), released.code)
  }
}

type Attempt = { signal: AbortSignal; log: Log }

async function overNetwork(deps: DelivererDeps, released: Released, attempt: Attempt): Promise<Outcome> {
  const signatures = await signatureFields(deps, released)
  if (signatures === null) {
    attempt.log.error({}, 'delivery.unsigned')
    return unsent(verdict('signing', 'retry'), 'The From domain has no DKIM key')
  }
  const domain = domainOf(released.forwardPath)
  const isOurs = (await domainByName(deps.store.db, domain)) !== undefined
  const route = await findRoute({ resolver: deps.resolver, config: deps.route, domain, isOurs })
  if (route.kind === 'none') return outcomeOf({ ...route.ending, remoteAddress: null, tls: null }, null, signatures, attempt.signal)
  return await overHosts(deps.transport, route.targets, released, signatures, attempt)
}

/** Null when the author's domain is not this tenant's, or has no key. */
async function signatureFields({ store, clock }: DelivererDeps, { email, message }: Released): Promise<string | null> {
  const author = senderDomain(message)
  const row = author === null ? undefined : await domainByName(store.db, author)
  const domain = parseDomainName(row?.name ?? '')
  if (row === undefined || domain === null || row.account_id !== email.account_id) return null
  const keys = await activeDkimKeys(store.db, row.name)
  if (keys.length === 0) return null
  const signing = keys.map((key) => ({ domain, selector: key.selector, algorithm: key.algorithm, privateKey: key.private_key }))
  return await signMessage(message, signing, clock.now())
}

// Postfix: 2 sessions per delivery that came as far as the greeting (smtp_mx_session_limit).
const maxSessions = 2

/** Tries hosts in order until one has decided (RFC 5321 §5.1). What is reported is the attempt that came furthest. */
async function overHosts(
  transport: Transport,
  targets: readonly Target[],
  released: Released,
  signatures: string | null,
  { signal, log }: Attempt,
): Promise<Outcome> {
  const dispatch: Dispatch = {
    reversePath: released.reversePath,
    forwardPath: released.forwardPath,
    message: signatures === null ? released.message : Buffer.concat([Buffer.from(signatures), released.message]),
  }
  let left = [...targets]
  let best: { end: SessionEnd; target: Target } | null = null
  for (let sessions = 0; left.length > 0 && sessions < maxSessions;) {
    const [target, ...rest] = left as [Target, ...Target[]]
    const end = await transport({ target, dispatch, signal, log })
    if (best === null || progressOf(end) >= progressOf(best.end)) best = { end, target }
    const next = furtherTargets(end, target, rest)
    if (signal.aborted || next.length === 0) break
    log.debug({ host: target.host, stage: end.stage, reply: formatReply(end.reply) }, 'delivery.next-host')
    left = next
    if (isSession(end)) sessions += 1
  }
  if (best === null) throw new Error('no target to try')
  if (classify(best.end).outcome === 'delivered')
    log.info({ host: best.target.host, reply: formatReply(best.end.reply) }, 'delivery.accepted')
  return outcomeOf(best.end, best.target, signatures, signal)
}

const progressOf = ({ stage }: SessionEnd): number => stages.indexOf(stage)
const isSession = (end: SessionEnd): boolean => progressOf(end) >= stages.indexOf('mail')

/** The targets worth trying after this end. A host's refusal of the message is final for all of them; trouble before the message, or a host
 *  that is only busy, is not. After the message was sent in full, another host could only make it a duplicate. */
function furtherTargets(end: SessionEnd, target: Target, rest: readonly Target[]): Target[] {
  // Providers judge IPv6 senders more strictly (a PTR record that is missing for one family may exist for the other).
  if (classify(end).class === 'ptr' && isIPv6(target.address)) return rest.filter(({ address }) => isIPv4(address))
  if (!isSession(end)) return [...rest]
  return end.stage !== 'dot' && end.reply.code < 500 ? [...rest] : []
}

function outcomeOf(end: SessionEnd, target: Target | null, signatures: string | null, signal: AbortSignal): Outcome {
  const reply = formatReply(end.reply)
  const judged = signal.aborted && end.by === 'us' ? verdict('interrupted', 'retry') : classify(end)
  return {
    verdict: judged,
    facts: { host: target?.host ?? null, remoteAddress: end.remoteAddress, tls: end.tls, signatures, reply },
    code: end.reply.status === null ? String(end.reply.code) : `${end.reply.code} ${end.reply.status}`,
    text: reply,
    mayBeAccepted: end.mayBeAccepted,
  }
}

/** An attempt that opened no connection. */
export const unsent = (judged: Verdict, text: string): Outcome => ({
  verdict: judged,
  facts: { host: null, remoteAddress: null, tls: null, signatures: null, reply: null },
  code: null,
  text,
  mayBeAccepted: false,
})
