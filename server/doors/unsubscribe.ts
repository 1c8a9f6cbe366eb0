/** The page behind the link in a message's header, for people and for mail programs (RFC 8058). Who opens it changes nothing; who posts to it does. */
import type { FastifyInstance, FastifyReply } from 'fastify'

export const unsubscribeRoute = '/v1/unsubscribe/:token'

/** `List-Unsubscribe=One-Click`, as a form; what else somebody posts does not matter either. */
const largestBody = 4096
const longestToken = 200

/** @param unsubscribe does what the token says, if it is one of ours; the answer does not tell */
export function serveUnsubscribe(app: FastifyInstance, unsubscribe: (token: string) => Promise<void>): void {
  void app.register(async (forms) => {
    forms.removeAllContentTypeParsers()
    forms.addContentTypeParser('*', { parseAs: 'string', bodyLimit: largestBody }, (_request, _body, done) => done(null, null))
    forms.get(unsubscribeRoute, async (_request, reply) => page(reply, question))
    forms.post(unsubscribeRoute, { bodyLimit: largestBody }, async (request, reply) => {
      const { token } = request.params as { token: string }
      if (token.length <= longestToken) await unsubscribe(token)
      return page(reply, answer)
    })
  })
}

/** Nothing of the request is in the page, and nothing of it runs; the one form goes back to where it came from. */
const page = (reply: FastifyReply, body: string): FastifyReply =>
  reply
    .header(
      'content-security-policy',
      "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; sandbox allow-forms",
    )
    .header('x-robots-tag', 'noindex')
    .type('text/html; charset=utf-8')
    .send(
      `<!doctype html><html lang="en"><head><title>Unsubscribe</title><meta name="viewport" content="width=device-width"></head><body>${body}</body></html>`,
    )

const question =
  '<h1>Unsubscribe</h1><p>You will get no more mail from this sender.</p>' +
  '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click"><button>Unsubscribe</button></form>'
const answer = '<h1>Done</h1><p>You will get no more mail from this sender.</p>'
