import { z } from 'zod'
import { concernsOf, fileConcerns, lookedAtBytes, typeByContent } from '../model/file-type.ts'
import { attachmentsOf } from '../store/attachments.ts'
import type { Db, Store } from '../store/db.ts'
import type { EmailRow } from '../store/emails.ts'
import type { Row } from '../store/schema.ts'
import { readableEmail } from './access.ts'
import { OperationError } from './errors.ts'
import { EmailRef, MailboxRef } from './input.ts'
import type { Call } from './procedure.ts'
import { OutsideText } from './views.ts'

const longestName = 1000

/** How operations name one attachment. */
export const attachmentRef = {
  email_id: EmailRef,
  mailbox_id: MailboxRef.exactOptional(),
  filename: z.string().min(1).max(longestName).exactOptional().describe('Its name in read_email; the first one of that name'),
  index: z.int().min(0).max(10_000).exactOptional().describe('Its index in read_email, for when names repeat'),
}
type Asked = { email_id: string; mailbox_id?: string; filename?: string; index?: number }
export const isNamed = (input: Asked): boolean => input.filename !== undefined || input.index !== undefined
export const notNamed = 'give filename or index'

export type Attached = { email: EmailRow; attachment: Row<'attachments'> }

/** Throws when this caller may not read it, or there is none such. */
export async function askedAttachment(db: Db, { actor }: Call, asked: Asked): Promise<Attached> {
  const email = await readableEmail(db, actor, asked.email_id, asked.mailbox_id)
  const attachment = (await attachmentsOf(db, [email.id])).find((one) => isAsked(one, asked))
  if (attachment === undefined) throw new OperationError('ATTACHMENT_NOT_FOUND')
  return { email, attachment }
}

const isAsked = (one: Row<'attachments'>, asked: Asked): boolean =>
  (asked.index === undefined || one.position === asked.index) && (asked.filename === undefined || one.name === asked.filename)

/** What an attachment is: as its sender says, and as its first bytes say. */
export const attachmentFacts = {
  email_id: z.string(),
  index: z.int(),
  filename: OutsideText,
  content_type: OutsideText.describe('As its sender declares it'),
  real_type: z.string().nullable().describe('What its first bytes are; null when they do not tell, as of plain text'),
  concerns: z
    .array(z.enum(fileConcerns))
    .describe('Why to be careful: of another type than declared, a program, a web page, a name that hides what it is'),
  sha256: z.string().describe('Of the content, lower-case hex'),
}
export type AttachmentFacts = z.infer<z.ZodObject<typeof attachmentFacts>>

/** Outside of any transaction: a large content is a file. */
export async function realTypeOf(store: Store, { blob_hash }: Row<'attachments'>): Promise<string | null> {
  const head = await store.blobs.head(store.db, blob_hash, lookedAtBytes)
  if (head === null) throw new Error(`no blob ${blob_hash} for an attachment`)
  return typeByContent(head)
}

export const factsOf = (one: Row<'attachments'>, realType: string | null): AttachmentFacts => ({
  email_id: one.email_id,
  index: one.position,
  filename: one.name,
  content_type: one.content_type,
  real_type: realType,
  concerns: concernsOf({ name: one.name, contentType: one.content_type }, realType),
  sha256: one.blob_hash,
})
