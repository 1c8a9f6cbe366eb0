/** What an email is composed and judged by besides its content: its mailbox and account as they are, whom the gate has to be told of, who gets copies. Looked
 *  up before it is composed, and again in the transaction that files it: when they differ it is composed anew. */
import { type Address, addressKey } from '../model/address.ts'
import type { OversightSaid } from '../model/email.ts'
import type { Finding } from '../model/finding.ts'
import type { KeyId } from '../model/ids.ts'
import { judge } from '../oversight/policy/match.ts'
import { policyIn } from '../store/mailboxes.ts'
import { type AskedOfRules, type Carried, carriedBy, mailFacts, taintedBy } from './policy-facts.ts'
import { mayBeOrdered } from './answered-orders.ts'
import { asksFirst } from '../model/standing.ts'
import { allowedForATime, onList } from '../oversight/allow-list.ts'
import { kindsOf } from '../oversight/checks/check.ts'
import { newcomerAmong } from '../oversight/newcomers.ts'
import { type Verdict, sendVerdict } from '../oversight/gate.ts'
import type { Taint } from '../oversight/taint/taint.ts'
import { findAccount } from '../store/accounts.ts'
import type { Db } from '../store/db.ts'
import { type EmailRow, envelopeOf, findingsOf, taintIn, writingKeys } from '../store/emails.ts'
import type { Row } from '../store/schema.ts'
import { standingOf } from '../store/standings.ts'
import { forwardPaths } from './content.ts'
import { type Copies, copiesFor, copiesWanted, namedPaths, withCopies } from './copies.ts'
import type { Proposal } from './proposal.ts'

export type Circumstances = {
  fromName: string | null
  writer: string
  postalAddress: string | null
  copies: Copies
  /** where the parts of the email come from */
  taint: Taint
  verdict: Verdict
  said: OversightSaid
}

/** What follows from the content alone, whoever looks at it and in whatever mode the mailbox is: its HTML, and what the gate asks of it. */
export type Prepared = { html: string; findings: readonly Finding[]; carried: Omit<Carried, 'tainted'> }

/** @param mailbox as it is now. @param seen what the outgoing checks found in this content, what it carries, where its parts come from, and the keys that wrote it. @param now epoch ms */
export async function circumstancesOf(
  db: Db,
  mailbox: Row<'mailboxes'>,
  { content: named, thread, forwards }: Pick<Proposal, 'content' | 'thread' | 'forwards'>,
  { findings, carried, taint, writers }: Pick<Prepared, 'findings' | 'carried'> & { taint: Taint; writers: readonly KeyId[] },
  now: number,
): Promise<Circumstances> {
  const account = await findAccount(db, mailbox.account_id)
  if (account === undefined) throw new Error(`mailbox ${mailbox.id} is of no account`)
  const copies = copiesFor(named, copiesWanted(mailbox, account))
  const verdict = await verdictFor(db, mailbox, {
    recipients: forwardPaths(withCopies(named, copies)),
    named: forwardPaths(named),
    writers,
    thread: thread.id,
    isForward: forwards !== undefined,
    findings,
    carried: { ...carried, tainted: taintedBy(taint) },
    taint,
    now,
  })
  return {
    fromName: mailbox.display_name,
    writer: mailbox.signature_block ?? account.name,
    postalAddress: account.physical_address,
    copies,
    taint,
    verdict,
    said: saying(verdict),
  }
}

/** What the gate has to know of an email. `recipients`: copies included. */
export type Asked = Omit<AskedOfRules, 'listed'> & {
  recipients: readonly Address[]
  /** the keys that wrote it, the one that drafted it too */
  writers: readonly KeyId[]
  /** where its words come from; null: it was not looked at */
  taint: Taint | null
  /** epoch ms */
  now: number
}

/** Whether an agent may send this from a mailbox that is in this mode. */
export async function verdictFor(db: Db, mailbox: Row<'mailboxes'>, asked: Asked): Promise<Verdict> {
  const { id, oversight_mode: mode } = mailbox
  const { recipients, now } = asked
  const rules = policyIn(mailbox)
  const standing = await standingOf(db, id)
  const mustAsk = standing !== undefined && asksFirst(standing.tier)
  const asksForList = (mode === 'gated_send' || mode === 'gated_new') && !mustAsk
  const listed = asksForList || rules.length > 0 ? await onList(db, id, recipients) : nobody
  const policy = rules.length === 0 ? null : judge(rules, await mailFacts(db, id, rules, { ...asked, listed }, now))
  // To a rule that says `listed` these are nobody.
  const others = recipients.map(addressKey).filter((key) => !listed.has(key))
  const forATime = asksForList ? await allowedForATime(db, id, others, asked) : nobody
  const areAllListed = asksForList && recipients.length > 0 && others.every((key) => forATime.has(key))
  const newcomer = mode === 'gated_new' && !mustAsk && !areAllListed ? await newcomerAmong(db, id, asked) : null
  const isOrdered = areAllListed && (await mayBeOrdered(db, mailbox, asked.thread, asked.taint))
  const isListed = { areAllListed, isForATime: others.length > 0, mayBeOrdered: isOrdered }
  return sendVerdict(mode, { mustAsk, ...isListed, newcomer, findings: kindsOf(asked.findings), policy })
}

const nobody: ReadonlySet<string> = new Set()

/** What the gate would have to know of an email that is stored. @param now epoch ms */
export const askedOf = (email: EmailRow, now: number): Asked => ({
  recipients: envelopeOf(email).forwardPaths,
  named: namedPaths(email),
  writers: writingKeys(email),
  thread: email.thread_id,
  // What is passed on leaves at once.
  isForward: false,
  findings: findingsOf(email),
  carried: carriedBy(email),
  taint: taintIn(email) as Taint | null,
  now,
})

/** Whether the rules of today would have two people decide on this email, if it went to this recipient alone. @param now epoch ms */
export async function wouldTakeTwo(db: Db, mailbox: Row<'mailboxes'>, email: EmailRow, recipient: Address, now: number): Promise<boolean> {
  const { id } = mailbox
  const rules = policyIn(mailbox)
  if (rules.length === 0) return false
  const asked = { ...askedOf(email, now), named: [recipient], listed: await onList(db, id, [recipient]) }
  return judge(rules, await mailFacts(db, id, rules, asked, now))?.outcome === 'hold_for_two'
}

/** What is true of an email that leaves after this verdict. */
export const saying = (verdict: Verdict): OversightSaid => (verdict.outcome === 'allow' ? verdict.said : 'approved')

/** True when an email composed in the one says in the other what is so. */
export const areSame = (one: Circumstances, other: Circumstances): boolean =>
  JSON.stringify(essence(one)) === JSON.stringify(essence(other))

const essence = ({ fromName, writer, postalAddress, copies, verdict, said }: Circumstances) => [
  fromName,
  writer,
  postalAddress,
  copies.cc,
  copies.bcc,
  verdict.outcome,
  said,
]
