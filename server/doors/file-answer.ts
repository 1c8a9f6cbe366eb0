import type { FastifyReply } from 'fastify'
import { isMediaType } from '../model/media-type.ts'
import type { JsonObject } from './shape.ts'

/** The bytes of a download_attachment output. They come from a stranger, so no browser may render them on our origin:
 *  attachment (RFC 6266), nosniff, and a policy that would run nothing. */
export function sendFile(reply: FastifyReply, file: JsonObject): FastifyReply {
  const type = String(file['content_type'])
  return reply
    .header('content-type', isMediaType(type) ? type : 'application/octet-stream')
    .header('content-disposition', `attachment; filename="attachment"; filename*=UTF-8''${extendedValue(String(file['filename']))}`)
    .send(Buffer.from(String(file['content_base64']), 'base64'))
}

/** RFC 8187 §3.2.1 ext-value characters; everything else percent-encoded as UTF-8. */
const extendedValue = (text: string): string =>
  encodeURIComponent(text.toWellFormed()).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
