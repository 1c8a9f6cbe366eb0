/** What an email is composed and judged by besides its content: its mailbox and account as they are, whom the gate has to be told of, who gets copies. Looked
 *  up before it is composed, and again in the transaction that files it: when they differ it is composed anew. */
import type { Address } from '../model/address.ts'
import type { OversightMode, OversightSaid } from '../model/email.ts'
import { asksFirst } from '../model/standing.ts'
import { areAllListed } from '../oversight/allow-list.ts'
import { type Verdict, sendVerdict } from '../oversight/gate.ts'
import type { Taint } from '../oversight/taint/taint.ts'
import { findAccount } from '../store/accounts.ts'
import type { Db } from '../store/db.ts'
import type { Row } from '../store/schema.ts'
import { standingOf } from '../store/standings.ts'
import { type Content, forwardPaths } from './content.ts'
import { type Copies, copiesFor, copiesWanted } from './copies.ts'

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

/** @param mailbox as it is now. @param named whom the agent names. @param taint as it was looked up for this content (taint.ts) */
export async function circumstancesOf(
  db: Db,
  mailbox: Row<'mailboxes'>,
  named: Pick<Content, 'to' | 'cc' | 'bcc'>,
  taint: Taint,
): Promise<Circumstances> {
  const account = await findAccount(db, mailbox.account_id)
  if (account === undefined) throw new Error(`mailbox ${mailbox.id} is of no account`)
  const copies = copiesFor(named, copiesWanted(mailbox, account))
  const verdict = await verdictFor(
    db,
    mailbox,
    forwardPaths({ ...named, cc: [...named.cc, ...copies.cc], bcc: [...named.bcc, ...copies.bcc] }),
  )
  return {
    fromName: mailbox.display_name,
    writer: mailbox.signature_block ?? account.name,
    postalAddress: account.physical_address,
    copies,
    taint,
    verdict,
    said: saying(mailbox.oversight_mode, verdict),
  }
}

/** Whether an agent may send to these recipients, copies included, from a mailbox that is in this mode. */
export async function verdictFor(
  db: Db,
  { id, oversight_mode }: Pick<Row<'mailboxes'>, 'id' | 'oversight_mode'>,
  recipients: readonly Address[],
): Promise<Verdict> {
  const standing = await standingOf(db, id)
  const mustAsk = standing !== undefined && asksFirst(standing.tier)
  return sendVerdict(oversight_mode, {
    mustAsk,
    areAllListed: oversight_mode === 'gated_send' && !mustAsk && (await areAllListed(db, id, recipients)),
  })
}

/** What is true of an email that leaves a mailbox of this mode after this verdict. */
export const saying = (mode: OversightMode, verdict: Verdict): OversightSaid =>
  verdict.outcome !== 'allow' ? 'approved' : mode === 'monitored' || mode === 'autonomous' ? mode : 'allow_listed'

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
