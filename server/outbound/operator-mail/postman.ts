/**
 * Letters of the appliance to its operators: what they are asked to agree to, with the code for it.
 *
 * Promises: what is in the store leaves, or is given up at its time; a try is counted before it begins, once for each letter however many nodes there
 * are; nothing leaves unsigned, while sending is stopped, or to an address whose mail comes here, where an agent might read it; TLS is what the
 * operator's domain asks for; what it said is not kept once it has left. A host that answers slowly, whoever's it is, keeps no other letter for long. A crash
 * may send one twice.
 */
import type { DomainName } from '../../../dns/name.ts'
import { type Address, domainOf, parseAddress } from '../../model/address.ts'
import type { MailboxId, OperatorMailId } from '../../model/ids.ts'
import { formatReply } from '../../model/reply.ts'
import type { Resolver } from '../../../dns/resolver.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import type { Job } from '../../platform/periodic.ts'
import type { Store } from '../../store/db.ts'
import { hostedDomain } from '../../store/domains.ts'
import {
  type OperatorMailRow,
  beginOperatorMail,
  endOperatorMail,
  nextOperatorMail,
  removeOperatorMailsBefore,
} from '../../store/operator-mails.ts'
import { classify } from '../classify.ts'
import { type Watch, createWatch } from '../control/watch.ts'
import { tryHosts } from '../hosts.ts'
import { type RouteConfig, findRoute } from '../route.ts'
import { type SigningKey, signMessage } from '../sign.ts'
import type { TlsGuard } from '../tls/guard.ts'
import { type Submitter, submitterFor } from '../tls/reports/submitter.ts'
import type { Ending, Transport } from '../transport.ts'
import { composeOperatorLetter } from './operator-letter.ts'

export type PostmanDeps = {
  store: Store
  resolver: Resolver
  route: RouteConfig
  transport: Transport
  /** left out: TLS when it works */
  tls?: TlsGuard
  algorithms: readonly SigningKey['algorithm'][]
  clock: Clock
  log: Log
}

export type Postman = {
  /** Each minute, for what has to be tried again. */
  jobs: readonly Job[]
  /** Sends what is due now, and resolves when nothing is under way. */
  work(): Promise<void>
  /** The same, without waiting for it. */
  wake(): void
  /** Breaks off what is under way; it is tried again later. */
  stop(): Promise<void>
}

const minute = 60_000
const hour = 60 * minute
/** Somebody waits for it. */
const waitsMs = [minute, 2 * minute, 5 * minute, 15 * minute, 30 * minute]
const lastWaitMs = hour
/** Whole: a stranger may have named a host that never comes to an end. */
const longestMs = minute
const validForMs = 72 * hour
const atOnce = 10
/** The rest is for letters to people who are known here. */
const ofSignupsAtOnce = 4
/** Letters that cannot leave now, such as those of accounts whose sending is stopped, before it is left for the next time. */
const mostPassedOver = 1_000
const keptMs = 30 * 24 * hour

type UnderWay = { mail: OperatorMailRow; domain: DomainName; done: Promise<void> }

export function createPostman(deps: PostmanDeps): Postman {
  const stopped = new AbortController()
  const underWay = new Set<UnderWay>()
  let last: Promise<void> = Promise.resolve()
  // One choice after the other; whoever asks meanwhile gets one that begins after that.
  const fill = (): Promise<void> => {
    last = last.catch(() => undefined).then(beginDue)
    return last
  }
  const failed = (error: unknown): void => deps.log.error({ err: error }, 'operator-mail.failed')
  const wake = (): void => void fill().catch(failed)

  async function beginDue(): Promise<void> {
    const passedOver: OperatorMailId[] = []
    while (!stopped.signal.aborted && underWay.size < atOnce && passedOver.length < mostPassedOver) {
      const notTo = [...underWay].map(({ domain }) => domain)
      const ofSignups = [...underWay].filter(({ mail }) => mail.of_signup === 1).length < ofSignupsAtOnce
      const mail = await nextOperatorMail(deps.store.db, { now: deps.clock.now(), notTo, passedOver, ofSignups })
      if (mail === undefined) return
      const watch = createWatch(deps)
      await watch.look()
      if (isHeldBack(watch, mail)) passedOver.push(mail.id)
      else begin(mail, watch)
    }
  }

  function begin(mail: OperatorMailRow, watch: Watch): void {
    const domain = domainOf(mail.recipient as Address).toLowerCase() as DomainName
    const one: UnderWay = { mail, domain, done: Promise.resolve() }
    underWay.add(one)
    const heldBack = new AbortController()
    watch.start(() => isHeldBack(watch, mail) && heldBack.abort())
    const tried = tryOne(deps, mail, { watch, signal: AbortSignal.any([stopped.signal, heldBack.signal]) }).finally(() => {
      watch.stop()
      underWay.delete(one)
    })
    one.done = tried.then(wake, failed)
  }

  const ended = async (): Promise<void> => {
    const chosen = () => last.catch(() => undefined)
    for (await chosen(); underWay.size > 0; await chosen()) await Promise.all([...underWay].map(({ done }) => done))
  }
  return {
    jobs: [
      { name: 'operator-mail', schedule: '* * * * *', work: fill },
      { name: 'operator-mail-cleaning', schedule: '53 5 * * *', work: (now) => removeOperatorMailsBefore(deps.store.db, now - keptMs) },
    ],
    async work() {
      await fill()
      await ended()
    },
    wake,
    async stop() {
      stopped.abort()
      await ended()
    },
  }
}

/** A letter as the switch sees mail: that of no mailbox. */
const isHeldBack = (watch: Watch, { account_id, recipient }: OperatorMailRow): boolean =>
  watch.isStopped({ account_id, world: 'live', mailbox_id: '' as MailboxId, domain: domainOf(recipient as Address) })

async function tryOne(deps: PostmanDeps, mail: OperatorMailRow, { watch, signal }: { watch: Watch; signal: AbortSignal }): Promise<void> {
  const { store, clock, log } = deps
  const now = clock.now()
  if (now >= mail.give_up_at) return await end(deps, mail, 'failed', 'nobody took it in time')
  if (isHeldBack(watch, mail) || !(await beginOperatorMail(store.db, mail, now + (waitsMs[mail.tries] ?? lastWaitMs)))) return
  const to = parseAddress(mail.recipient)
  if (to === null || (await hostedDomain(store.db, domainOf(to))) !== undefined)
    return await end(deps, mail, 'failed', 'mail to this address comes here')
  const submitter = await submitterFor(store, deps.route.hostname, deps.algorithms, mail.account_id)
  if (submitter === null) return log.warn({ operatorMailId: mail.id }, 'operator-mail.unsigned')
  const ending = await bring(deps, mail, { to, submitter, signal })
  const { outcome } = classify(ending)
  const reply = formatReply(ending.reply)
  if (outcome === 'retry') return log.warn({ operatorMailId: mail.id, attempt: mail.tries + 1, reply }, 'operator-mail.deferred')
  await end(deps, mail, outcome === 'delivered' ? 'sent' : 'failed', reply)
}

type Way = { to: Address; submitter: Submitter; signal: AbortSignal }

async function bring(deps: PostmanDeps, { id, subject, body }: OperatorMailRow, { to, submitter, signal }: Way): Promise<Ending> {
  const { resolver, clock, log, tls, route: config } = deps
  const [now, domain] = [clock.now(), domainOf(to)]
  const letter = composeOperatorLetter({ id, domain: submitter.domain, to, subject, body, now })
  const signatures = await signMessage(letter, submitter.keys, { now, validForMs })
  const route = await findRoute({ resolver, config, domain, isOurs: false })
  if (route.kind === 'none') return route.ending
  const way = { domain, targets: route.targets, chosen: ({ relay }: { relay?: unknown }) => relay !== undefined, requireTls: false }
  const transport = tls === undefined ? deps.transport : await tls.guard(deps.transport, way, log)
  const limit = new AbortController()
  const alarm = clock.at(now + longestMs, () => limit.abort())
  // No return path: a bounce would come to a mailbox of ours, with what it says, and agents read there.
  const dispatch = { reversePath: null, forwardPath: to, message: Buffer.concat([Buffer.from(signatures), letter]) }
  const ended = await tryHosts(transport, route.targets, dispatch, AbortSignal.any([signal, limit.signal]), log).finally(() =>
    alarm.cancel(),
  )
  return ended.end
}

async function end({ store, log }: PostmanDeps, { id }: OperatorMailRow, state: 'sent' | 'failed', reply: string): Promise<void> {
  await endOperatorMail(store.db, id, state)
  if (state === 'sent') log.info({ operatorMailId: id, reply }, 'operator-mail.sent')
  else log.error({ operatorMailId: id, reply }, 'operator-mail.given-up')
}
