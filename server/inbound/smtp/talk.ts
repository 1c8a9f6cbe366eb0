/** One session as the commands see it: what it knows, and what it may ask of the house and of the connection below. */
import type { Address } from '../../model/address.ts'
import type { Reply } from '../../model/reply.ts'
import type { MemoryBudget } from './memory-budget.ts'
import type { Recipient, RecipientVerdict, SenderVerdict } from '../recipients.ts'
import type { Arrival } from '../arrival.ts'
import type { Answer } from './answers.ts'
import type { Later } from './input.ts'
import type { Intake } from './intake.ts'
import type { LineCheck } from './mail-data.ts'

/** What the protocol needs of the rest of the house. */
export type Host = {
  name: string
  maxMessageBytes: number
  maxRecipients: number
  budget: MemoryBudget
  /** false: the workers or the disk are so far behind that a message had better come later */
  hasTime(): boolean
  judgeSender(path: string): SenderVerdict
  judgeRecipient(path: string, talk: Talk): Promise<RecipientVerdict>
  /** The reply to a complete message. Never rejects. */
  receive(message: Arrival, talk: Talk): Promise<Reply>
  /** A message was refused as it came in. */
  refused(reply: Reply, talk: Talk): void
  /** epoch ms */
  now(): number
}

/** The connection below. */
export type Peer = {
  id: string
  ip: string
  /** null without TLS */
  cipher(): string | null
  /** bytes that came behind the command being answered */
  unread(): number
  saidHello(name: string): void
  mayMail(bytes: number): Reply | null
  /** the octets of a BDAT begin to come */
  receiving(): void
}

/** From MAIL to the end of its message (RFC 5321 §3.3). `transfer`: from DATA or the first BDAT on. */
export type Mail = {
  reversePath: Address | null
  /** by forward-path in lower case, as it was given: who is named twice is one recipient */
  recipients: Map<string, Recipient>
  utf8: boolean
  requireTls: boolean
  size: number
  transfer: Transfer | null
}

/** A message on its way in. `since`: when it began, epoch ms. */
export type Transfer = { intake: Intake; lines: LineCheck; since: number }

/** One session. */
export type Talk = {
  readonly host: Host
  readonly peer: Peer
  /** how many transactions have begun */
  transactions: number
  /** null before EHLO or HELO, and again after STARTTLS */
  hello: { name: string; extended: boolean } | null
  mail: Mail | null
  /** What follows when the octets being read are complete. */
  whenTaken: (() => Later<Answer>) | null
}

export const createTalk = (host: Host, peer: Peer): Talk => ({ host, peer, transactions: 0, hello: null, mail: null, whenTaken: null })

/** RFC 3207 §4.2: what was said in the clear is forgotten. */
export function forget(talk: Talk): void {
  endMail(talk)
  talk.hello = null
}

/** The transaction is over, or its sender is gone. */
export function endMail(talk: Talk): void {
  talk.mail?.transfer?.intake.release()
  talk.mail = null
}
