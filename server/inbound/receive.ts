/**
 * From the last byte of DATA to its reply.
 *
 * Promise: 250 is said after everything is on disk (design promise 1; RFC 5321 §6.1). Any other reply, or none, leaves the message with its sender.
 */
import type { Address } from '../model/address.ts'
import { type EmailId, type MailboxId, newId } from '../model/ids.ts'
import { type Reply, formatReply } from '../model/reply.ts'
import type { ReadIdentity } from '../model/sender-identity.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Store } from '../store/db.ts'
import type { Examination, Examine } from './examine/examine.ts'
import type { Facts, FindFacts } from './verdict/facts.ts'
import type { Filing, Letter } from './filing/email-rows.ts'
import { type Filer, createFiler } from './filing/filer.ts'
import type { HandOn } from './filing/hand-on.ts'
import type { MessageFlag, ParsedMessage } from './message/parsed-message.ts'
import type { Workers } from './examine/workers.ts'
import type { Patience } from './verdict/patience.ts'
import type { Recipient } from './recipients.ts'
import type { Arrival } from './arrival.ts'
import { withTrace } from './filing/trace.ts'
import { judgeHeader } from './verdict/header.ts'
import { type MailboxVerdict, judgeForMailbox, judgeMessage } from './verdict.ts'
import type { MessageFacts } from './verdict/message-facts.ts'
import { isAmbiguous } from './verdict/proof.ts'

export type ReceiverDeps = {
  hostname: string
  holdExpiryMs: number
  store: Store
  workers: Pick<Workers, 'load'>
  examine: Examine
  findFacts: FindFacts
  patience: Patience
  handOn: HandOn
  readIdentity: ReadIdentity
  /** the last word on what a message is to a mailbox, for mail that only pretends to arrive; left out: the verdict's own */
  settle?: ((verdict: MailboxVerdict) => MailboxVerdict) | undefined
  /** left out: one that files letters together */
  filer?: Filer
  clock: Clock
}

type Deps = ReceiverDeps & { filer: Filer }

/** `log`: of its session. */
type Logged = Arrival & { log: Log }

/** The reply to DATA. Throws when the store cannot take the message: then nothing of it was stored. */
export type Receive = (arrival: Logged) => Promise<Reply>

/** What became of it: the reply to DATA, and one email in each mailbox that has it now. */
export type Taken = { reply: Reply; emailIds: readonly EmailId[] }

/** `take`: as `receive`, with the emails. `load`: how far the workers or the disk are behind, from 0 to 1. */
export type Receiver = { receive: Receive; take: (arrival: Logged) => Promise<Taken>; load: () => number }

/** From here on a sender is better asked to come again before it sends. */
export const crowdedFrom = 0.5

/** What is not read now could only be stored unread, and its sender still has it. */
const crowded: Reply = { code: 451, status: '4.3.1', text: 'Too many messages at this moment, try again later' }

export function createReceiver(given: ReceiverDeps): Receiver {
  const deps: Deps = { ...given, filer: given.filer ?? createFiler(given) }
  const load = (): number => Math.max(deps.workers.load(), deps.filer.load())
  const take = async (arrival: Logged): Promise<Taken> => {
    const { bytes, client, reversePath, log } = arrival
    log.debug({ size: bytes.length, recipients: arrival.recipients.length }, 'inbound.received')
    if (load() >= 1) return refuse(log, crowded, 'work-waits')
    const problem = judgeHeader(bytes)
    if (problem !== null) return refuse(log, problem, 'header')
    const facts = await deps.findFacts(arrival, deps.examine({ bytes, client, reversePath }))
    if (facts === null) return refuse(log, crowded, 'workers-busy')
    const { examination } = facts
    log.debug({ flags: examination.parsed.flags, ...examination.authentication.results }, 'inbound.examined')
    const verdict = judgeMessage(facts.message)
    if (verdict.kind === 'refuse') return refuse(log, verdict.reply, verdict.reasons.map(({ code }) => code).join(' '))
    await deps.patience.wait(verdict.delayMs)
    const { settle = (own: MailboxVerdict) => own } = deps
    const forMailbox = (id: MailboxId): MailboxVerdict => settle(judgeForMailbox(verdict, facts.ofMailbox(id)))
    return keep(deps, arrival, { facts, forMailbox, proven: verdict.proven, flags: flagsOf(facts.message, examination) })
  }
  return { receive: async (arrival) => (await take(arrival)).reply, take, load }
}

function refuse(log: Log, reply: Reply, reason: string): Taken {
  log.info({ reply: formatReply(reply), reason }, 'inbound.refused')
  return { reply, emailIds: [] }
}

/** `proven`: its author is who the message says. */
type Judged = { facts: Facts; forMailbox: (id: MailboxId) => MailboxVerdict; proven: boolean; flags: MessageFlag[] }

const flagsOf = (facts: MessageFacts, { parsed }: Examination): MessageFlag[] => [
  ...parsed.flags,
  ...(isAmbiguous(facts) ? (['from-ambiguous'] as const) : []),
]

async function keep(deps: Deps, arrival: Logged, { facts, forMailbox, proven, flags }: Judged): Promise<Taken> {
  const { store, clock } = deps
  const { log, reversePath, recipients } = arrival
  const { examination } = facts
  const from = examination.parsed.from?.address ?? null
  const senderIdentity = await deps.readIdentity({ message: arrival.bytes, from, proven })
  // Ids are made here, not earlier: they say in which order messages became visible, and looking up names takes seconds at times.
  const receivedAt = clock.now()
  const filings = filingsFor(recipients, forMailbox, receivedAt)
  const queueId = filings[0]?.emailId ?? 'none'
  const recipient = recipients.length === 1 ? (recipients[0]?.forwardPath ?? null) : null
  const { results } = examination.authentication
  const raw = withTrace(arrival.bytes, {
    hostname: deps.hostname,
    client: arrival.client,
    id: queueId,
    recipient,
    reversePath,
    names: facts.client.names,
    reverse: facts.client.reverse,
    judgesByIp: facts.message.judgesByIp,
    results,
    receivedAt,
  })
  const letter: Letter = {
    parsed: examination.parsed,
    flags,
    results,
    senderIdentity,
    content: examination.content,
    report: examination.report,
    automatic: examination.automatic,
    proven,
    requireTls: arrival.requireTls,
    reversePath,
    raw: await store.blobs.stage(raw),
    attachmentBlobs: await stageAll(store, examination.parsed),
    receivedAt,
    holdExpiryMs: deps.holdExpiryMs,
  }
  log.debug({ emailId: queueId }, 'inbound.staged')
  await deps.filer.file(letter, filings)
  for (const { emailId, mailboxId, verdict } of filings)
    log.info({ emailId, mailboxId, size: raw.length, spam: verdict.spam, score: verdict.score }, 'inbound.stored')
  return { reply: { code: 250, status: '2.0.0', text: `Stored as ${queueId}` }, emailIds: filings.map(({ emailId }) => emailId) }
}

/** A mailbox that was named twice, or by two addresses, gets the message once. */
function filingsFor(recipients: readonly Recipient[], verdictFor: Judged['forMailbox'], now: number): Filing[] {
  const paths = new Map<MailboxId, Address[]>()
  for (const { mailboxId, forwardPath } of recipients) paths.set(mailboxId, [...(paths.get(mailboxId) ?? []), forwardPath])
  // Who was written to by name as well gets a letter.
  const bounced = new Map(recipients.flatMap(({ mailboxId, bounceOf }) => (bounceOf === undefined ? [] : [[mailboxId, bounceOf] as const])))
  for (const { mailboxId, bounceOf } of recipients) if (bounceOf === undefined) bounced.delete(mailboxId)
  // In one order for everybody, so that two transactions cannot wait for each other.
  const ordered = [...paths].toSorted(([one], [other]) => (one < other ? -1 : 1))
  return ordered.map(([mailboxId, forwardPaths]) => ({
    emailId: newId('email', now),
    mailboxId,
    forwardPaths,
    verdict: verdictFor(mailboxId),
    bounceOf: bounced.get(mailboxId) ?? null,
    ...pleas(recipients.filter((one) => one.mailboxId === mailboxId)),
  }))
}

/** Who was written to by name as well gets a letter. */
function pleas(recipients: readonly Recipient[]): Pick<Filing, 'unsubscribes' | 'toNobody'> {
  const unsubscribes = new Set(recipients.flatMap(({ unsubscribeOf }) => unsubscribeOf ?? []))
  return { unsubscribes: [...unsubscribes], toNobody: recipients.every(({ via }) => via === 'unsubscribe') }
}

/** One after the other: a message may have hundreds, and each large one is an fsync. */
async function stageAll(store: Store, { attachments }: ParsedMessage): Promise<Letter['attachmentBlobs']> {
  const staged = []
  for (const { content } of attachments)
    staged.push(await store.blobs.stage(Buffer.from(content.buffer, content.byteOffset, content.byteLength)))
  return staged
}
