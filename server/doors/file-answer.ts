import type { FastifyReply } from 'fastify'
import { savableName } from '../model/file-names.ts'
import { isMediaType } from '../model/media-type.ts'

/** Heads an answer with the bytes of a stranger's file. No browser may render it on our origin: attachment (RFC 6266), nosniff, and a policy
 *  that would run nothing. @param file.contentType as it was declared, untrusted */
export function headFile(reply: FastifyReply, { name, contentType }: { name: string; contentType: string }): FastifyReply {
  return reply
    .header('content-type', isMediaType(contentType) ? contentType : 'application/octet-stream')
    .header('content-disposition', `attachment; filename="attachment"; filename*=UTF-8''${extendedValue(savableName(name))}`)
    .header('x-content-type-options', 'nosniff')
    .header('content-security-policy', "default-src 'none'; frame-ancestors 'none'; sandbox")
    .header('x-download-options', 'noopen')
}

/** RFC 8187 §3.2.1 ext-value characters; everything else percent-encoded as UTF-8. */
const extendedValue = (text: string): string =>
  encodeURIComponent(text.toWellFormed()).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
