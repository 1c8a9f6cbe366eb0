import { z } from 'zod'
import { type Address, parseAddress } from '../model/address.ts'
import { type ContactId, type DeliveryId, type EmailId, type ReportId, type SuppressionId, type WebhookId, isId } from '../model/ids.ts'
import { maxAttachments, maxMarkdownLength, maxRecipients, maxSubjectLength } from '../model/letter-limits.ts'
import { isMediaType } from '../model/media-type.ts'
import { OperationError } from './errors.ts'
import { badCursor } from './problem.ts'

/** Fields that several operations take, parsed once; limits are the public API's where it has any. */

const maxIdLength = 64
const maxAddressLength = 254
/** Of all attachments of one mail, decoded. Base64 and the rest of the request fit in the body limit of the doors. */
const maxAttachmentBytes = 25 * 1024 * 1024
const maxFileNameLength = 255
const maxContentTypeLength = 127

// PostgreSQL text cannot hold a NUL; a comparison with one would be an error of the database.
const hasNoNul = (text: string): boolean => !text.includes('\0')
const noNul = 'must not hold NUL characters'

export const MailboxRef = z
  .string()
  .min(1)
  .max(maxAddressLength)
  .refine(hasNoNul, noNul)
  .describe('Id or address of a mailbox, from list_mailboxes. May be left out when the key has only one mailbox.')
export const EmailRef = z.string().min(1).max(maxIdLength).describe('Id of an email, e.g. em_01J…')
export const ThreadRef = z.string().min(1).max(maxIdLength).describe('Id of a thread, e.g. thr_01J…')

export const DeliveryRef = z.string().min(1).max(maxIdLength).describe('Id of a delivery, from list_queue, e.g. dlv_01J…')

export const noNulText = (longest: number) => z.string().max(longest).refine(hasNoNul, noNul)
export const WebhookRef = z.string().min(1).max(maxIdLength).describe('Id of a webhook, from list_webhooks, e.g. whk_01J…')
export const WebhookDeliveryRef = z
  .string()
  .min(1)
  .max(maxIdLength)
  .describe('Id of a delivery to a webhook, from list_webhook_deliveries, e.g. wdl_01J…')

/** A text of the caller's own that is kept: whole characters, as UTF-8 can carry them. */
export const PlainText = (longest: number) =>
  z
    .string()
    .max(longest)
    .refine(hasNoNul, noNul)
    .refine((text) => text.isWellFormed(), 'must not hold half a surrogate pair')

export const TagKey = PlainText(64).min(1)
export const TagValue = PlainText(256)

/** Part of a text to look for. */
export const SearchText = z.string().min(1).max(200).refine(hasNoNul, noNul)

const isInstant = z.union([z.iso.datetime({ offset: true }), z.iso.date()])

/** Where "newer" begins: behind an email, or at a time (epoch ms). */
export type Since = { email: EmailId } | { at: number }
/** An email the caller may not see divides newer from older as well. */
export const SinceRef = z
  .string()
  .max(maxIdLength)
  .transform((text, ctx): Since => {
    if (isId('email', text)) return { email: text }
    if (isInstant.safeParse(text).success) return { at: Date.parse(text) }
    ctx.addIssue({ code: 'custom', message: 'must be the id of an email, e.g. em_01J…, or an ISO 8601 time' })
    return z.NEVER
  })

/** One address, as it is written. */
export const AddressText = z
  .string()
  .max(maxAddressLength)
  .transform((text, ctx): Address => {
    const address = parseAddress(text.trim())
    if (address !== null) return address
    ctx.addIssue({ code: 'custom', message: 'not an email address; write only local-part@domain, without a display name' })
    return z.NEVER
  })

export const Recipients = z.array(AddressText).max(maxRecipients)

/** One line: a line break here would begin another header field. */
export const Subject = z
  .string()
  .max(maxSubjectLength)
  .refine((text) => !/\p{Cc}/u.test(text), 'must be one line without control characters')

export const Markdown = z.string().max(maxMarkdownLength).refine(hasNoNul, noNul)

// A repeated group, as in `(?:[…]{4})*`, exhausts the stack on a text of megabytes; a repeated class does not.
const isBase64 = (text: string): boolean => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)
/** @param most octets, decoded */
export const Base64 = (most: number) =>
  z
    .string()
    .max(Math.ceil(most / 3) * 4)
    .transform((text, ctx): Buffer => {
      if (isBase64(text)) return Buffer.from(text, 'base64')
      ctx.addIssue({ code: 'custom', message: 'not base64 (RFC 4648 §4, with padding, without line breaks)' })
      return z.NEVER
    })

const Attachment = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(maxFileNameLength)
      .refine((text) => !/[\p{Cc}/\\]/u.test(text), 'must be a file name, without a path and control characters'),
    content_type: z.string().max(maxContentTypeLength).refine(isMediaType, 'must be a media type such as application/pdf'),
    content_base64: Base64(maxAttachmentBytes),
  })
  .transform(({ name, content_type, content_base64 }) => ({ name, contentType: content_type, content: content_base64 }))

export const Attachments = z
  .array(Attachment)
  .max(maxAttachments)
  .refine(
    (all) => all.reduce((sum, one) => sum + one.content.length, 0) <= maxAttachmentBytes,
    `together more than ${maxAttachmentBytes} bytes`,
  )

export const IdempotencyKey = z
  .string()
  .min(1)
  .max(200)
  .refine((text) => /^[!-~]+$/.test(text), 'must be printable US-ASCII without spaces')
  .describe(
    'Any text of your own that names this one mail. Sending it again with the same key, at any later time, sends nothing and answers with the first result.',
  )

export const Limit = z.int().min(1).max(100)

/** `key` is what a listing continues behind; base64url, so that nobody is tempted to build one. */
export const cursorAt = (key: string): string => Buffer.from(`1:${key}`).toString('base64url')
const readCursor = (text: string): string | null => {
  const plain = Buffer.from(text, 'base64url').toString()
  return plain.startsWith('1:') && cursorAt(plain.slice(2)) === text ? plain.slice(2) : null
}

const maxCursorLength = 200
const cursorOf = <T>(parse: (key: string) => T | null) =>
  z
    .string()
    .max(maxCursorLength)
    .transform((text, ctx): T => {
      const key = readCursor(text)
      const position = key === null ? null : parse(key)
      if (position !== null) return position
      ctx.addIssue({ code: 'custom', message: badCursor })
      return z.NEVER
    })
    .describe('The "cursor" of the answer before, unchanged, for the next page')

export const EmailCursor = cursorOf((key): EmailId | null => (isId('email', key) ? key : null))
export const SuppressionCursor = cursorOf((key): SuppressionId | null => (isId('suppression', key) ? key : null))
export const WebhookCursor = cursorOf((key): WebhookId | null => (isId('webhook', key) ? key : null))
export const ReportCursor = cursorOf((key): ReportId | null => (isId('report', key) ? key : null))
const queuePlace = /^(\d{1,15}) (dlv_\w{1,60})$/
export const ContactCursor = cursorOf((key): ContactId | null => (isId('contact', key) ? key : null))
export const QueueCursor = cursorOf((key): { at: number; id: DeliveryId } | null => {
  const [, at, id = ''] = queuePlace.exec(key) ?? []
  return isId('delivery', id) ? { at: Number(at), id } : null
})
export const SeqCursor = cursorOf((key): number | null => (/^\d{1,15}$/.test(key) ? Number(key) : null))

/** A time (epoch ms) and an entry of the log. */
export const SeenCursor = cursorOf((key): { at: number; seq: number } | null => {
  const [, at, seq] = /^(\d{1,15}) (\d{1,15})$/.exec(key) ?? []
  return at === undefined || seq === undefined ? null : { at: Number(at), seq: Number(seq) }
})

const exportPlace = /^\d{1,15} \d{1,15} [01] [a-z_]{1,20} \w{0,60}$/
/** As it was given out; operations/export.ts reads it. */
export const ExportCursor = cursorOf((key): string | null => (exportPlace.test(key) ? key : null))

/** As epoch ms. The pattern of the standard stays out of the schema that a model has to read. */
export const Instant = z
  .string()
  .max(40)
  .transform((text, ctx): number => {
    if (isInstant.safeParse(text).success) return Date.parse(text)
    ctx.addIssue({ code: 'custom', message: 'must be an ISO 8601 time with a zone, or a date' })
    return z.NEVER
  })
  .describe('ISO 8601 time such as 2026-01-31T08:00:00Z; a plain date is its first moment in UTC')

const furthestMs = 366 * 86_400_000
/** When an email is to leave. */
export const SendAt = Instant.describe('Not before this time, ISO 8601 such as 2026-01-31T08:00:00Z; a time that is past means at once')
export function refuseTooFar(sendAt: number, now: number): void {
  if (sendAt > now + furthestMs) throw new OperationError('BAD_INPUT', undefined, [{ path: 'send_at', message: 'must be within a year' }])
}
