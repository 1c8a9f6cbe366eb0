/** Contract §5.1: how somebody without a key gets an account, where the operator of the server lets them (MULTIMAIL_SIGNUP). */
import { z } from 'zod'
import type { Network } from '../identity/signup/limits.ts'
import { OperationError, unwrap } from './errors.ts'
import { AddressText, IdempotencyKey, PlainText } from './input.ts'
import { type Context, openOperation } from './procedure.ts'

const OversightEmail = AddressText.describe(
  'Of the person who will have the last word over what the agent sends. It must be read elsewhere than on this server.',
)
const Slug = PlainText(100).describe(
  'A short name, which also stands before the @ of the mailbox: 3 to 40 small letters, digits and hyphens',
)
const hex64 = z.string().regex(/^[0-9a-f]{64}$/)
const algorithm = z.literal('SHA-256')
const challengeShape = { algorithm, challenge: hex64.describe('SHA-256 in hex'), salt: z.string().min(1).max(200), signature: hex64 }

const nowhere: Network = { name: 'unknown', isInside: false }
const placeOf = ({ network }: Context): Network => network?.() ?? nowhere

const onlyWhere = 'Only on servers whose operator lets people sign up.'

export const request_challenge = openOperation({
  scope: 'none',
  ofSignup: true,
  title: 'Ask for a challenge to sign up',
  description:
    `Begins a sign-up: returns a challenge that create_account wants solved. Find the number from 0 to maxnumber for which SHA-256 over the salt followed by the number in decimal digits, in hex, ` +
    `is the challenge; send it within five minutes. With oversight_email it is good for that address only, and easier. ${onlyWhere}`,
  readOnly: false,
  destructive: false,
  idempotent: false,
  examples: [{ input: { oversight_email: 'ann@example.org' } }],
  rest: ['POST /request_challenge', 'POST /v1/account/challenge'],
})
  .input(z.strictObject({ oversight_email: OversightEmail.exactOptional() }))
  .output(z.strictObject({ ...challengeShape, maxnumber: z.int() }))
  .mutation(({ ctx, input }) => unwrap(ctx.rooms.signups.challenge(placeOf(ctx), input.oversight_email ?? null)))

export const check_slug = openOperation({
  scope: 'none',
  ofSignup: true,
  title: 'Look whether a slug is free',
  description: `Says whether a new account can have this slug, why not, and which mailbox it would get. ${onlyWhere}`,
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: { slug: 'ann-s-shop' } }],
  rest: ['GET /check_slug', 'GET /v1/slug-check/{slug}'],
})
  .input(z.strictObject({ slug: Slug }))
  .output(
    z.strictObject({
      available: z.boolean(),
      slug: z.string(),
      reason: z.enum(['invalid', 'reserved', 'taken']).nullable(),
      suggestions: z.array(z.string()).describe('Others that are free'),
      address_preview: z.string().describe('The mailbox the account would get'),
    }),
  )
  .query(async ({ ctx, input }) => {
    const { address, ...state } = unwrap(await ctx.rooms.signups.slug(placeOf(ctx), input.slug))
    return { ...state, address_preview: address }
  })

const Accepted = z.literal(true)
/** What the hosted service asks for besides and this one does not look at. */
const ignored = {
  payment_method: z.enum(['stripe', 'crypto']).exactOptional().describe('Not looked at: nobody is billed here'),
  cf_challenge_response: z.string().max(4096).exactOptional().describe('Not looked at'),
  turnstile_token: z.string().max(4096).exactOptional().describe('Not looked at'),
  fingerprint: z.string().max(256).exactOptional().describe('Not looked at'),
  form_open_at: z.int().exactOptional().describe('Not looked at'),
  attribution: z
    .union([z.string().max(4096), z.record(z.string().max(100), z.string().max(1000))])
    .exactOptional()
    .describe('Not looked at'),
}

export const create_account = openOperation({
  scope: 'none',
  ofSignup: true,
  title: 'Sign up for an account',
  description:
    'Asks for an account. Its operator gets a letter with two codes: one for the agent, with which activate_account gives it a key, and one for themselves, which is no business of an agent. ' +
    `Nothing is made before one of them is used, and the answer is the same whether the address has an account already or not. The mailbox will be gated. ${onlyWhere}`,
  readOnly: false,
  destructive: false,
  idempotent: false,
  examples: [
    {
      input: {
        operator_name: 'Ann',
        oversight_email: 'ann@example.org',
        accepted_tos: true,
        accepted_operator_agreement: true,
        accepted_anti_spam_policy: true,
        pow_solution: {
          algorithm: 'SHA-256',
          challenge: '2b'.repeat(32),
          number: 271828,
          salt: `${'0f'.repeat(12)}?expires=1767225600&for=${'7c'.repeat(16)}&`,
          signature: '5d'.repeat(32),
        },
      },
    },
  ],
  rest: ['POST /create_account', 'POST /v1/account'],
})
  .input(
    z.strictObject({
      operator_name: PlainText(200)
        .transform((text) => text.trim())
        .refine((text) => text !== '' && !/\p{C}/u.test(text), 'must be one line without control characters')
        .describe('Whoever is responsible, as recipients of mail will read it'),
      oversight_email: OversightEmail,
      accepted_tos: Accepted.describe('The terms of whoever runs this server'),
      accepted_operator_agreement: Accepted,
      accepted_anti_spam_policy: Accepted,
      pow_solution: z
        .strictObject({ ...challengeShape, number: z.int().min(0) })
        .describe('What request_challenge returned, without maxnumber, and the number'),
      slug: Slug.exactOptional(),
      physical_address: PlainText(2000).exactOptional().describe('The postal address of who sends'),
      use_case: PlainText(2000).exactOptional(),
      oversight_mode: z
        .enum(['gated_all', 'gated_send', 'monitored'])
        .default('gated_send')
        .describe(
          'gated_all: each email waits for a person, arriving too. monitored becomes gated_send: more autonomy comes later, with request_upgrade',
        ),
      email_use_type: z.literal('transactional', 'only transactional mail is sent here').exactOptional(),
      ...ignored,
    }),
  )
  .output(z.strictObject({ status: z.literal('confirmation_sent'), message: z.string() }))
  .mutation(async ({ ctx, input }) => {
    const { repeated } = unwrap(
      await ctx.rooms.signups.request(placeOf(ctx), {
        email: input.oversight_email,
        name: input.operator_name,
        slug: input.slug ?? null,
        mode: input.oversight_mode === 'gated_all' ? 'gated_all' : 'gated_send',
        physicalAddress: input.physical_address ?? null,
        useCase: input.use_case ?? null,
        solution: input.pow_solution,
        idempotencyKey: idempotencyKey(ctx),
      }),
    )
    if (repeated && ctx.idempotency !== undefined) ctx.idempotency.replayed = true
    return {
      status: 'confirmation_sent' as const,
      message:
        'A letter went to the oversight_email. If an account can be made, it has a code for you: ask that person for it, and call activate_account.',
    }
  })

function idempotencyKey({ idempotency }: Context): string | null {
  if (idempotency?.key === undefined) return null
  const key = IdempotencyKey.safeParse(idempotency.key)
  if (key.success) return key.data
  throw new OperationError('BAD_INPUT', 'Idempotency-Key: must be at most 200 printable characters without spaces')
}

export const resend_confirmation = openOperation({
  scope: 'none',
  ofSignup: true,
  title: 'Have the letter of a sign-up sent again',
  description: `Sends the letter with the codes again, with other codes, if a sign-up of this address waits; the answer does not tell. At most every five minutes. ${onlyWhere}`,
  readOnly: false,
  destructive: false,
  idempotent: false,
  examples: [{ input: { oversight_email: 'ann@example.org' } }],
  rest: ['POST /resend_confirmation', 'POST /v1/account/resend-confirmation'],
})
  .input(z.strictObject({ oversight_email: OversightEmail }))
  .output(z.strictObject({ status: z.literal('confirmation_resent'), message: z.string() }))
  .mutation(async ({ ctx, input }) => {
    unwrap(await ctx.rooms.signups.resend(placeOf(ctx), input.oversight_email))
    return {
      status: 'confirmation_resent' as const,
      message:
        'If a sign-up of this address waits, the letter went out again, with other codes; those of the letter before are worth nothing now.',
    }
  })

export const activate_account = openOperation({
  scope: 'none',
  ofSignup: true,
  title: 'Get the key of a new account by its code',
  description:
    'Makes the account with the code for agents that its operator handed over, and returns the API key of the agent, once: it reads and writes mail in one mailbox, and a person approves what it sends. ' +
    `The operator’s own code does nothing here. ${onlyWhere}`,
  readOnly: false,
  destructive: false,
  idempotent: false,
  secretOutput: true,
  examples: [{ input: { code: 'SKP-7D2-4V8' } }],
  rest: ['POST /activate_account', 'POST /v1/confirm'],
})
  .input(z.strictObject({ code: z.string().min(1).max(32).describe('As it was mailed; dashes and capitals do not matter') }))
  .output(
    z.strictObject({
      status: z.literal('activated'),
      name: z.string(),
      oversight_mode: z.enum(['gated_all', 'gated_send']),
      api_key: z.string().describe('The key itself. Shown this once.'),
      mailbox_id: z.string(),
      mailbox_address: z.string(),
      oversight_email: z.string(),
      use_case: z.string().nullable(),
    }),
  )
  .mutation(async ({ ctx, input }) => {
    const { name, mode, mailbox, email, useCase, keys } = unwrap(await ctx.rooms.signups.confirm(placeOf(ctx), 'agent', input.code))
    if (!('agent' in keys)) throw new Error('a code for agents gave other keys')
    return {
      status: 'activated' as const,
      name,
      oversight_mode: mode,
      api_key: keys.agent.key,
      mailbox_id: mailbox.id,
      mailbox_address: mailbox.address,
      oversight_email: email,
      use_case: useCase,
    }
  })
