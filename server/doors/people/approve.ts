/**
 * The page behind a link that a person was mailed: it shows one email that waits, and they approve or reject it there.
 *
 * Promises: looking changes nothing, so link scanners do no harm; what is shown is the content that is decided on, every recipient and every character of it; the
 * link decides once. What the page says of a link that is not good says nothing of any email. The link stands in no log and goes to no other page.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { rejectionCodes, rejectionWords } from '../../model/decision.ts'
import { showUnseen } from '../../model/unseen.ts'
import { OperationError, errors, unwrap } from '../../operations/errors.ts'
import { type ApprovalMailRoom, DecideInput, type PeopleRoom, decideAs, onePending } from '../../operations/people.ts'
import type { Rooms } from '../../operations/procedure.ts'
import type { Clock } from '../../platform/clock.ts'
import { createLookups } from '../lookups.ts'
import { escaped, plainStyle, sendPage } from '../pages.ts'

export const approveRoute = '/approve/:token'
const largestBody = 16 * 1024
const longestReason = 2000
/** Of one network within an hour. */
const mostLooks = 120

type Deps = { people: PeopleRoom; approvalMail: ApprovalMailRoom; rooms: Rooms; clock: Clock }
type Found = Exclude<Awaited<ReturnType<ApprovalMailRoom['find']>>, string>
type Held = Awaited<ReturnType<typeof onePending>>

const notGood = {
  gone: 'This link is not good, or was used already. Sign in to see what waits.',
  over: 'This email does not wait any more: it was decided on, taken back, or nobody decided in time.',
  changed:
    'The content changed since this letter was written, so this link decides on nothing. The next letter has a link to what waits now.',
} as const

export function serveApprove(app: FastifyInstance, { people, approvalMail, rooms, clock }: Deps): void {
  const looks = createLookups(clock, mostLooks)
  const found = async (request: FastifyRequest): Promise<{ found: Found; held: Held } | keyof typeof notGood> => {
    if (!looks.take(request.ip)) throw new OperationError('TOO_MANY_SIGN_INS', undefined, [], looks.nextAt() - clock.now())
    const answer = await approvalMail.find((request.params as { token: string }).token)
    if (typeof answer === 'string') return answer
    const held = await onePending(rooms, people.actorByMail(answer, 'live'), answer.link.email_id, 'mail_link')
    return held.content_hash === answer.link.content_hash ? { found: answer, held } : 'changed'
  }
  const decide = async (request: FastifyRequest, { link, person }: Found): Promise<string> => {
    const form = new URLSearchParams(typeof request.body === 'string' ? request.body : '')
    const [action, reason, code] = [form.get('action'), form.get('reason')?.trim() ?? '', form.get('reason_code') ?? '']
    const input = DecideInput.safeParse({
      email_id: link.email_id,
      action,
      content_hash: link.content_hash,
      ...(reason !== '' && { reason }),
      // The choice stands in the form whatever is pressed.
      ...(code !== '' && action !== 'approve' && { reason_code: code }),
    })
    if (!input.success) throw new OperationError('BAD_INPUT', input.error.issues[0]?.message)
    unwrap(await people.check({ person }, form.get('totp') ?? undefined))
    const actor = people.actorByMail({ person }, 'live')
    return (await decideAs(rooms, actor, input.data, (tx) => approvalMail.spend(tx, { link, person }))).message
  }

  void app.register(async (forms) => {
    forms.removeAllContentTypeParsers()
    forms.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string', bodyLimit: largestBody }, (_request, body, done) =>
      done(null, String(body)),
    )
    forms.get(approveRoute, async (request, reply) => {
      const answer = await found(request)
      return typeof answer === 'string' ? page(reply.code(404), words(notGood[answer])) : page(reply, heldPage(answer, null))
    })
    forms.post(approveRoute, { bodyLimit: largestBody }, async (request, reply) => {
      const answer = await found(request)
      if (typeof answer === 'string') return page(reply.code(404), words(notGood[answer]))
      try {
        return await page(reply, words(await decide(request, answer.found)))
      } catch (error) {
        if (!(error instanceof OperationError)) throw error
        return page(reply.code(errors[error.code].http), heldPage(answer, error))
      }
    })
  })
}

const style =
  `${plainStyle}input,button,select,textarea{font:inherit;padding:.5rem;margin:.2rem 0}input,select,textarea{width:100%;box-sizing:border-box}button{min-height:2.75rem;min-width:8rem}` +
  'body{overflow-wrap:anywhere}.bad{color:#c00}dt{font-weight:bold}dd{margin:0 0 .5rem;overflow-wrap:anywhere}pre{white-space:pre-wrap;overflow-wrap:anywhere}'

const page = (reply: FastifyReply, body: string): FastifyReply =>
  sendPage(reply.header('x-robots-tag', 'noindex'), { title: 'An email that waits', body, style, forms: true })

const words = (text: string): string =>
  `<h1>An email that waited</h1><p>${escaped(text)}</p><p><a href="/session">What waits for you</a></p>`

const line = (text: string): string => escaped(showUnseen(text).text)
const text = (value: string): string => `<pre>${escaped(showUnseen(value.replaceAll('\r\n', '\n'), '\n\t').text)}</pre>`
const row = (name: string, values: readonly string[]): string =>
  `<dt>${name}</dt>${(values.length === 0 ? ['(none)'] : values).map((value) => `<dd>${line(value)}</dd>`).join('')}`

/** What the checks found, and where words of it come from. */
function findingsIn({ findings, evidence }: Held): string[] {
  const checks = findings.map(({ kind, where, excerpt }) => [kind, where, ...(excerpt === null ? [] : [excerpt])].join(': '))
  const from = evidence === null ? [] : origins.filter(([fact]) => evidence[fact]).map(([, words]) => words)
  return [...checks, ...from]
}
const origins = [
  ['from_other_thread', 'words of another conversation (review_email names them)'],
  ['from_hidden_text', 'words that a sender hid in an email (review_email names them)'],
  ['from_attachment', 'words of an attachment (review_email names them)'],
] as const

function heldPage({ found: { person }, held }: { found: Found; held: Held }, wrong: OperationError | null): string {
  const isLeaving = held.direction === 'outbound'
  const files = held.attachments.map(
    ({ name, content_type, size, sha256 }) => `${name} (${content_type}, ${size} bytes, SHA-256 ${sha256})`,
  )
  return `<h1>${isLeaving ? 'It would be sent' : 'The agent would see it'}</h1>
${wrong === null ? '' : `<p class="bad">${escaped(wrong.message)}. ${escaped(errors[wrong.code].fix)}</p>`}
<dl>${row('Held because', [held.reason])}${row('Another version of', earlier(held))}${held.edited_by.length === 0 ? '' : row('Its words were changed by', held.edited_by)}${row('Found in it', findingsIn(held))}${row('Expires, undecided', [held.expires_at])}${row('From', [held.from])}
${row('To', held.to)}${row('Cc', held.cc)}${row('Bcc', held.bcc)}${row('Added by the mailbox', held.automatic_copies)}
${row('Subject', [held.subject])}${row('Attachments', files)}${row('Content hash', [held.content_hash])}</dl>
${text(held.body_markdown)}${held.footer === null ? '' : `<p>Behind it this server puts:</p>${text(held.footer)}`}
${held.hidden_text === null ? '' : `<p>Hidden in it:</p>${text(held.hidden_text)}`}
<form method="post"><p>You decide as ${line(person.name)} (${line(person.address)}), on exactly this.</p>
<p><label>Why not <select name="reason_code">${choices}</select></label>
<label>In your words (one of both is needed for a no; the agent is told) <textarea name="reason" rows="3" maxlength="${longestReason}"></textarea></label></p>
${person.totp_secret === null ? '' : '<p><label>Six digits of your authenticator program <input name="totp" inputmode="numeric" autocomplete="off" maxlength="16"></label></p>'}
${held.approvals_needed > 1 ? `<p>It needs ${held.approvals_needed} people (${escaped(held.approval_state)}), who <a href="/session">sign in</a> to approve it.</p>` : ''}
<p>${held.approvals_needed > 1 ? '' : '<button name="action" value="approve">Approve</button> '}<button name="action" value="reject">Reject</button>${isLeaving ? ' <button name="action" value="redo">Ask for another version</button>' : ''}</p></form>`
}

const choices = [
  '<option value="">(choose)</option>',
  ...rejectionCodes.map((code) => `<option value="${code}">${rejectionWords[code]}</option>`),
].join('')

/** What became of the one before. */
const earlier = ({ replaces }: Held): string[] =>
  replaces === null
    ? []
    : [[replaces.email_id, replaces.outcome?.kind, replaces.outcome?.code, replaces.outcome?.reason].filter(Boolean).join(': ')]
