/**
 * The operations and their doors over real rooms, without mail servers around them: an account with three mailboxes, its keys in both worlds, a
 * second account that is nobody's business, and an HTTP server on the loopback interface.
 */
import { onTestFinished } from 'vitest'
import { createHttpServer } from '../../server/doors/http.ts'
import { type Live, createLive } from '../../server/events/live.ts'
import { createWebhooks, endWebhooks } from '../../server/events/webhooks.ts'
import type { Rates } from '../../server/doors/request-rates.ts'
import { type Keys, createKeys, draftKey } from '../../server/identity/keys.ts'
import { createZoneResolver } from '../../dns/resolver.ts'
import type { DomainName } from '../../dns/name.ts'
import type { Zone } from '../../dns/zone.ts'
import { createDomains } from '../../server/identity/domains.ts'
import { type AccountRemoval, createAccountRemoval } from '../../server/identity/account-removal.ts'
import { createMailboxes } from '../../server/identity/mailboxes.ts'
import { type Usage, createUsage } from '../../server/identity/usage.ts'
import { type People, createPeople } from '../../server/identity/people/people.ts'
import { createSignups } from '../../server/identity/signup/signups.ts'
import type { SignupPolicy } from '../../server/identity/signup/terms.ts'
import { createInjections } from '../../server/inbound/injection.ts'
import { type Checkpoints, createCheckpoints } from '../../server/record/checkpoints.ts'
import { createReceipts } from '../../server/record/receipts.ts'
import { createSandbox } from '../../server/sandbox/sandbox.ts'
import { createWorkers } from '../../server/inbound/examine/workers.ts'
import { createPatience } from '../../server/inbound/verdict/patience.ts'
import type { Scope } from '../../server/model/actor.ts'
import { sha256 } from '../../server/model/canonical.ts'
import type { EmailStatus, OversightMode } from '../../server/model/email.ts'
import { type AccountId, type EmailId, type MailboxId, type ThreadId, newId } from '../../server/model/ids.ts'
import type { Tenancy, World } from '../../server/model/world.ts'
import { wouldTakeTwo } from '../../server/outbound/circumstances.ts'
import { onComplaint, onDsn } from '../../server/outbound/feedback.ts'
import { asSent } from '../../server/outbound/as-sent.ts'
import { composeFromOutside } from '../../server/outbound/from-outside.ts'
import { onUnsubscribe } from '../../server/outbound/unsubscribe/unsubscribe.ts'
import { createReputation } from '../../server/outbound/identity/reputation.ts'
import { createReads } from '../../server/operations/reads.ts'
import type { Method } from '../../server/operations/procedure.ts'
import { createMailboxChoices } from '../../server/outbound/mailbox-choices.ts'
import { type Caps, noCaps } from '../../server/outbound/pace/caps.ts'
import { noteOpen } from '../../server/outbound/opens/opens.ts'
import { createPolicies } from '../../server/outbound/policies.ts'
import { createSubmissions } from '../../server/outbound/submit.ts'
import { createDeliveries } from '../../server/outbound/control/deliveries.ts'
import { endMail } from '../../server/outbound/control/end-mail.ts'
import { createSwitch } from '../../server/outbound/control/switch.ts'
import { createStandings } from '../../server/outbound/standing/lift.ts'
import { createSuppressions } from '../../server/outbound/suppression/by-hand.ts'
import { createAdminActions } from '../../server/oversight/admin-actions.ts'
import { createAllowances } from '../../server/oversight/allowance.ts'
import { parsePattern } from '../../server/oversight/allow-list.ts'
import { type ApprovalMail, createApprovalMail } from '../../server/oversight/approval-mail/approval-mail.ts'
import { createApprovals } from '../../server/oversight/approvals.ts'
import { createOperatorSessions } from '../../server/oversight/operator-sessions.ts'
import { createSuggestions } from '../../server/oversight/ladder/evidence.ts'
import { createReviewers } from '../../server/oversight/reviewers/reviewers.ts'
import { createUpgrades } from '../../server/oversight/upgrades.ts'
import { hold } from '../../server/oversight/holds.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { createTextReader } from '../../server/mailbox/attachment-text/reader.ts'
import { createAttachmentLinks } from '../../server/mailbox/attachment-link.ts'
import { createSearchIndex } from '../../server/mailbox/search-index.ts'
import { createMetrics } from '../../server/platform/metrics.ts'
import { insertAccount } from '../../server/store/accounts.ts'
import { insertAttachments } from '../../server/store/attachments.ts'
import type { Store } from '../../server/store/db.ts'
import { insertDomain } from '../../server/store/domains.ts'
import { emailFacts } from '../../server/store/email-record.ts'
import { type EmailRow, insertEmail } from '../../server/store/emails.ts'
import { appendEvent } from '../../server/store/events.ts'
import { appendLog } from '../../server/store/log.ts'
import { insertKey } from '../../server/store/keys.ts'
import { insertMailbox } from '../../server/store/mailboxes.ts'
import { insertThread } from '../../server/store/threads.ts'
import { appear } from './appear.ts'
import { knownDkim } from './known-dkim.ts'
import { logKey } from './recorded.ts'
import { plainEmail } from './plain-email.ts'
import { type VirtualClock, createVirtualClock } from './virtual-clock.ts'

/** With which its links to attachments are signed. */
const linkSecret = 'b'.repeat(64)

const deskStart = Date.parse('2026-03-02T09:00:00Z')
const hour = 3_600_000

export type Desk = {
  url: string
  store: Store
  clock: VirtualClock
  live: Live
  usage: Usage
  accountRemoval: AccountRemoval
  keys: Keys
  people: People
  approvalMail: ApprovalMail
  checkpoints: Checkpoints
  ours: Office
  theirs: Office
  /** as a person would with curl: JSON in, JSON out */
  call(key: string | null, method: Method, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  receive(mailbox: Mailbox, mail?: Partial<Arrival>): Promise<EmailRow>
  /** A further key of our account in the live world. */
  key(of: { scopes: Scope[]; mailboxIds?: MailboxId[] }): Promise<string>
}
export type Answer = { status: number; body: Record<string, unknown>; headers: Headers }

export type Mailbox = { id: MailboxId; address: string; tenancy: Tenancy }
/** One account: a gated, an autonomous and a guarded (gated_all) mailbox in the live world, one gated in the test world. */
export type Office = {
  accountId: AccountId
  gated: Mailbox
  free: Mailbox
  guarded: Mailbox
  test: Mailbox
  keys: { agent: string; reader: string; reviewer: string; admin: string; bound: string; test: string; testAdmin: string }
}

export type Arrival = {
  from: string
  subject: string
  text: string
  status: EmailStatus
  threadId: ThreadId
  attachments: { name: string; contentType: string; content: Buffer }[]
  dmarc: 'pass' | 'fail' | 'none'
}

type DeskOptions = {
  metricsToken?: string | null
  caps?: Caps
  monthly?: number | null
  rates?: Rates
  signingKey?: object
  mostMailboxes?: number | null
  adminApproval?: 'code' | 'off'
  /** what the DNS says */
  zone?: Zone
  signup?: SignupPolicy | null
}

export async function openDesk(
  openStore: () => Promise<Store>,
  {
    metricsToken = null,
    caps,
    monthly = null,
    rates,
    signingKey,
    mostMailboxes = null,
    adminApproval = 'code',
    zone = {},
    signup = null,
  }: DeskOptions = {},
): Promise<Desk> {
  const clock = createVirtualClock(deskStart)
  const store = await openStore()
  const shared = { store, clock, log: silentLog, onReleased: () => undefined, giveUpAfterMs: 120 * hour }
  const readText = createTextReader({ clock: systemClock, limitMs: 60_000 })
  const submissions = createSubmissions({
    ...shared,
    publicUrl: 'https://mail.ours.test',
    holdExpiryMs: 72 * hour,
    monthly,
    readText,
    allowTestSelfApproval: true,
    ...(caps && { caps }),
  })
  const approvals = createApprovals({ ...shared, allowTestSelfApproval: true })
  const keys = createKeys({ store, clock })
  // Its threads begin with the first message that is injected.
  const workers = createWorkers({ log: silentLog })
  onTestFinished(() => workers.close())
  const injections = createInjections({
    store,
    clock,
    workers,
    log: silentLog,
    hostname: 'mx.ours.test',
    holdExpiryMs: 72 * hour,
    maxMessageBytes: 2 * 1024 * 1024,
    patience: createPatience(clock),
    handOn: { onDsn, onComplaint, onUnsubscribe },
    readIdentity: () => Promise.resolve(null),
  })
  const usage = createUsage({ store, clock, log: silentLog })
  const accountRemoval = createAccountRemoval({ store, clock, log: silentLog, endMail })
  const live = createLive({ store, clock, log: silentLog, isGood: keys.isStill })
  const people = createPeople({
    store,
    clock,
    publicUrl: 'https://mail.ours.test',
    secret: 'secret of a test',
    idleMs: 8 * hour,
    lifeMs: 7 * 24 * hour,
    onFault: (error) => {
      throw error
    },
  })
  const approvalMail = createApprovalMail({ store, clock, log: silentLog, publicUrl: 'https://mail.ours.test', sends: true })
  const nothing = () => Promise.resolve()
  const checkpoints = createCheckpoints({ ...shared, key: logKey, onContradiction: nothing, onSigned: nothing, onMail: () => undefined })
  const http = createHttpServer({
    rooms: {
      store,
      live,
      reads: createReads(store),
      submissions,
      approvals,
      adminActions: createAdminActions({ store, clock, approval: adminApproval }),
      suppressions: createSuppressions({ store, clock }),
      sending: createSwitch({ store, clock }),
      mailboxes: createMailboxes({ store, clock, endMail, endWebhooks, most: mostMailboxes }),
      domains: createDomains({
        store,
        clock,
        resolver: createZoneResolver(zone),
        hostname: 'mail.ours.test' as DomainName,
        makeDkim: freshDkim,
      }),
      webhooks: createWebhooks({ clock, allowPrivateTargets: false }),
      upgrades: createUpgrades({ store, clock }),
      suggestions: createSuggestions({ store, clock }),
      reviewers: createReviewers({ store, clock }),
      signups: createSignups({ store, clock, policy: signup, secret: 'secret of a test', publicUrl: 'https://mail.ours.test' }),
      operatorSessions: createOperatorSessions({ store, clock }),
      parsePattern,
      policies: createPolicies({ store, clock }),
      allowances: createAllowances({ store, clock, wouldTakeTwo, allowTestSelfApproval: true }),
      choices: createMailboxChoices({ clock, caps: caps ?? noCaps }),
      standings: createStandings({ store, clock }),
      deliveries: createDeliveries({ store, clock }),
      publicUrl: 'https://mail.ours.test',
      links: createAttachmentLinks({ secret: linkSecret, now: clock.now }),
      actorOf: keys.actorOf,
      readText,
      searchIndex: createSearchIndex({ store, clock, log: silentLog }),
      usage,
      accountRemoval,
      limits: { monthlyEmails: monthly, mailboxes: mostMailboxes },
      injections,
      sandbox: createSandbox({ store, clock }),
      composeFromOutside,
      asSent,
      checkpoints,
      receipts: createReceipts({ store, key: logKey, checkpoints }),
      clock,
      log: silentLog,
    },
    identify: keys.identify,
    config: { http: { host: '127.0.0.1', port: 0, publicUrl: 'https://mail.ours.test', metricsToken, ...(rates && { rates }) } },
    signingKey: signingKey && (() => Promise.resolve(signingKey)),
    reputation: createReputation({ store, clock }),
    opened: (token, headers) => noteOpen({ store, clock }, token, headers),
    people,
    approvalMail,
    countCalls: usage.countCalls,
    metrics: createMetrics(),
    log: silentLog,
    clock,
  })
  const { port } = await http.listen()
  onTestFinished(() => {
    live.close()
    return http.close()
  })
  const url = `http://127.0.0.1:${port}`
  const ours = await furnish(store, clock, 'ours.test')
  return {
    url,
    store,
    clock,
    live,
    usage,
    accountRemoval,
    keys,
    people,
    approvalMail,
    checkpoints,
    ours,
    theirs: await furnish(store, clock, 'theirs.test'),
    call: (key, method, path, body, headers) => call(url, key, method, path, body, headers),
    async key(of) {
      const issued = await keys.issue({ tenancy: { accountId: ours.accountId, world: 'live' }, name: 'further', ...of })
      if (!issued.ok) throw new Error(issued.code)
      return issued.value.key
    },
    receive: (mailbox, mail = {}) => receive(store, clock, mailbox, mail),
  }
}

/** Making RSA keys takes a moment; the secret halves of a test are no secret. */
const freshDkim: typeof knownDkim = async (now) =>
  (await knownDkim(now)).map((forDomain) => (id) => ({ ...forDomain(id), id: newId('dkimKey', now) }))

async function furnish(store: Store, clock: VirtualClock, domain: string): Promise<Office> {
  const now = clock.now()
  const accountId = newId('account', now)
  const domainId = newId('domain', now)
  // One transaction, so that a suite with many desks does not wait for the disk at each key.
  return store.transaction(async (tx) => {
    const oversight_email = `boss@${domain.replace('.', '-')}.example`
    await insertAccount(tx, { id: accountId, name: domain, slug: domain.replace('.', '-'), created_at: now, oversight_email })
    await insertDomain(tx, { id: domainId, account_id: accountId, name: domain, created_at: now })
    const mailbox = async (name: string, mode: OversightMode, world: World = 'live'): Promise<Mailbox> => {
      const [id, address] = [newId('mailbox', now), `${name}@${domain}`]
      const row = {
        id,
        account_id: accountId,
        world,
        domain_id: domainId,
        address,
        display_name: null,
        oversight_mode: mode,
        is_active: 1,
        created_at: now,
      }
      await insertMailbox(tx, row)
      return { id, address, tenancy: { accountId, world } }
    }
    const key = async (world: World, scopes: Scope[], mailboxIds?: MailboxId[]): Promise<string> => {
      const drafted = draftKey({ tenancy: { accountId, world }, name: scopes.join(), scopes, ...(mailboxIds && { mailboxIds }) }, now)
      if (!drafted.ok) throw new Error(drafted.code)
      await insertKey(tx, drafted.value.row)
      await appendLog(tx, drafted.value.logEntry)
      return drafted.value.key
    }
    const gated = await mailbox('support', 'gated_send')
    return {
      accountId,
      gated,
      free: await mailbox('robot', 'autonomous'),
      guarded: await mailbox('guarded', 'gated_all'),
      test: await mailbox('sandbox', 'gated_send', 'test'),
      keys: {
        agent: await key('live', ['read', 'send']),
        reader: await key('live', ['read']),
        reviewer: await key('live', ['read', 'oversight']),
        admin: await key('live', ['admin']),
        bound: await key('live', ['read', 'send'], [gated.id]),
        test: await key('test', ['read', 'send']),
        testAdmin: await key('test', ['admin']),
      },
    }
  })
}

/** An email as arriving mail leaves it in the store. */
async function receive(store: Store, clock: VirtualClock, mailbox: Mailbox, mail: Partial<Arrival>): Promise<EmailRow> {
  const now = clock.now()
  const id = newId('email', now)
  const row = arrivedRow(id, mailbox, mail, now)
  const raw = await store.blobs.stage(Buffer.from(`Subject: ${row.subject}\r\n\r\n${row.markdown}`))
  const files = await Promise.all((mail.attachments ?? []).map((one) => store.blobs.stage(one.content)))
  const email = { ...row, raw_hash: raw.hash, raw_size: raw.size }
  await store.transaction(async (tx) => {
    if (mail.threadId === undefined) {
      const { thread_id, account_id, world, mailbox_id, subject } = email
      await insertThread(tx, { id: thread_id, account_id, world, mailbox_id, subject, created_at: now, last_activity_at: now })
    }
    for (const blob of [raw, ...files]) await store.blobs.put(tx, blob, now)
    await insertEmail(tx, email)
    await insertAttachments(tx, attachmentRows(id, mail, now))
    if (email.status === 'unread' || email.status === 'spam_flagged') {
      const facts = { tenancy: mailbox.tenancy, mailboxId: mailbox.id, data: emailFacts(email), now }
      await appendEvent(tx, { ...facts, type: 'message.received' })
    }
    await appear(tx, email)
    if (email.status === 'pending_inbound_approval') {
      await appendLog(
        tx,
        await hold(tx, { email, contentHash: raw.hash, rule: 'A reviewer decides on arriving mail.', now, expiresAt: now + 72 * hour }),
      )
    }
  })
  return email
}

const attachmentRows = (emailId: EmailId, mail: Partial<Arrival>, now: number) =>
  (mail.attachments ?? []).map((one, position) => ({
    id: newId('attachment', now),
    email_id: emailId,
    position,
    name: one.name,
    content_type: one.contentType,
    size: one.content.length,
    blob_hash: sha256(one.content),
    content_id: null,
    is_inline: 0,
  }))

function arrivedRow(id: EmailId, mailbox: Mailbox, mail: Partial<Arrival>, now: number): EmailRow {
  const { from = 'ann@remote.test', subject = 'An order', text = 'Where is my order?', status = 'unread', dmarc = 'pass' } = mail
  return plainEmail(now, {
    id,
    account_id: mailbox.tenancy.accountId,
    world: mailbox.tenancy.world,
    mailbox_id: mailbox.id,
    thread_id: mail.threadId ?? newId('thread', now),
    status,
    message_id: `<${id}@remote.test>`,
    subject,
    from_address: from,
    from_name: 'Ann',
    to_json: JSON.stringify([{ address: mailbox.address }]),
    reverse_path: from,
    forward_paths_json: JSON.stringify([mailbox.address]),
    sent_at: now,
    markdown: text,
    extracted: text,
    has_attachments: mail.attachments === undefined ? 0 : 1,
    authentication_json: JSON.stringify({
      spf: { result: 'pass', domain: 'remote.test' },
      dkim: [{ result: dmarc === 'pass' ? 'pass' : 'fail', domain: 'remote.test', selector: 's1', aligned: true }],
      dmarc: { result: dmarc, policy: 'none', domain: 'remote.test' },
      arc: { result: 'none' },
    }),
  })
}

async function call(
  url: string,
  key: string | null,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(key !== null && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Record<string, unknown> }
}
