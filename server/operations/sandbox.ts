import { z } from 'zod'
import type { KeyActor } from '../model/actor.ts'
import { type Address } from '../model/address.ts'
import { emailStatuses, spamVerdicts } from '../model/email.ts'
import { isId } from '../model/ids.ts'
import { maxMarkdownLength } from '../model/letter-limits.ts'
import type { Db } from '../store/db.ts'
import { emailsOfThread, findEmail } from '../store/emails.ts'
import type { Row } from '../store/schema.ts'
import { emailOf, mailboxOrOnly, threadOf } from './access.ts'
import { OperationError, unwrap } from './errors.ts'
import { AddressText, Attachments, Base64, MailboxRef, Markdown, PlainText, Recipients, Subject, ThreadRef } from './input.ts'
import { type Call, operation } from './procedure.ts'

/** Octets, decoded; what a message may have here at most is the setting of the listener. */
const maxRawBytes = 25 * 1024 * 1024
const mostHeaders = 20
const maxMessageIdLength = 500
const maxNameLength = 200

/** What the letter has anyway, or this server writes on what arrives. */
const ownFields =
  /^(?:from|sender|to|cc|bcc|subject|date|message-id|in-reply-to|references|mime-version|content-.*|received|return-path|authentication-results|arc-.*|dkim-signature)$/i

const FieldName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9-]{0,75}$/, 'must be the name of a header field')
  .refine((name) => !ownFields.test(name), 'is a field that cannot be given here; hand in the whole message as raw_base64')

const Headers = z
  .record(
    FieldName,
    PlainText(998).refine((text) => !/\p{Cc}/u.test(text), 'must be one line without control characters'),
  )
  .refine((all) => Object.keys(all).length <= mostHeaders, `at most ${mostHeaders}`)

const Injected = z.strictObject({
  mailbox_id: MailboxRef.exactOptional(),
  from: AddressText.exactOptional().describe(
    'Who writes: any address. With raw_base64 the return address of the envelope; left out there: the empty one',
  ),
  from_name: PlainText(maxNameLength).exactOptional(),
  to: Recipients.exactOptional().describe('What its To says; left out: the address of the mailbox'),
  cc: Recipients.exactOptional(),
  subject: Subject.exactOptional(),
  markdown: Markdown.exactOptional().describe('The text, sent as plain text'),
  html: PlainText(maxMarkdownLength).exactOptional(),
  in_reply_to: PlainText(maxMessageIdLength)
    .exactOptional()
    .describe('What it answers: the id of an email in the mailbox, or a Message-ID with its angle brackets'),
  thread_id: ThreadRef.exactOptional().describe('It answers the newest email of this thread'),
  attachments: Attachments.exactOptional(),
  headers: Headers.exactOptional().describe('Further header fields. X-MultiMail-… too: like any of a stranger they prove nothing'),
  raw_base64: Base64(maxRawBytes)
    .exactOptional()
    .describe('Instead of all of these but from: a whole message (RFC 5322), in base64. Bare line feeds become CRLF'),
  authentication: z.enum(['pass', 'fail']).default('pass').describe('What SPF, DKIM and DMARC are to have said of it'),
  spam: z.enum(spamVerdicts).exactOptional().describe('What it is to be taken for; left out: what this server makes of it'),
})
type Injected = z.output<typeof Injected>

const ofLetter = ['from_name', 'to', 'cc', 'subject', 'markdown', 'html', 'in_reply_to', 'thread_id', 'attachments', 'headers'] as const

function complaints(input: Injected): (readonly [string, string])[] {
  if (input.raw_base64 !== undefined)
    return ofLetter.filter((name) => input[name] !== undefined).map((name) => [name, 'cannot be given with raw_base64'])
  const missing = (['from', 'subject'] as const).filter((name) => input[name] === undefined).map((name) => [name, 'is required'] as const)
  const bare = input.markdown === undefined && input.html === undefined
  return [...missing, ...(bare ? [['markdown', 'is required, or html'] as const] : [])]
}

export const inject_email = operation({
  scope: 'send',
  testOnly: true,
  title: 'Let an email arrive in the test world',
  description:
    'For keys that begin with mm_test_: puts an email into a mailbox of the test world as if somebody had sent it. It is examined, judged, held and told of ' +
    'like any that arrives, and no network is touched. Say with authentication and spam what is to be found out about it. Answers the id and the status that it has.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  examples: [{ title: 'An order arrives', input: { from: 'ann@example.org', subject: 'An order', markdown: 'Ten boxes, please.' } }],
  rest: ['POST /inject_email', 'POST /v1/sandbox/inbound'],
})
  .input(
    Injected.superRefine((input, ctx) =>
      complaints(input).forEach(([path, message]) => ctx.addIssue({ code: 'custom', path: [path], message })),
    ),
  )
  .output(
    z.strictObject({
      id: z.string(),
      thread_id: z.string(),
      mailbox_id: z.string(),
      status: z.enum(emailStatuses),
      internet_message_id: z.string().nullable(),
    }),
  )
  .mutation(async ({ ctx, input }) => {
    const { store, injections } = ctx.rooms
    const mailbox = await mailboxOrOnly(store.db, ctx.actor, input.mailbox_id)
    const bytes = input.raw_base64 === undefined ? await letterOf(ctx, mailbox, input) : withCrlf(input.raw_base64)
    const simulated = { authentication: input.authentication, spam: input.spam ?? null }
    const id = unwrap(await injections.inject(ctx.actor, { mailbox, bytes, reversePath: input.from ?? null, simulated }))
    const email = await findEmail(store.db, ctx.actor, id)
    if (email === undefined) throw new Error(`email ${id} is gone as soon as it is there`)
    const { thread_id, mailbox_id, status, message_id: internet_message_id } = email
    return { id, thread_id, mailbox_id, status, internet_message_id }
  })

async function letterOf(ctx: Call, mailbox: Row<'mailboxes'>, input: Injected): Promise<Buffer> {
  const { from, from_name, to, cc = [], subject, markdown = '', html = null, headers = {}, attachments = [] } = input
  // `complaints` has seen to these.
  if (from === undefined || subject === undefined) throw new OperationError('BAD_INPUT')
  const answered = await answeredBy(ctx, mailbox, input)
  const date = ctx.rooms.clock.now()
  return unwrap(
    await ctx.rooms.composeFromOutside({
      from,
      fromName: from_name ?? null,
      to: to ?? [mailbox.address as Address],
      cc,
      subject,
      text: markdown,
      html,
      attachments,
      date,
      inReplyTo: answered.at(-1) ?? null,
      references: answered,
      headers: Object.entries(headers),
    }),
  )
}

/** The Message-IDs of what it answers and of what that answered, oldest first. */
async function answeredBy({ rooms, actor }: Call, mailbox: Row<'mailboxes'>, { in_reply_to, thread_id }: Injected): Promise<string[]> {
  const { db } = rooms.store
  if (in_reply_to !== undefined && isId('email', in_reply_to)) return chainOf(await emailOf(db, actor, in_reply_to, mailbox.id))
  if (in_reply_to !== undefined) return [in_reply_to]
  return thread_id === undefined ? [] : newestOf(db, await threadOf(db, actor, thread_id, mailbox.id))
}

async function newestOf(db: Db, { id, account_id: accountId, world }: Row<'threads'>): Promise<string[]> {
  const [newest] = await emailsOfThread(db, { accountId, world }, id, { except: nothing, limit: 1 })
  return newest === undefined ? [] : chainOf(newest)
}

const nothing = { direction: 'outbound', statuses: [] } as const

const mostReferences = 20
const chainOf = ({ references_json, message_id }: Row<'emails'>): string[] => [
  ...(JSON.parse(references_json) as string[]).slice(-mostReferences),
  ...(message_id === null ? [] : [message_id]),
]

/** As it would have come over SMTP, where only CRLF ends a line (RFC 5321 §2.3.8). */
const withCrlf = (raw: Buffer): Buffer => Buffer.from(raw.toString('latin1').replaceAll(/\r\n|\r|\n/g, '\r\n'), 'latin1')

/** Some months: what a test waits for. */
const mostSeconds = 90 * 86_400
const Count = z.number().int().min(0)

export const advance_clock = operation({
  scope: 'send',
  testOnly: true,
  title: 'Let time pass in the test world',
  description:
    'For keys that begin with mm_test_: whatever waits in the test world of the account comes due so many seconds earlier: emails that are to be sent later, retries, ' +
    'decisions that nobody makes, codes, webhooks, limits. What is due then is done before the answer comes, as far as is_done says. What would have come due several times on the way ' +
    'does so once: to see each step, go in steps. With 0 seconds it only waits until what is due now is done. Times of what has happened stay as they are.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  examples: [
    { title: 'Three days later', input: { seconds: 259_200 } },
    { title: 'When what was just sent has got its answer', input: { seconds: 0 } },
  ],
  rest: ['POST /advance_clock', 'POST /v1/sandbox/clock'],
})
  .input(z.strictObject({ seconds: z.number().int().min(0).max(mostSeconds).describe('By how much; three days are 259200') }))
  .output(
    z.strictObject({
      seconds: Count,
      came_due: z
        .strictObject({ scheduled: Count, deliveries: Count, holds: Count, requests: Count, webhooks: Count })
        .describe('How many that waited are due now and were not before. Requests are those for a code of the operator'),
      is_done: z.boolean().describe('False: some of what is due was not done within five seconds, and still goes on'),
    }),
  )
  .mutation(async ({ ctx, input: { seconds } }) => {
    const { due, isDone } = unwrap(await ctx.rooms.sandbox.advance(whole(ctx.actor), seconds))
    return { seconds, came_due: due, is_done: isDone }
  })

export const reset_sandbox = operation({
  scope: 'admin',
  testOnly: true,
  title: 'Empty the test world',
  description:
    'For keys that begin with mm_test_: takes away all emails, threads, drafts, holds, deliveries, events, contacts, suppressions and counts of the test world of the account, so that a ' +
    'test run begins anew. Mailboxes and their settings, keys and webhooks stay, and so does the log. Nothing of the live world is touched. When is_done is false, call it again.',
  readOnly: false,
  destructive: true,
  idempotent: true,
  examples: [{ input: {} }],
  rest: ['POST /reset_sandbox', 'POST /v1/sandbox/reset'],
})
  .input(z.strictObject({}))
  .output(
    z.strictObject({
      removed: z.strictObject({ emails: Count, threads: Count, contacts: Count, suppressions: Count, events: Count }),
      is_done: z.boolean().describe('False: it was more than one call takes away; call it again'),
    }),
  )
  .mutation(async ({ ctx }) => {
    const { removed, isDone } = unwrap(await ctx.rooms.sandbox.reset(whole(ctx.actor)))
    return { removed, is_done: isDone }
  })

/** They are about all mailboxes of the test world. */
function whole(actor: KeyActor): KeyActor {
  if (actor.mailboxIds !== null) throw new OperationError('KEY_BOUND')
  return actor
}
