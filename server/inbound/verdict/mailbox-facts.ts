/** Looks up what each mailbox knows that bears on an arriving message: of its author, of such words, of the conversation it joins. */
import { type ThreadClues, ancestorIds, findThreadOf } from '../../mailbox/threading.ts'
import { accountsWithOpinion, spamProbability, statisticalReason } from '../../mailbox/spam-filter.ts'
import type { HeaderAddress } from '../../model/email.ts'
import type { AccountId, MailboxId } from '../../model/ids.ts'
import type { Reason } from '../../model/reason.ts'
import { type Correspondence, correspondenceWith, noCorrespondence } from '../../store/correspondents.ts'
import type { Db } from '../../store/db.ts'
import { type Participation, emailsByMessageId, headerAddresses, participationIn } from '../../store/emails.ts'
import { judgeConversation } from '../content/conversation.ts'
import { judgeAuthor } from '../content/known-author.ts'
import { knownNames } from './known-names.ts'
import type { ParsedMessage } from '../message/parsed-message.ts'
import type { MailboxFacts } from './message-facts.ts'

/** Of a long conversation the newest emails say who takes part. */
const mostEmails = 50

/** @returns for each of the mailboxes; one that was deleted meanwhile knows nothing */
export async function findMailboxFacts(
  db: Db,
  mailboxIds: readonly MailboxId[],
  parsed: ParsedMessage,
): Promise<Map<MailboxId, MailboxFacts>> {
  const [histories, learned] = await Promise.all([
    parsed.from === null ? new Map<MailboxId, never>() : correspondenceWith(db, mailboxIds, parsed.from.address),
    learnedBy(db, mailboxIds, parsed),
  ])
  const facts = new Map<MailboxId, MailboxFacts>()
  for (const id of mailboxIds) {
    const history = histories.get(id) ?? noCorrespondence
    const conversation = [...(await newAuthorAt(db, id, parsed, history)), ...(await conversationIn(db, id, parsed))]
    facts.set(id, { history, learned: learned.get(id) ?? null, conversation })
  }
  return facts
}

/** Whom a mailbox has not heard of before may look like somebody whom it has. */
const newAuthorAt = async (db: Db, id: MailboxId, { from }: ParsedMessage, { received, sent }: Correspondence): Promise<Reason[]> =>
  from === null || received + sent > 0 ? [] : judgeAuthor(from, await knownNames(db, id))

/** What the filter of each account says, asked once for each account. */
async function learnedBy(db: Db, mailboxIds: readonly MailboxId[], parsed: ParsedMessage): Promise<Map<MailboxId, Reason | null>> {
  const accounts = await accountsWithOpinion(db, mailboxIds)
  const letter = {
    subject: parsed.subject,
    fromAddress: parsed.from?.address ?? '',
    fromName: parsed.from?.name ?? null,
    markdown: parsed.markdown,
  }
  const reasons = new Map<AccountId, Reason | null>()
  for (const account of new Set(accounts.values())) reasons.set(account, statisticalReason(await spamProbability(db, account, letter)))
  return new Map([...accounts].map(([id, account]) => [id, reasons.get(account) ?? null]))
}

async function conversationIn(db: Db, mailboxId: MailboxId, parsed: ParsedMessage): Promise<Reason[]> {
  const { from, replyTo, to, cc, subject, inReplyTo, references } = parsed
  const clues: ThreadClues = { inReplyTo, references, subject }
  const ids = ancestorIds(clues)
  if (ids.length === 0) return []
  const found = await emailsByMessageId(db, mailboxId, ids)
  const threadId = findThreadOf(
    clues,
    found.toReversed().map((row) => ({ threadId: row.thread_id, messageId: row.message_id ?? '', subject: row.subject })),
  )
  if (threadId === null) return []
  const threadSubject = found.find(({ thread_id }) => thread_id === threadId)?.subject ?? ''
  const participants = participantsIn(await participationIn(db, threadId, mostEmails))
  return judgeConversation({ from, replyTo, to, cc, participants, threadSubject, subject })
}

/** Each once, by address. */
function participantsIn(emails: readonly Participation[]): HeaderAddress[] {
  const people = new Map<string, HeaderAddress>()
  const add = (one: HeaderAddress): void => void (people.has(one.address.toLowerCase()) || people.set(one.address.toLowerCase(), one))
  for (const { from_address, from_name, to_json, cc_json } of emails) {
    if (from_address !== '') add({ address: from_address, ...(from_name !== null && { name: from_name }) })
    for (const one of [...headerAddresses(to_json), ...headerAddresses(cc_json)]) add(one)
  }
  return [...people.values()]
}
