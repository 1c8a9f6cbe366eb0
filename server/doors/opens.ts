/** The image that tells that a message was opened: for everybody the same, whatever they ask for. */
import type { FastifyInstance } from 'fastify'

export const openRoute = '/v1/o/:file'

// One transparent pixel (GIF89a).
const pixel = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64')

/** @param note takes down that the image of this token was asked for, if it is one of ours; the answer does not tell */
export function serveOpens(app: FastifyInstance, note: (token: string, headers: Record<string, unknown>) => Promise<void>): void {
  app.get(openRoute, async (request, reply) => {
    const token = /^([0-9a-f]{32})\.gif$/.exec((request.params as { file: string }).file)?.[1]
    if (token !== undefined) await note(token, request.headers)
    return (
      reply
        .header('cache-control', 'no-store, max-age=0')
        // It is shown inside the pages of webmail.
        .header('cross-origin-resource-policy', 'cross-origin')
        .type('image/gif')
        .send(pixel)
    )
  })
}
