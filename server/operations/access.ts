import { type Decider, type KeyActor, reaches } from '../model/actor.ts'
import { addressKey } from '../model/address.ts'
import { type MailboxId, isId } from '../model/ids.ts'
import type { Db } from '../store/db.ts'
import { type EmailRow, findEmail } from '../store/emails.ts'
import { findMailbox, listMailboxes, mailboxById } from '../store/mailboxes.ts'
import type { Row } from '../store/schema.ts'
import { findThread } from '../store/threads.ts'
import { OperationError } from './errors.ts'
import { isReadable, seesAll } from './visibility.ts'

/** Rows as one caller may reach them: of its account, its world, and the mailboxes its key is bound to. Anything else is not found; so is
 *  what is in a deleted mailbox, but for those who look after the record. */

/** @param named id or address, any case */
export async function mailboxOf(db: Db, actor: Decider, named: string): Promise<Row<'mailboxes'>> {
  const row = await findMailbox(db, actor, isId('mailbox', named) ? named : addressKey(named))
  if (row === undefined || !reaches(actor, row.id) || !maySee(actor, row)) throw new OperationError('MAILBOX_NOT_FOUND')
  return row
}

/** A deleted mailbox is gone from every list; who knows what it was called may still look when they look after the record. */
const maySee = (actor: Decider, { deleted_at }: Row<'mailboxes'>): boolean => deleted_at === null || seesAll(actor)

async function isInReach(db: Db, actor: Decider, mailboxId: MailboxId): Promise<boolean> {
  if (!reaches(actor, mailboxId)) return false
  const mailbox = seesAll(actor) ? undefined : await mailboxById(db, mailboxId)
  return mailbox === undefined || maySee(actor, mailbox)
}

/** The named mailbox, or the caller's only one when none is named. */
export async function mailboxOrOnly(db: Db, actor: KeyActor, named: string | undefined): Promise<Row<'mailboxes'>> {
  if (named !== undefined) return mailboxOf(db, actor, named)
  const [only, ...others] = await listMailboxes(db, actor, actor.mailboxIds)
  if (only === undefined) throw new OperationError('MAILBOX_NOT_FOUND')
  if (others.length > 0) throw new OperationError('MAILBOX_REQUIRED')
  return only
}

/** Which mailboxes a listing spans: the named one, else all that the key reaches (null is every one of the account). */
export async function mailboxesToList(db: Db, actor: KeyActor, named: string | undefined): Promise<readonly MailboxId[] | null> {
  return named === undefined ? actor.mailboxIds : [(await mailboxOf(db, actor, named)).id]
}

/** @param named the mailbox the caller says it is in; an email of another one is not found */
export async function emailOf(db: Db, actor: Decider, id: string, named?: string): Promise<EmailRow> {
  const row = isId('email', id) ? await findEmail(db, actor, id) : undefined
  if (row === undefined || !(await isInReach(db, actor, row.mailbox_id))) throw new OperationError('EMAIL_NOT_FOUND')
  if (named !== undefined && (await mailboxOf(db, actor, named)).id !== row.mailbox_id) throw new OperationError('EMAIL_NOT_FOUND')
  return row
}

export async function threadOf(db: Db, actor: KeyActor, id: string, named?: string): Promise<Row<'threads'>> {
  const row = isId('thread', id) ? await findThread(db, actor, id) : undefined
  if (row === undefined || !(await isInReach(db, actor, row.mailbox_id))) throw new OperationError('THREAD_NOT_FOUND')
  if (named !== undefined && (await mailboxOf(db, actor, named)).id !== row.mailbox_id) throw new OperationError('THREAD_NOT_FOUND')
  return row
}

/** An email whose text this caller may have. What a reviewer has not let in, or has refused, is not found (contract §14 A20). */
export async function readableEmail(db: Db, actor: Decider, id: string, named?: string): Promise<EmailRow> {
  const row = await emailOf(db, actor, id, named)
  if (!isReadable(actor, row)) throw new OperationError('EMAIL_NOT_FOUND')
  return row
}
