/** The links of get_attachment_url: whoever has one gets the file, without a key. The token is in the path, which nothing here logs. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { linkedAttachment } from '../operations/attachment-links.ts'
import { OperationError } from '../operations/errors.ts'
import type { Rooms } from '../operations/procedure.ts'
import { isPage } from '../model/file-type.ts'
import type { Downloads } from './downloads.ts'
import { headFile } from './file-answer.ts'
import { createLookups } from './lookups.ts'

export const linkRoute = '/v1/files/:token'

/** Of one address within an hour. */
const mostPerHour = 300

export function serveAttachmentLinks(app: FastifyInstance, rooms: Rooms, downloads: Downloads): void {
  const lookups = createLookups(rooms.clock, mostPerHour)
  app.route({
    method: ['GET', 'HEAD'],
    url: linkRoute,
    async handler(request: FastifyRequest, reply) {
      if (!lookups.take(request.ip)) throw new OperationError('TOO_MANY_DOWNLOADS', undefined, [], lookups.nextAt() - rooms.clock.now())
      const { token } = request.params as { token: string }
      const isRead = request.method === 'GET'
      const claims = rooms.links.read(token)
      if (claims === null) throw new OperationError('LINK_NOT_GOOD')
      if (isRead) downloads.enter(claims.keyId, reply)
      const found = await linkedAttachment(rooms, claims, { isRead })
      // Opened in a browser, on the origin of this server.
      const contentType = [found.content_type, found.real_type ?? ''].some(isPage) ? 'application/octet-stream' : found.content_type
      headFile(reply, { name: found.filename, contentType })
      if (!isRead) return reply.header('content-length', found.size_bytes).send()
      const file = await rooms.store.blobs.open(rooms.store.db, found.sha256)
      if (file === null) throw new Error(`no blob ${found.sha256} behind a link`)
      return downloads.send(reply, file)
    },
  })
}
