/**
 * Looks up what an agent was shown lately, and compares with it what it hands in (taint.ts).
 *
 * What is looked at: the conversation that the mail is filed in; emails and files that the key opened last, and the keys that had
 * a part in it before; those that any agent opened last in the mailbox, for a key that writes may have been told by one that reads; what searches and lists
 * showed these keys last. Each with a limit, and all of them together, so that it costs the same few statements and milliseconds in a large mailbox as in
 * a small one.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { type EmailId, type KeyId, type MailboxId, isId } from '../../model/ids.ts'
import type { Tenancy } from '../../model/world.ts'
import type { Db } from '../../store/db.ts'
import {
  type OpenedFile,
  type Readable,
  type Shown,
  emailsWithFiles,
  lastOpened,
  lastShown,
  openedFiles,
  readableByIds,
  readableOfThread,
} from '../../store/shown.ts'
import { type Comparison, type OutgoingMail, type Source, type Taint, compareWith } from './taint.ts'

/** Entries of the log of each kind. What is only listed shows its subject. */
const opening = { 'email.read': 40, 'thread.read': 5, 'email.raw_read': 5, 'emails.searched': 3 } as const
const openingFile = { 'attachment.text_read': 5, 'attachment.read': 5, 'attachment.linked': 5 } as const
const listing = { 'inbox.listed': 2 } as const
const mostShown = { ...opening, ...openingFile, ...listing }
/** Emails. */
const [mostEmails, mostListed, mostOpened, mostOfThread] = [40, 40, 20, 20]
/** Characters of one email and of one file, and of all that are not of the conversation. */
const longest = { text: 16_384, hidden: 8192 }
const longestFile = 16_384
const mostCharacters = 131_072
/** How many emails of the account may have the files that are handed in. */
const mostWithFiles = 100
/** Then others have their turn. */
const charactersAtOnce = 32_768

/** The keys that had a part in an email: who handed in its draft or wrote it, however long ago. */
export type Written = { composer_id: KeyId | null; drafter_id: KeyId | null }

/** @param actor whose it is, and the key that writes, if one does
 *  @param mailboxId from which it is to be sent @param before what it is an edit of, or the draft that it was; null: it is new */
export async function lookUpTaint(
  db: Db,
  actor: Tenancy & { keyId?: KeyId },
  mailboxId: MailboxId,
  mail: OutgoingMail,
  before: Written | null = null,
): Promise<Taint> {
  const writers = new Set([actor.keyId ?? null, before?.composer_id ?? null, before?.drafter_id ?? null].filter((key) => key !== null))
  const [conversation, shown, opened, withFiles] = await Promise.all([
    readableOfThread(db, mail.threadId, mostOfThread, longest),
    lastShown(db, [...writers], mostShown),
    lastOpened(db, mailboxId, mostOpened, longest),
    emailsWithFiles(db, actor, [...new Set(mail.files.map(({ hash }) => hash))], mostWithFiles),
  ])
  const { ids, listed, files, cutAt } = planOf(shown, opened)
  const [emails, given] = await Promise.all([readableByIds(db, actor, [...ids, ...listed], longest), openedFiles(db, files, longestFile)])
  const comparison = compareWith(mail)
  const budget = createBudget(comparison, cutAt)

  // First: what is known there needs no other origin.
  for (const email of conversation) if (isSaid(email)) await budget.look(email, sourceOf(email, []), { isFree: true })
  const byId = new Map([...opened, ...emails].map((email) => [email.id, email]))
  const filesOf = Map.groupBy(given, ({ email_id }) => email_id)
  for (const id of new Set([...ids, ...opened.map((email) => email.id)])) {
    const email = byId.get(id)
    if (email?.direction !== 'inbound') continue
    const parts = (filesOf.get(id) ?? []).map(partOf)
    if (parts.includes(null)) budget.miss()
    await budget.look(
      email,
      sourceOf(
        email,
        parts.filter((part) => part !== null),
      ),
    )
  }
  const subjects = listed.flatMap((id) => byId.get(id) ?? []).filter(({ direction }) => direction === 'inbound')
  for (const email of subjects) await budget.look(email, subjectOf(email))
  for (const { id, thread_id, mailbox_id, from_address, blob_hash } of withFiles.found)
    comparison.look({ emailId: id, threadId: thread_id, mailboxId: mailbox_id, from: from_address, parts: [], files: [blob_hash] })
  if (withFiles.isCut) budget.miss()
  return comparison.result(budget.search())
}

type Plan = {
  /** to be looked at whole, and by their subject only; what was shown last comes first */
  ids: EmailId[]
  listed: EmailId[]
  /** ids of attachments */
  files: string[]
  /** epoch ms: what was shown before was not asked for; null: nothing was */
  cutAt: number | null
}

function planOf(shown: readonly Shown[], opened: readonly Readable[]): Plan {
  const latestFirst = shown.toSorted((one, other) => other.at - one.at)
  const named = (kinds: object): EmailId[] => {
    const entries = latestFirst.filter(({ action }) => action in kinds)
    return [...new Set(entries.flatMap(({ emailIds }) => emailIds))].filter((id) => isId('email', id))
  }
  const all = named({ ...opening, ...openingFile })
  const ids = all.slice(0, mostEmails)
  const listed = named(listing).filter((id) => !ids.includes(id))
  const ofKeys = [...Map.groupBy(shown, ({ keyId }) => keyId).values()]
  const cuts = Object.entries(mostShown).flatMap(([kind, most]) =>
    ofKeys.flatMap((ofKey) => {
      const entries = ofKey.filter(({ action }) => action === kind)
      return entries.length < most ? [] : [Math.min(...entries.map(({ at }) => at))]
    }),
  )
  if (opened.length === mostOpened) cuts.push(Math.min(...opened.map(({ read_at }) => Number(read_at))))
  if (all.length > ids.length || listed.length > mostListed) cuts.push(latestFirst[0]?.at ?? 0)
  const files = latestFirst.filter(({ action }) => action in openingFile).map(({ resourceId }) => resourceId)
  return { ids, listed: listed.slice(0, mostListed), files: [...new Set(files)], cutAt: cuts.length === 0 ? null : Math.max(...cuts) }
}

/** Of its conversation, what somebody let in or sent: an agent’s own draft explains nothing. */
const isSaid = ({ status }: Readable): boolean => ['unread', 'read', 'spam_flagged', 'sent'].includes(status)

const sourceOf = (email: Readable, files: Source['parts']): Source => ({
  ...subjectOf(email),
  parts: [
    { place: 'visible', text: `${email.subject}\n\n${email.text}` },
    ...(email.hidden === null ? [] : [{ place: 'hidden', text: email.hidden } as const]),
    ...files,
  ],
})

const subjectOf = ({ id, thread_id, mailbox_id, direction, from_address, subject }: Readable): Source => ({
  emailId: id,
  threadId: thread_id,
  mailboxId: mailbox_id,
  from: direction === 'inbound' ? from_address : null,
  parts: [{ place: 'visible', text: subject }],
  files: [],
})

/** Null: it has a text that is not at hand. */
function partOf({ content_type, size, head }: OpenedFile): Source['parts'][number] | null {
  const isText = /^text\/|[/+](?:json|xml|yaml|ics|csv)$/i.test(content_type)
  return !isText || head === null || size > longestFile ? null : { place: 'attachment', text: Buffer.from(head).toString() }
}

/** Looks as long as there is room, and remembers what it had none for. */
function createBudget(comparison: Comparison, cutAt: number | null) {
  let left = mostCharacters
  let atOnce = 0
  let isMissing = false
  return {
    async look(email: Readable, source: Source, { isFree = false } = {}): Promise<void> {
      const size = source.parts.reduce((sum, { text }) => sum + text.length, 0)
      if (!isFree && (left < size || (Number(email.isCut) === 1 && source.parts.length > 0))) isMissing = true
      if (!isFree && left < size) return
      if (!isFree) left -= size
      atOnce += size
      if (atOnce > charactersAtOnce) {
        atOnce = 0
        await turn()
      }
      comparison.look(source)
    },
    miss: () => void (isMissing = true),
    search: () => ({ isCut: isMissing || cutAt !== null, lookedBackTo: isMissing ? null : cutAt }),
  }
}
