/** What a policy is asked about, from what is stored. */
import { type Address, addressKey } from '../model/address.ts'
import type { Finding } from '../model/finding.ts'
import type { MailboxId, ThreadId } from '../model/ids.ts'
import { type Counts, type MailFacts, type Policy, asksForCounts } from '../model/policy.ts'
import { kindsOf } from '../oversight/checks/check.ts'
import { partOf } from '../oversight/newcomers.ts'
import { knownAmong } from '../store/correspondents.ts'
import type { Db, Tx } from '../store/db.ts'
import { type EmailRow, taintIn } from '../store/emails.ts'
import { textFacts } from '../oversight/policy/text-facts.ts'
import type { Taint } from '../oversight/taint/taint.ts'
import { addPolicyCounts, policyCounts } from '../store/policy-counts.ts'

/** What one email says and carries, whoever gets it. `tainted` null: where its words come from was not looked at, or not all of it. */
export type Carried = Pick<MailFacts, 'hasAttachments' | 'hasLinks' | 'largestAmount'> & Pick<MailFacts, 'tainted'>

/** Of an email that is stored. */
export const carriedBy = (email: EmailRow): Carried => ({
  ...textFacts(email.subject, email.markdown),
  hasAttachments: email.has_attachments === 1,
  tainted: taintedBy(taintIn(email) as Taint | null),
})

/** Where limits cut the search short, what was not found may be there all the same. */
export const taintedBy = (taint: Taint | null): MailFacts['tainted'] => {
  if (taint === null) return null
  const { fromOtherThread, fromHiddenText, fromAttachment } = taint
  const isClean = !fromOtherThread && !fromHiddenText && !fromAttachment
  return isClean && !taint.lookedAtAll ? null : { fromOtherThread, fromHiddenText, fromAttachment }
}

/** What the rules have to know of an email besides what is stored of its mailbox. `named`: whom the agent named; `listed`: those of them who are on the
 *  operator's own list, in the compared form. */
export type AskedOfRules = {
  named: readonly Address[]
  listed: ReadonlySet<string>
  thread: ThreadId
  /** it passes on what others wrote, who are not in its thread */
  isForward: boolean
  findings: readonly Finding[]
  carried: Carried
}

/** @param now epoch ms; what was counted until then is asked for when a rule wants to know it */
export async function mailFacts(db: Db, id: MailboxId, policy: Policy, asked: AskedOfRules, now: number): Promise<MailFacts> {
  const keys = asked.named.map(addressKey)
  const known = await knownAmong(db, id, keys)
  const part = await partOf(db, asked)
  return {
    ...asked.carried,
    recipients: keys.map((address) => ({
      address,
      known: known.has(address),
      inThread: part === null ? null : part.has(address),
      listed: asked.listed.has(address),
    })),
    findings: kindsOf(asked.findings),
    counts: asksForCounts(policy) ? countsWith(keys, asked.thread, await policyCounts(db, id, countKeys(keys, asked.thread), now)) : null,
  }
}

const ofMailbox = 'mailbox'
const ofThread = (thread: ThreadId): string => `thread ${thread}`
const ofRecipient = (key: string): string => `to ${key}`
/** The mailbox, the conversation, then each recipient. */
export const countKeys = (recipients: readonly string[], thread: ThreadId): string[] => [
  ofMailbox,
  ofThread(thread),
  ...recipients.map(ofRecipient),
]

type Counted = ReadonlyMap<string, { hour: number; day: number }>

/** With this email itself: one message for each recipient, so that neither a reply to all nor a batch is one. */
export function countsWith(recipients: readonly string[], thread: ThreadId, counted: Counted): Counts {
  const plus = (key: string, more: number) => {
    const { hour, day } = counted.get(key) ?? { hour: 0, day: 0 }
    return { hour: hour + more, day: day + more }
  }
  const each = recipients.map((one) => plus(ofRecipient(one), 1))
  return {
    mailbox: plus(ofMailbox, recipients.length),
    thread: plus(ofThread(thread), recipients.length),
    recipient: { hour: Math.max(0, ...each.map(({ hour }) => hour)), day: Math.max(0, ...each.map(({ day }) => day)) },
  }
}

/** Takes down that it was handed in, or has come due. */
export async function countForPolicy(
  tx: Tx,
  id: MailboxId,
  { named, thread }: Pick<AskedOfRules, 'named' | 'thread'>,
  now: number,
): Promise<void> {
  const keys = named.map(addressKey)
  await addPolicyCounts(tx, id, new Map(countKeys(keys, thread).map((key, at) => [key, at < 2 ? keys.length : 1])), now)
}
