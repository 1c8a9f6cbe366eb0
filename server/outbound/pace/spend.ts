/** The caps of a mailbox against the store, in the transaction of a submission. */
import { type Address, addressKey } from '../../model/address.ts'
import type { MailboxId } from '../../model/ids.ts'
import { type Result, fail, ok } from '../../model/result.ts'
import type { Db, Tx } from '../../store/db.ts'
import {
  type CapKind,
  type Counted,
  countSent,
  firstContactsSince,
  knownRecipients,
  lockForCounting,
  ownCaps,
  sentSince,
  uncountSent,
} from '../../store/send-caps.ts'
import { type Caps, type Excess, countedFrom, excess, excessWords, windowOf } from './caps.ts'

/** Counts what was allowed. To be called later in the same transaction, when the email is filed. */
export type Spend = (tx: Tx) => Promise<void>

type Ask = {
  mailboxId: MailboxId
  forwardPaths: readonly Address[]
  /** of the settings */
  caps: Caps
  /** what was counted for it before, and when (epoch ms): that count is now's instead, so that no message is counted twice */
  before?: { at: number; messages: number }
  now: number
}

/** Whether these recipients may be written to now. From here until the transaction ends nobody else counts for the mailbox. */
export async function askToSend(tx: Tx, ask: Ask): Promise<Result<Spend, 'RATE_LIMITED'>> {
  const { mailboxId, forwardPaths, now } = ask
  const caps = await capsOf(tx, mailboxId, ask.caps)
  if (Object.values(caps).every((most) => most === null)) return ok(() => Promise.resolve())
  await lockForCounting(tx, mailboxId)
  const fresh = caps.new === null ? [] : await firstTime(tx, mailboxId, forwardPaths, now)
  const own = ask.before === undefined ? null : { start: windowOf(ask.before.at), count: ask.before.messages }
  const sent = without(await sentSince(tx, mailboxId, countedFrom('day', now)), own)
  const over = await longestExcess(tx, mailboxId, caps, { messages: forwardPaths.length, fresh: fresh.length, sent }, now)
  if (over !== null) return { ...fail('RATE_LIMITED', excessWords(over)), retryAfterMs: over.at - now }
  const counted = { start: windowOf(now), count: forwardPaths.length, fresh, before: countedFrom('day', now) }
  return ok(async (later) => {
    if (own !== null) await uncountSent(later, mailboxId, own)
    await countSent(later, mailboxId, counted)
  })
}

const without = (counted: readonly Counted[], own: Counted | null): Counted[] =>
  counted.map(({ start, count }) => ({ start, count: start === own?.start ? Math.max(0, count - own.count) : count }))

/** A mailbox's own caps, and those of the settings where it has none. */
export const capsOf = async (db: Db, mailboxId: MailboxId, caps: Caps): Promise<Caps> => ({ ...caps, ...(await ownCaps(db, mailboxId)) })

async function firstTime(tx: Tx, mailboxId: MailboxId, forwardPaths: readonly Address[], now: number): Promise<string[]> {
  const keys = [...new Set(forwardPaths.map(addressKey))]
  const known = await knownRecipients(tx, mailboxId, keys, countedFrom('new', now))
  return keys.filter((key) => !known.has(key))
}

/** Of several caps that are passed, the one that holds the longest. */
async function longestExcess(
  tx: Tx,
  mailboxId: MailboxId,
  caps: Caps,
  { messages, fresh, sent }: { messages: number; fresh: number; sent: readonly Counted[] },
  now: number,
): Promise<Excess | null> {
  const contacts = fresh === 0 ? [] : await firstContactsSince(tx, mailboxId, countedFrom('new', now))
  const asked: Record<CapKind, { count: number; spent: readonly Counted[] }> = {
    hour: { count: messages, spent: sent },
    day: { count: messages, spent: sent },
    new: { count: fresh, spent: contacts },
  }
  const over = (['hour', 'day', 'new'] as const).flatMap(
    (kind) => excess(kind, caps[kind], asked[kind].count, asked[kind].spent, now) ?? [],
  )
  return over.toSorted((one, other) => other.at - one.at)[0] ?? null
}
