/**
 * The appliance: the only file that constructs rooms and hands them to each other.
 *
 * Promise: what `createApp` returns is whole. `start` opens the doors last, when everything behind them is ready; `stop` closes them
 * first and lets what is under way finish.
 */
import { setTimeout } from 'node:timers/promises'
import type { Config } from '../config/schema.ts'
import { type DomainName, parseDomainName } from '../dns/name.ts'
import { asksItself } from '../dns/own-resolver.ts'
import { type Resolver, createResolver } from '../dns/resolver.ts'
import { createHttpServer } from './doors/http.ts'
import { createReads } from './operations/reads.ts'
import { forgettingViews } from './operations/kept-view.ts'
import { forgetting } from './operations/once.ts'
import { createBring } from './events/bring.ts'
import { createCourier } from './events/courier.ts'
import { createWebhooks, endWebhooks } from './events/webhooks.ts'
import { createLive } from './events/live.ts'
import { createRotation } from './identity/dkim-rotation.ts'
import { type Keys, createKeys } from './identity/keys.ts'
import { createDomains } from './identity/domains.ts'
import { createAccountRemoval } from './identity/account-removal.ts'
import { createMailboxes } from './identity/mailboxes.ts'
import { createUsage } from './identity/usage.ts'
import { createPeople } from './identity/people/people.ts'
import { createSignups } from './identity/signup/signups.ts'
import { whyClosed } from './identity/signup/terms.ts'
import { createClientLookup } from './inbound/verdict/client-lookup.ts'
import { createConduct } from './inbound/conduct/doorkeeper.ts'
import { createExaminer } from './inbound/examine/examine.ts'
import { createInjections } from './inbound/injection.ts'
import { createListener } from './inbound/listener.ts'
import { createSandbox } from './sandbox/sandbox.ts'
import { createWorkers } from './inbound/examine/workers.ts'
import { createFactFinder } from './inbound/verdict/facts.ts'
import { createPatience } from './inbound/verdict/patience.ts'
import { createRates } from './inbound/verdict/rates.ts'
import { createReceiver } from './inbound/receive.ts'
import { createClamavScan } from './inbound/scanners/clamav.ts'
import { createRspamdScan } from './inbound/scanners/rspamd.ts'
import { type Scan, allOf } from './inbound/scanners/scanner.ts'
import { asSent } from './outbound/as-sent.ts'
import { createBudget } from './outbound/budget.ts'
import { createCanaries } from './outbound/canaries/place.ts'
import { wouldTakeTwo } from './outbound/circumstances.ts'
import { forgettingDuplicates } from './outbound/duplicates.ts'
import { createDeliverer } from './outbound/deliver.ts'
import { onComplaint, onDsn } from './outbound/feedback.ts'
import { composeFromOutside } from './outbound/from-outside.ts'
import { createIdentity } from './outbound/identity/identity.ts'
import { createIssuerKeys } from './outbound/identity/issuer-keys.ts'
import { createReputation } from './outbound/identity/reputation.ts'
import { reviewServiceKeys } from './outbound/identity/service-keys.ts'
import { createReadIdentity } from './outbound/identity/read-identity.ts'
import { issuerOf } from './outbound/identity/received-token.ts'
import { createPostman } from './outbound/operator-mail/postman.ts'
import { createDestinations } from './outbound/pace/destinations.ts'
import { createPace } from './outbound/pace/pace.ts'
import { messagesOver } from './outbound/pace/providers.ts'
import { createWarmUp } from './outbound/pace/warm-up.ts'
import { createRunner } from './outbound/runner.ts'
import { createSeal } from './outbound/seal.ts'
import { noteOpen } from './outbound/opens/opens.ts'
import { createScheduler } from './outbound/scheduled.ts'
import { createDeliveries } from './outbound/control/deliveries.ts'
import { endMail } from './outbound/control/end-mail.ts'
import { showQueue } from './outbound/control/queue-gauges.ts'
import { createSwitch } from './outbound/control/switch.ts'
import { createWatch } from './outbound/control/watch.ts'
import { createStandings } from './outbound/standing/lift.ts'
import { createSuppressions } from './outbound/suppression/by-hand.ts'
import { createMailboxChoices } from './outbound/mailbox-choices.ts'
import { createPolicies } from './outbound/policies.ts'
import { createSubmissions } from './outbound/submit.ts'
import { usualReuse } from './outbound/transport/pool.ts'
import { createTlsCounter } from './outbound/tls/counter.ts'
import { watchNames } from './outbound/trouble/names.ts'
import { checkSources } from './outbound/trouble/own-sources.ts'
import { createOwnTrouble } from './outbound/trouble/own-trouble.ts'
import { watchReach } from './outbound/trouble/reach.ts'
import { createTlsGuard } from './outbound/tls/guard.ts'
import { createStsPolicies } from './outbound/tls/mta-sts.ts'
import { createReporter } from './outbound/tls/reports/reporter.ts'
import { createSmtpTransport } from './outbound/transport/smtp.ts'
import {
  onUnsubscribe,
  readUnsubscribeAddress,
  readUnsubscribeToken,
  unsubscribe,
  unsubscribeLinks,
} from './outbound/unsubscribe/unsubscribe.ts'
import { createCheckpoints } from './record/checkpoints.ts'
import { ensureLogKey } from './record/log-key.ts'
import { createReceipts } from './record/receipts.ts'
import { createAdminActions } from './oversight/admin-actions.ts'
import { parsePattern } from './oversight/allow-list.ts'
import { createApprovalMail } from './oversight/approval-mail/approval-mail.ts'
import { createAllowances } from './oversight/allowance.ts'
import { createApprovals } from './oversight/approvals.ts'
import { createOperatorSessions } from './oversight/operator-sessions.ts'
import { createSuggestions } from './oversight/ladder/evidence.ts'
import { createReviewers } from './oversight/reviewers/reviewers.ts'
import { createUpgrades } from './oversight/upgrades.ts'
import { createExpirySweeper } from './oversight/expiry.ts'
import { operatorOf } from './store/operator-address.ts'
import type { EmailId } from './model/ids.ts'
import { readReturnPath, returnPath } from './model/return-path.ts'
import { loadOrCreateCertificate } from './platform/certificate.ts'
import { type Clock, systemClock } from './platform/clock.ts'
import { type Log, createLog } from './platform/log.ts'
import { createTextReader } from './mailbox/attachment-text/reader.ts'
import { createAttachmentLinks } from './mailbox/attachment-link.ts'
import { createSearchIndex } from './mailbox/search-index.ts'
import { createMetrics } from './platform/metrics.ts'
import { createPeriodic } from './platform/periodic.ts'
import { dialable } from './platform/reach.ts'
import { type Store, openStore } from './store/db.ts'
import { installationSecret } from './store/secrets.ts'
import { becomeSole } from './store/sqlite/sole.ts'

/** Several times what it takes to look at a code and put it on the record. */
const signInTakesMs = 300

/** What the appliance sees of the outside; each has a default that is the real one. */
export type Surroundings = { clock?: Clock; log?: Log; resolver?: Resolver }

export type Listening = { host: string; port: number }

export type App = {
  store: Store
  keys: Keys
  /** Opens the doors. @returns where they are, with the ports the system chose for port 0 */
  start(): Promise<{ smtp: Listening; http: Listening }>
  /** Delivers what is due now, and resolves when nothing is. */
  drain(): Promise<void>
  stop(): Promise<void>
}

export async function createApp(config: Config, around: Surroundings = {}): Promise<App> {
  const clock = around.clock ?? systemClock
  const log = around.log ?? createLog({ level: config.logLevel })
  const metrics = createMetrics({ ofProcess: config.http.metricsToken !== null })
  const store = await openStore({ databaseUrl: config.databaseUrl, dataDir: config.dataDir, log, clock })
  const sole = store.engine === 'sqlite' ? becomeSole(config.dataDir) : null
  const trouble = createOwnTrouble({ store, clock, log })
  const resolver = around.resolver ?? watchNames(createResolver({ servers: config.dns.servers, clock }), trouble)
  const tls = await loadOrCreateCertificate({
    dataDir: config.dataDir,
    hostname: config.hostname,
    certFile: config.smtp.tlsCertFile,
    keyFile: config.smtp.tlsKeyFile,
  })

  const keys = createKeys({ store, clock })
  const returnPathSecret = await installationSecret(store, 'return-path', clock.now())
  const unsubscribeSecret = await installationSecret(store, 'unsubscribe', clock.now())
  const linkSecret = await installationSecret(store, 'attachment-link', clock.now())
  const transport = createSmtpTransport({
    hostname: config.hostname,
    clock,
    sources: config.outbound.sources,
    reuse: { ...usualReuse, mostOf: messagesOver },
  })
  const identity = await createIdentity({ store, clock, issuer: config.http.publicUrl })
  const destinations = createDestinations({ store, clock, log, metrics })
  const pace = createPace({ destinations, clock })
  const tlsCounter = createTlsCounter({ store, clock, log })
  const policies = createStsPolicies({ store, clock, log, resolver, allowPrivateTargets: config.outbound.allowPrivateTargets })
  const guard = createTlsGuard({
    resolver,
    policies,
    validates: config.dns.validates ?? asksItself(config.dns.servers),
    count: tlsCounter.count,
  })
  const route = { ...config.outbound, hostname: config.hostname, ownListener: { host: dialable(config.smtp.host), port: config.smtp.port } }
  // Nothing that is open stays open for mail that may not leave.
  const watch = createWatch({ store, clock, log, onStop: () => transport.closeIdle() })
  const budget = createBudget()
  metrics.measured('outbound_octets', 'Octets of messages in memory because they are being delivered', budget.taken)
  const runner = createRunner({
    store,
    watch,
    pace,
    deliver: createDeliverer({
      store,
      budget,
      pace,
      warmUp: createWarmUp({ store, clock, metrics, plan: config.outbound.warmUp, sources: config.outbound.sources }),
      resolver,
      route,
      transport: watchReach(transport, trouble),
      tls: guard,
      seal: createSeal({ store, clock, config: config.dkim, identity }),
      clock,
      log,
    }),
    clock,
    log,
    concurrency: config.outbound.concurrency,
    alone: sole !== null,
  })
  showQueue({ store, clock, log, metrics })
  const onReleased = (): void => runner.wake()
  const obey = (): Promise<void> => runner.obey().catch((err: unknown) => log.error({ err }, 'sending.stops-unreadable'))
  const { giveUpAfterMs, caps } = config.outbound
  const approvals = createApprovals({
    store,
    clock,
    log,
    onReleased,
    giveUpAfterMs,
    allowTestSelfApproval: config.allowTestSelfApproval,
    renewForMs: config.holds.expireAfterMs,
  })
  const sweeper = createExpirySweeper({ approvals, clock, log })
  const scheduler = createScheduler({
    store,
    clock,
    log,
    holdExpiryMs: config.holds.expireAfterMs,
    people: config.holds.people,
    giveUpAfterMs,
    caps,
    onReleased,
  })
  const bouncesTo = (email: EmailId, domain: DomainName) => returnPath(returnPathSecret, email, domain, clock.now())
  const forSubmissions = {
    store,
    holdExpiryMs: config.holds.expireAfterMs,
    giveUpAfterMs,
    caps,
    monthly: config.outbound.monthly,
    mostSeen: config.outbound.mostSeen,
    people: config.holds.people,
    allowTestSelfApproval: config.allowTestSelfApproval,
    readText: createTextReader({ clock }),
    returnPath: bouncesTo,
    publicUrl: config.http.publicUrl,
    unsubscribeLink: unsubscribeLinks({
      publicUrl: config.http.publicUrl,
      host: config.mode === 'server' ? config.hostname : null,
      secret: unsubscribeSecret,
    }),
    clock,
    log,
    onReleased,
  }
  const submissions = createSubmissions(forSubmissions)
  const canaries = createCanaries({ ...forSubmissions, chance: Math.random })

  const searchIndex = createSearchIndex({ store, clock, log })
  const rotation = createRotation({ store, resolver, clock, log, policy: config.dkim })
  // Local mode has no DNS that anybody publishes in.
  const jobs = config.mode === 'server' ? [{ name: 'dkim-rotation', schedule: '17 */6 * * *', work: () => rotation.review() }] : []
  const reporter = createReporter({
    store,
    resolver,
    route,
    transport,
    https: { resolver, clock, allowPrivateTargets: config.outbound.allowPrivateTargets },
    sends: config.outbound.tlsReports,
    algorithms: config.dkim.algorithms,
    clock,
    log,
  })
  const postman = createPostman({
    store,
    resolver,
    route,
    transport: watchReach(transport, trouble),
    tls: guard,
    algorithms: config.dkim.algorithms,
    clock,
    log,
  })
  const logKey = await ensureLogKey(store, config.hostname, clock.now())
  const checkpoints = createCheckpoints({
    store,
    key: logKey,
    clock,
    log,
    onContradiction: (detail) => trouble.raise({ class: 'record', source: 'log', reply: detail }),
    onSigned: () => trouble.end('record'),
    onMail: postman.wake,
  })
  const { webhooks } = config
  const courier = createCourier({
    store,
    bring: createBring({ resolver, clock, allowPrivateTargets: webhooks.allowPrivateTargets }),
    policy: { waitsMs: webhooks.retryAfterMs, disableAfterMs: webhooks.disableAfterMs },
    keepMs: webhooks.keepMs,
    brings: { test: webhooks.forTest },
    operatorOf,
    onDisabled: ({ id, url }, reply) => {
      postman.wake()
      void trouble.raise({ class: 'webhook', source: id, reply: `${url}: ${reply}` })
    },
    clock,
    log,
  })
  const signups = createSignups({
    store,
    clock,
    policy: config.signup,
    secret: await installationSecret(store, 'signup', clock.now()),
    publicUrl: config.http.publicUrl,
    onMail: postman.wake,
  })
  const people = createPeople({
    store,
    clock,
    publicUrl: config.http.publicUrl,
    secret: await installationSecret(store, 'people', clock.now()),
    ...config.people,
    onMail: postman.wake,
    onFault: (err) => log.error({ err }, 'people.failed'),
    steady: () => setTimeout(signInTakesMs),
  })
  const approvalMail = createApprovalMail({
    log,
    store,
    clock,
    publicUrl: config.http.publicUrl,
    sends: config.approvalByMail,
    onMail: postman.wake,
  })
  const reviewers = createReviewers({ store, clock })
  const sweepingWebhooks = { name: 'webhook-log', schedule: '23 * * * *', work: courier.sweep }
  const newServiceKeys = () => reviewServiceKeys({ store, clock }, config.dkim.rotateAfterMs)
  const serviceKeys = { name: 'service-key', schedule: '41 */6 * * *', work: newServiceKeys }
  const periodic = createPeriodic({
    jobs: [
      ...jobs,
      serviceKeys,
      ...reporter.jobs,
      ...postman.jobs,
      ...checkpoints.jobs,
      ...approvalMail.jobs,
      ...canaries.jobs,
      ...reviewers.jobs,
      policies.refreshing,
      forgetting(store.db),
      forgettingDuplicates(store.db),
      forgettingViews(store, config.views),
      sweepingWebhooks,
      signups.sweeping,
    ],
    clock,
    log,
  })

  const workers = createWorkers({ log })
  const { hostname } = config
  const conduct = createConduct({ config, sharedIn: sole === null ? store.db : null, clock, log, metrics })
  const examine = createExaminer({ workers, hostname, resolver, clock })
  const patience = createPatience(clock)
  const findFacts = createFactFinder({
    store,
    hostname,
    judgesByIp: conduct.judgesByIp,
    lookUpClient: createClientLookup({ resolver, ...config.dns, clock, log }),
    scan: scannersOf(config, log),
    rates: createRates(clock),
    ...config.verdicts,
  })
  const own = { issuer: issuerOf(config.http.publicUrl), keys: () => identity.keys() }
  const readIdentity = createReadIdentity({
    own,
    keysOf: createIssuerKeys({ resolver, clock, allowPrivateTargets: config.outbound.allowPrivateTargets }),
  })
  const handOn = { onDsn, onComplaint, onUnsubscribe }
  const holdExpiryMs = config.holds.expireAfterMs
  const { receive, load } = createReceiver({
    hostname,
    holdExpiryMs,
    store,
    workers,
    examine,
    findFacts,
    patience,
    handOn,
    readIdentity,
    clock,
  })
  conduct.watch('work', load)
  // No issuer is asked: what the test world does reaches nobody.
  const readOwnIdentity = createReadIdentity({ own, keysOf: () => Promise.resolve(null) })
  const injections = createInjections({
    hostname,
    holdExpiryMs,
    store,
    workers,
    patience,
    handOn,
    clock,
    log,
    readIdentity: readOwnIdentity,
    maxMessageBytes: config.smtp.maxMessageBytes,
  })
  const listener = createListener({
    config,
    bounceOf: (address) => readReturnPath(returnPathSecret, address, clock.now()),
    unsubscribeOf: (address) => readUnsubscribeAddress(unsubscribeSecret, address),
    store,
    receive,
    load,
    conduct,
    tls,
    clock,
    log,
  })
  const wakeAll = (): void => {
    for (const one of [scheduler, sweeper, runner, courier]) one.wake()
  }
  const usage = createUsage({ store, clock, log })
  const accountRemoval = createAccountRemoval({ store, clock, log, endMail })
  const live = createLive({ store, clock, log, isGood: keys.isStill })
  metrics.measuredBy('events_listeners', 'Calls that wait for an email, and streams that are open', 'kind', async () => ({
    wait: live.admitted('wait'),
    stream: live.admitted('stream'),
  }))
  const http = createHttpServer({
    rooms: {
      store,
      live,
      reads: createReads(store),
      submissions,
      approvals,
      adminActions: createAdminActions({ store, clock, approval: config.adminApproval, onMail: postman.wake }),
      suppressions: createSuppressions({ store, clock }),
      sending: createSwitch({ store, clock }, obey),
      mailboxes: createMailboxes({ store, clock, endMail, endWebhooks, most: config.limits.mailboxes }),
      domains: createDomains({ store, clock, resolver, hostname: config.mode === 'server' ? parseDomainName(config.hostname) : null }),
      webhooks: createWebhooks({ clock, allowPrivateTargets: webhooks.allowPrivateTargets }),
      upgrades: createUpgrades({ store, clock, onMail: postman.wake }),
      suggestions: createSuggestions({ store, clock }),
      reviewers,
      signups,
      operatorSessions: createOperatorSessions({ store, clock, onMail: postman.wake }),
      parsePattern,
      policies: createPolicies({ store, clock }),
      allowances: createAllowances({ store, clock, wouldTakeTwo, allowTestSelfApproval: config.allowTestSelfApproval }),
      choices: createMailboxChoices({ clock, caps }),
      standings: createStandings({ store, clock }),
      searchIndex,
      usage,
      accountRemoval,
      limits: { monthlyEmails: config.outbound.monthly, mailboxes: config.limits.mailboxes },
      injections,
      sandbox: createSandbox({ store, clock, wake: wakeAll }),
      composeFromOutside,
      asSent,
      checkpoints,
      receipts: createReceipts({ store, key: logKey, checkpoints }),
      deliveries: createDeliveries({ store, clock }, () => void obey()),
      publicUrl: config.http.publicUrl,
      links: createAttachmentLinks({ secret: linkSecret, now: clock.now }),
      actorOf: keys.actorOf,
      readText: createTextReader({ clock }),
      clock,
      log,
    },
    identify: keys.identify,
    signingKey: () => identity.document(),
    reputation: createReputation({ store, clock }),
    unsubscribe: async (token) => {
      const email = readUnsubscribeToken(unsubscribeSecret, token)
      if (email !== null) await unsubscribe(store, email, clock.now())
    },
    opened: (token, headers) => noteOpen({ store, clock }, token, headers),
    people,
    approvalMail,
    countCalls: usage.countCalls,
    config,
    metrics,
    clock,
    log,
  })

  return {
    store,
    keys,
    async start() {
      await destinations.start()
      const { signup } = config
      const closed = signup && (await whyClosed(store.db, signup.domain))
      if (closed !== null) log.warn({ domain: signup?.domain }, `signup.${closed}`)
      await checkSources(config.outbound.sources, trouble)
      runner.start()
      sweeper.start()
      scheduler.start()
      searchIndex.start()
      usage.start()
      accountRemoval.start()
      courier.start()
      periodic.start()
      return { smtp: await listener.listen(), http: await http.listen() }
    },
    drain: () => runner.drain(),
    async stop() {
      patience.end()
      live.close()
      reporter.stop()
      policies.stop()
      checkpoints.interrupt()
      await Promise.all([
        listener.close(),
        http.close(),
        runner.stop(),
        sweeper.stop(),
        scheduler.stop(),
        courier.stop(),
        searchIndex.stop(),
        usage.stop(),
        accountRemoval.stop(),
        periodic.stop(),
        postman.stop(),
      ])
      transport.closeIdle()
      await Promise.all([workers.close(), conduct.close()])
      await people.settled()
      await destinations.stop()
      await tlsCounter.flush()
      await checkpoints.close()
      await store.close()
      sole?.release()
    },
  }
}

/** The programs that look at arriving mail as well. */
function scannersOf({ hostname, scanners: { clamd, rspamdUrl } }: Config, log: Log): Scan {
  return allOf([
    ...(clamd === null ? [] : [createClamavScan({ place: clamd, log })]),
    ...(rspamdUrl === null ? [] : [createRspamdScan({ url: rspamdUrl, hostname, log })]),
  ])
}
