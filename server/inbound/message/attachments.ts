/** The parts of a message that are files rather than text. Their names and types are claims of the sender. */
import type { Attachment } from 'postal-mime'
import { isMediaType } from '../../model/media-type.ts'
import type { MessageFlag, ParsedAttachment } from './parsed-message.ts'
import { cleanLine } from './text.ts'

const maxAttachments = 200
const maxName = 200
const maxContentId = 400

/** The first attachments in order; what is beyond the limit is in the raw message only, and flagged. */
export function readAttachments(parts: readonly Attachment[]): { list: ParsedAttachment[]; flags: MessageFlag[] } {
  const list = parts.slice(0, maxAttachments).map((part, index) => ({
    name: nameOf(part, index),
    contentType: isMediaType(part.mimeType) ? part.mimeType : 'application/octet-stream',
    content: bytesOf(part.content),
    contentId: part.contentId === undefined ? null : cleanLine(part.contentId, maxContentId),
    isInline: part.related === true || (part.disposition === 'inline' && part.mimeType.startsWith('image/')),
  }))
  return { list, flags: parts.length > maxAttachments ? ['too-many-attachments'] : [] }
}

const bytesOf = (content: Attachment['content']): Uint8Array =>
  typeof content === 'string' ? Buffer.from(content) : new Uint8Array(content)

/** Never a path, and never only dots. */
function nameOf(part: Attachment, index: number): string {
  const name = cleanLine(part.filename ?? '', maxName).replace(/[/\\]/g, '_')
  return /^\.*$/.test(name) ? `attachment-${index + 1}` : name
}
