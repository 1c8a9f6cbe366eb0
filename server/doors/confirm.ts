/**
 * Where the operator of a new account gets their own keys: a page into which they type the code that was mailed to them and to nobody else. The code for agents
 * does nothing here, and theirs nothing in the API, so neither is handed over by mistake. Looking at a page changes nothing (link scanners look at every link).
 */
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Rooms } from '../operations/procedure.ts'
import { OperationError, errors, unwrap } from '../operations/errors.ts'
import { networkOf } from './lookups.ts'
import { escaped, plainStyle, sendPage } from './pages.ts'

export const confirmRoute = '/confirm'
type Confirmed = Extract<Awaited<ReturnType<Rooms['signups']['confirm']>>, { ok: true }>['value']

/** As the hosted service names them. */
export const confirmRedirects = ['/v1/confirm', '/v1/confirm/:code'] as const

const largestBody = 4096
const longestCode = 32

export function serveConfirm(app: FastifyInstance, { signups }: Pick<Rooms, 'signups'>): void {
  if (signups.kind === 'off') return
  void app.register(async (forms) => {
    forms.removeAllContentTypeParsers()
    forms.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string', bodyLimit: largestBody }, (_request, body, done) =>
      done(null, String(body)),
    )
    for (const url of confirmRedirects)
      // Without the code: an address is kept in histories and logs.
      forms.get(url, async (_request, reply) => reply.code(302).header('location', confirmRoute).send({ location: confirmRoute }))
    forms.get(confirmRoute, async (_request, reply) => page(reply, form(null)))
    forms.post(confirmRoute, { bodyLimit: largestBody }, async (request, reply) => {
      const code = new URLSearchParams(typeof request.body === 'string' ? request.body : '').get('code') ?? ''
      try {
        const confirmed = unwrap(await signups.confirm(networkOf(request.ip), 'owner', code.slice(0, longestCode)))
        return await page(reply, keysOf(confirmed))
      } catch (error) {
        if (!(error instanceof OperationError)) throw error
        if (error.retryAfterMs !== undefined) reply.header('retry-after', String(Math.ceil(error.retryAfterMs / 1000)))
        return page(reply.code(errors[error.code].http), form(error))
      }
    })
  })
}

const page = (reply: FastifyReply, body: string): FastifyReply =>
  sendPage(reply.header('x-robots-tag', 'noindex'), { title: 'Your MultiMail account', body, style, forms: true })

const style = `${plainStyle}input{font:inherit;padding:.3rem}.bad{color:#c00}`

const form = (wrong: OperationError | null): string => `<h1>Your MultiMail account</h1>
${wrong === null ? '' : `<p class="bad">${escaped(wrong.code === 'SIGNUP_NOT_FOUND' ? notFound : wrong.message)}</p>`}
<p>Type the code that your letter calls yours. You get two keys: one with which you decide on what your agent wants to send, and one with which you look
after the account. Do not have an agent type it: whoever has these keys is you.</p>
<form method="post" action="${confirmRoute}"><p><label>Your code <input name="code" required maxlength="${longestCode}" autocomplete="off" spellcheck="false"></label>
<button>Show my keys</button></p></form>`

const notFound =
  'This code leads to no account. Take the one that the newest letter calls yours. It is good once, for a day, and once more within ten minutes while its keys are unused. The code for the agent is for the agent.'

function keysOf({ name, mailbox, mode, keys }: Confirmed): string {
  if (!('admin' in keys)) throw new Error('a code of an operator gave other keys')
  return `<h1>Your keys</h1>
<p>They are shown this once and are not kept here. Store them where no agent reads.</p>
<dl><dt>To decide on mail (read, oversight)</dt><dd><code>${escaped(keys.reviewer.key)}</code></dd>
<dt>To look after the account (admin)</dt><dd><code>${escaped(keys.admin.key)}</code></dd>
<dt>Account</dt><dd>${escaped(name)}</dd><dt>Mailbox of the agent</dt><dd>${escaped(mailbox.address)} (${escaped(mode)})</dd></dl>
<p>The agent gets its own key with the other code of your letter.</p>`
}
