/** What is known of an arriving message when it is judged: plain data, looked up in facts.ts, so that judging asks nobody. */
import type { ReverseResult } from '../../../dns/reverse.ts'
import type { Address } from '../../model/address.ts'
import type { Reason } from '../../model/reason.ts'
import type { AuthenticationResults } from '../../model/verdict.ts'
import type { ScanReport } from '../scanners/scanner.ts'

/** An ARC chain that holds (RFC 8617 §5.2): who sealed it, the first to do so first, and what that one says DMARC had found and of whom.
 *  Anybody can make one, so it is worth what its sealers are worth. */
export type ArcChain = { sealers: readonly string[]; first: { dmarc: string; author: string | null } }

/** `author`: whether the From fields name one domain. `unsure`: a look-up that SPF or DKIM needed failed for now.
 *  `chain` null: there is no ARC chain, or it does not hold. */
export type Authentication = {
  results: AuthenticationResults
  author: 'one' | 'none' | 'many'
  unsure: boolean
  chain: ArcChain | null
}

/** Whether the address of the client has a name that leads back to it (RFC 8601 §2.7.3). `unknown`: the DNS did not say, or was not asked. */
export type ClientReverse = ReverseResult['kind']

/** What the client called itself: `ours`, our own name or address; `no-name`, neither a full name nor its own address (RFC 5321 §4.1.4). */
export type Helo = 'plausible' | 'no-name' | 'ours'

/** A block list that has the client's address. */
export type Listing = { list: string; points: number }

/** Signs that somebody passed the message on and so broke its signatures: a mailing list, or a forwarder that sealed what it had verified.
 *  `trusted`: one that the operator named. */
export type Detour = { kind: 'list' | 'sealed' | 'correspondent' | 'trusted'; by: string }

export type MessageFacts = {
  authentication: Authentication
  /** the author address that agents are shown; null when there is none */
  shownAuthor: Address | null
  /** false: everybody seems to come from one address, so it says nothing about anybody */
  judgesByIp: boolean
  /** `isStranger`: its address is its own, and one of the internet. Of others nothing is known but that they are plausible. */
  client: { isStranger: boolean; reverse: ClientReverse; helo: Helo; listings: readonly Listing[] }
  /** looked for when the author's domain was not proved */
  detour: Detour | null
  /** how many messages of this sender came in the last hour for the mailbox that got most of them; `limit` null: as many as it likes */
  rate: { lastHour: number; limit: number | null }
  /** no mailbox it is for has had mail from this author before, or written to it */
  firstTime: boolean
  /** what its content shows, as far as it could be read */
  content: readonly Reason[]
  /** false: of its text nothing could be read */
  examined: boolean
  /** what other programs said of it */
  scan: ScanReport
}

/** What a mailbox and the author have to do with each other: emails from them that were let in, those of them that were proved to be theirs,
 *  and emails to them. */
export type SenderHistory = { received: number; verified: number; sent: number }

export type MailboxFacts = {
  history: SenderHistory
  /** what this account's own filter says of its words; null: nothing */
  learned: Reason | null
  /** what is odd about it in its thread, and about an author who is new here */
  conversation: readonly Reason[]
}
