/** What a message says about itself, read once. Everything in it was written by a stranger. */
import type { HeaderAddress } from '../../model/email.ts'

/** What is odd about a message, for the operator and the agent to know. Stored with the email. */
export const messageFlags = [
  // the message could not be read as MIME: only header fields were, or nothing
  'unparsable',
  'parse-timeout',
  'parse-failed',
  'mime-too-deep',
  'mime-headers-too-large',
  'too-many-parts',
  // it was read, and something was left out or mended
  'header-truncated',
  'mime-truncated',
  'too-many-attachments',
  'addresses-truncated',
  'text-truncated',
  'undecodable-text',
  'html-simplified',
  // it says something that needs care
  'hidden-text',
  'invisible-characters',
  'no-from',
  'multiple-from',
  'no-sender',
  'from-unreadable',
  'from-ambiguous',
] as const
export type MessageFlag = (typeof messageFlags)[number]

export type ParsedAttachment = {
  /** as the sender wrote it, without control characters and path separators; names may repeat */
  name: string
  contentType: string
  content: Uint8Array
  contentId: string | null
  /** shown within the text rather than beside it */
  isInline: boolean
}

/** Ids keep their angle brackets, References oldest first. `subject` has its prefixes. Times: epoch ms. */
export type ParsedMessage = {
  subject: string
  /** the first author whose address can be read; null when there is none */
  from: HeaderAddress | null
  replyTo: HeaderAddress[]
  to: HeaderAddress[]
  cc: HeaderAddress[]
  messageId: string | null
  inReplyTo: string[]
  references: string[]
  sentAt: number | null
  markdown: string
  extracted: string
  attachments: ParsedAttachment[]
  flags: MessageFlag[]
}

/** A message of which nothing could be read. It is stored all the same. */
export const unreadMessage = (flags: MessageFlag[]): ParsedMessage => ({
  subject: '',
  from: null,
  replyTo: [],
  to: [],
  cc: [],
  messageId: null,
  inReplyTo: [],
  references: [],
  sentAt: null,
  markdown: '',
  extracted: '',
  attachments: [],
  flags,
})

/** What the text of a message was offered as; '' where it was not. */
export type TextSource = { plain: string; html: string; forwarded: boolean }

/** A message whose text is still to be made. `subject` as written, before anything invisible was taken out. */
export type UnreadText = { message: ParsedMessage; source: TextSource; subject: string }
