/** Looks up what each mailbox knows that bears on an arriving message: of its author, of such words, of the conversation it joins. */
import { type ThreadClues, ancestorIds, findThreadOf } from '../../mailbox/threading.ts'
import { spamProbability, statisticalReason, tenanciesWithOpinion } from '../../mailbox/spam-filter.ts'
import type { HeaderAddress } from '../../model/email.ts'
import type { MailboxId } from '../../model/ids.ts'
import type { Reason } from '../../model/reason.ts'
import type { Tenancy } from '../../model/world.ts'
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

/** What the filter of each account says in each world, asked once for each. */
async function learnedBy(db: Db, mailboxIds: readonly MailboxId[], parsed: ParsedMessage): Promise<Map<MailboxId, Reason | null>> {
  const tenancies = await tenanciesWithOpinion(db, mailboxIds)
  const letter = {
    subject: parsed.subject,
    fromAddress: parsed.from?.address ?? '',
    fromName: parsed.from?.name ?? null,
    markdown: parsed.markdown,
  }
  const nameOf = ({ accountId, world }: Tenancy): string => `${accountId} ${world}`
  const reasons = new Map<string, Reason | null>()
  for (const [name, tenancy] of new Map([...tenancies.values()].map((one) => [nameOf(one), one])))
    reasons.set(name, statisticalReason(await spamProbability(db, tenancy, letter)))
  return new Map([...tenancies].map(([id, tenancy]) => [id, reasons.get(nameOf(tenancy)) ?? null]))
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
