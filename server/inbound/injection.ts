/**
 * Mail that only pretends to arrive, for the test world: what a caller hands in goes the way of a message from port 25 from its last octet on.
 *
 * Promises: nobody is asked, so nothing is dialled for it: what SPF, DKIM and DMARC said is what the caller wanted them to say. That it came in this
 * way is on the record in front of its arrival, and only mailboxes of the test world get it.
 */
import { createZoneResolver } from '../../dns/resolver.ts'
import type { KeyActor } from '../model/actor.ts'
import { type Address, domainOf } from '../model/address.ts'
import { sha256 } from '../model/canonical.ts'
import type { SpamVerdict } from '../model/email.ts'
import type { EmailId } from '../model/ids.ts'
import { formatReply } from '../model/reply.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Log } from '../platform/log.ts'
import { stateOf } from '../store/mailboxes.ts'
import type { Row } from '../store/schema.ts'
import type { Client } from './arrival.ts'
import { createSoleFiler } from './filing/filer.ts'
import { type Examine, createExaminer } from './examine/examine.ts'
import type { Workers } from './examine/workers.ts'
import { type ReceiverDeps, createReceiver } from './receive.ts'
import { notScanned } from './scanners/scanner.ts'
import type { MailboxVerdict } from './verdict.ts'
import { unknownClient } from './verdict/client-lookup.ts'
import { flaggedFrom, quarantinedFrom } from './verdict/doubts.ts'
import { createFactFinder } from './verdict/facts.ts'
import type { Authentication } from './verdict/message-facts.ts'
import { createRates } from './verdict/rates.ts'

/** What this server is to have found out about the message. `spam` null: what it makes of it itself. */
export type Simulated = { authentication: 'pass' | 'fail'; spam: SpamVerdict | null }

/** `bytes`: with CRLF line ends. `reversePath` null: the empty one, as reports have it. */
export type Injection = { mailbox: Row<'mailboxes'>; bytes: Buffer; reversePath: Address | null; simulated: Simulated }

export type InjectionProblem = 'TEST_KEY_ONLY' | 'MESSAGE_TOO_LARGE' | 'MAIL_REFUSED' | 'UNAVAILABLE'

export type Injections = {
  /** @returns the email, once it is on disk. MAIL_REFUSED: from outside it would have been refused as well; `detail` is the reply */
  inject(actor: KeyActor, injection: Injection): Promise<Result<EmailId, InjectionProblem>>
}

export type InjectionsDeps = Pick<
  ReceiverDeps,
  'hostname' | 'holdExpiryMs' | 'store' | 'patience' | 'handOn' | 'readIdentity' | 'clock'
> & {
  workers: Workers
  /** as the listener has it */
  maxMessageBytes: number
  log: Log
}

/** An address of this machine: nothing can be said against it, and nothing for it. */
const client: Client = { ip: '127.0.0.1', helo: 'sandbox', protocol: 'HTTP', cipher: null }

export function createInjections(deps: InjectionsDeps): Injections {
  const { store, clock, hostname, maxMessageBytes, log } = deps
  const examine = createExaminer({ workers: deps.workers, hostname, resolver: createZoneResolver({}), clock })
  const findFacts = createFactFinder({
    store,
    hostname,
    judgesByIp: () => true,
    lookUpClient: () => Promise.resolve(unknownClient),
    scan: () => Promise.resolve(notScanned),
    rates: createRates(clock),
    senderLimit: null,
    trustedSealers: [],
  })
  return {
    async inject(actor, { mailbox, bytes, reversePath, simulated }) {
      if (mailbox.world !== 'test' || actor.world !== 'test') return fail('TEST_KEY_ONLY')
      if (bytes.length > maxMessageBytes)
        return fail('MESSAGE_TOO_LARGE', `At most ${maxMessageBytes} bytes, attachments in base64 included.`)
      const state = stateOf(mailbox)
      if (state !== 'active') return fail('MAIL_REFUSED', `The mailbox is ${state}.`)
      const tenancy = { accountId: mailbox.account_id, world: mailbox.world }
      const metadata = { size: bytes.length, message_hash: sha256(bytes), ...simulated }
      const about = { resourceType: 'mailbox', resourceId: mailbox.id } as const
      const injected = { at: clock.now(), actor, tenancy, action: 'email.injected', ...about, metadata } as const
      const { take } = createReceiver({
        ...deps,
        // In one transaction with the idempotency key of the call (operations/once.ts): a crash leaves both or neither.
        filer: createSoleFiler(deps, [injected]),
        findFacts,
        examine: authenticatedAs(examine, simulated.authentication),
        settle: (verdict) => judgedAs(verdict, simulated.spam),
      })
      const recipient = { forwardPath: mailbox.address as Address, mailboxId: mailbox.id, via: 'mailbox' as const }
      const { reply, emailIds } = await take({ client, reversePath, recipients: [recipient], requireTls: false, bytes, log })
      const [emailId] = emailIds
      if (emailId !== undefined) return ok(emailId)
      return fail(reply.code < 500 ? 'UNAVAILABLE' : 'MAIL_REFUSED', formatReply(reply))
    },
  }
}

const authenticatedAs =
  (examine: Examine, wanted: Simulated['authentication']): Examine =>
  async (message) => {
    const examination = await examine(message)
    if (examination === null) return null
    const author = (examination.parsed.from?.address ?? null) as Address | null
    return { ...examination, authentication: pretended(examination.authentication, { author, ...message, wanted }) }
  }

type Pretence = { author: Address | null; reversePath: Address | null; wanted: Simulated['authentication'] }

/** As of a domain that signs what it sends, and publishes a policy which asks for nothing. How many authors the message names stays as it is. */
function pretended({ author: authors }: Authentication, { author, reversePath, wanted: result }: Pretence): Authentication {
  const domain = author === null ? null : domainOf(author)
  return {
    author: authors,
    unsure: false,
    chain: null,
    results: {
      spf: reversePath === null ? { result: 'none', domain: null } : { result, domain: domainOf(reversePath) },
      dkim: domain === null ? [] : [{ result, domain, selector: 'sandbox', aligned: true }],
      dmarc: domain === null ? { result: 'none', policy: null, domain: null } : { result, policy: 'none', domain },
      arc: { result: 'none' },
    },
  }
}

/** With a score that fits. */
const scoreAs: Record<SpamVerdict, (score: number) => number> = {
  clean: (score) => Math.min(score, flaggedFrom - 1),
  flagged: (score) => Math.min(Math.max(score, flaggedFrom), quarantinedFrom - 1),
  quarantined: (score) => Math.max(score, quarantinedFrom),
}

function judgedAs(verdict: MailboxVerdict, wanted: SpamVerdict | null): MailboxVerdict {
  if (wanted === null) return verdict
  const score = scoreAs[wanted](verdict.score)
  const reason = { code: 'simulated', points: score - verdict.score, words: 'Whoever handed it in wanted this verdict.', detail: null }
  return { spam: wanted, score, reasons: [...verdict.reasons, reason] }
}
