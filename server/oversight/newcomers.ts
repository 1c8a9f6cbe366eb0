/**
 * Who of the recipients of an email is new to a mailbox, or to a conversation (the mode gated_new).
 *
 * Promises: a mailbox knows those it has written to, and those whose mail to it was proved to be theirs: a From that anybody can write makes nobody known. In
 * a conversation somebody who is known, and has no part in it, is an outsider to it; to what is passed on everybody is who did not get it before.
 */
import { type Address, addressKey } from '../model/address.ts'
import type { MailboxId, ThreadId } from '../model/ids.ts'
import { knownAmong } from '../store/correspondents.ts'
import type { Db } from '../store/db.ts'
import { participantsOf } from '../store/emails.ts'
import type { SendFacts } from './gate.ts'

/** The last emails of a conversation that are looked at for who has a part in it. */
const mostEmails = 50

type Conversation = { thread: ThreadId; isForward: boolean }

/** @param asked.named whom the agent names; copies that the operator set up are no choice of its */
export async function newcomerAmong(
  db: Db,
  mailbox: MailboxId,
  { named, ...conversation }: Conversation & { named: readonly Address[] },
): Promise<SendFacts['newcomer']> {
  const keys = named.map(addressKey)
  const known = await knownAmong(db, mailbox, keys)
  if (keys.some((key) => !known.has(key))) return 'first_contact'
  const part = await partOf(db, conversation)
  return part === null || keys.every((key) => part.has(key)) ? null : 'outsider'
}

/** Who has a part in a conversation, in the compared form; null when it begins. */
export const partOf = async (db: Db, { thread, isForward }: Conversation): Promise<ReadonlySet<string> | null> =>
  isForward ? new Set() : participantsOf(db, thread, mostEmails)
