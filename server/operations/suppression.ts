import { z } from 'zod'
import type { KeyActor } from '../model/actor.ts'
import { addressKey } from '../model/address.ts'
import { suppressionReasons } from '../model/suppression.ts'
import { type SuppressionRow, listSuppressions } from '../store/suppressions.ts'
import { OperationError, unwrap } from './errors.ts'
import { AddressText, Instant, Limit, SuppressionCursor, cursorAt } from './input.ts'
import { operation } from './procedure.ts'
import { recordRead } from './record.ts'
import { isoOrNull, isoTime } from './views.ts'

const defaultLimit = 20

export const Suppression = z.strictObject({
  id: z.string(),
  email_address: z.string(),
  reason: z
    .enum(suppressionReasons)
    .describe(
      'hard_bounce: the address does not work. complaint, unsubscribe: its owner does not want the mail. manual: put here by hand.',
    ),
  mailbox_id: z.string().nullable().describe('Whose mail led to it'),
  email_id: z.string().nullable().describe('The email that bounced, or was complained about'),
  delivery_id: z.string().nullable(),
  created_at: z.string().describe('ISO 8601, UTC'),
  expires_at: z.string().nullable().describe('When it ends by itself; null: only when it is removed'),
})

export const suppressionView = (row: SuppressionRow): z.infer<typeof Suppression> => ({
  id: row.id,
  email_address: row.address,
  reason: row.reason,
  mailbox_id: row.mailbox_id,
  email_id: row.email_id,
  delivery_id: row.delivery_id,
  created_at: isoTime(row.created_at),
  expires_at: isoOrNull(row.expires_at),
})

/** The list is the account's, of the world that the key is for. */
function ofAccount(actor: KeyActor): KeyActor {
  if (actor.mailboxIds !== null) throw new OperationError('KEY_BOUND')
  return actor
}

export const list_suppression = operation({
  scope: 'admin',
  title: 'List the addresses that get no mail',
  description:
    'Lists the suppression list of the account, newest first: addresses that bounced for good, complained or unsubscribed, and those put there by hand. ' +
    'Mail to them is not sent. remove_suppression takes one off.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: { email_address: 'gone@example.org' } }],
  rest: ['GET /list_suppression', 'GET /v1/suppression'],
})
  .input(
    z.strictObject({
      email_address: AddressText.exactOptional().describe('Only this address'),
      limit: Limit.default(defaultLimit),
      cursor: SuppressionCursor.exactOptional(),
    }),
  )
  .output(z.strictObject({ suppressions: z.array(Suppression), cursor: z.string().nullable() }))
  .query(({ ctx, input }) => {
    const { email_address, limit, cursor } = input
    const actor = ofAccount(ctx.actor)
    return ctx.rooms.store.transaction(async (tx) => {
      const rows = await listSuppressions(tx, actor, {
        now: ctx.rooms.clock.now(),
        limit: limit + 1,
        ...(email_address !== undefined && { address: addressKey(email_address) }),
        ...(cursor !== undefined && { before: cursor }),
      })
      const page = rows.slice(0, limit)
      const view = { suppressions: page.map(suppressionView), cursor: rows.length > page.length ? cursorAt(page.at(-1)?.id ?? '') : null }
      const [resourceId, metadata] = [actor.accountId, { count: page.length }]
      await recordRead(tx, ctx, { action: 'suppressions.listed', resourceType: 'account', resourceId, view, metadata })
      return view
    })
  })

export const add_suppression = operation({
  scope: 'admin',
  title: 'Stop mail to an address',
  description:
    'Puts an address on the suppression list of the account, so that no mailbox of it writes there, mail that waits included. ' +
    'An address that is on it for an equal or stronger reason stays as it is.',
  readOnly: false,
  destructive: false,
  idempotent: true,
  examples: [{ input: { email_address: 'gone@example.org' } }],
  rest: ['POST /add_suppression', 'POST /v1/suppression'],
})
  .input(
    z.strictObject({
      email_address: AddressText,
      expires_at: Instant.exactOptional().describe('When it ends by itself; left out: only when it is removed'),
    }),
  )
  .output(Suppression)
  .mutation(async ({ ctx, input }) => {
    const actor = ofAccount(ctx.actor)
    const expiresAt = input.expires_at ?? null
    if (expiresAt !== null && expiresAt <= ctx.rooms.clock.now()) throw new OperationError('BAD_INPUT', 'expires_at: must be in the future')
    return suppressionView(await ctx.rooms.suppressions.add(actor, input.email_address, expiresAt))
  })

export const remove_suppression = operation({
  scope: 'admin',
  title: 'Allow mail to an address again',
  description:
    'Takes an address off the suppression list, whatever put it there. Do so when you know that it works again, or that its owner wants the mail: ' +
    'writing to people who complained costs the reputation of the domain.',
  readOnly: false,
  destructive: true,
  idempotent: false,
  examples: [{ input: { email_address: 'left@example.org' } }],
  rest: ['POST /remove_suppression', 'DELETE /v1/suppression/{email_address}'],
})
  .input(z.strictObject({ email_address: AddressText }))
  .output(z.strictObject({ status: z.literal('removed'), email_address: z.string() }))
  .mutation(async ({ ctx, input }) => {
    const row = unwrap(await ctx.rooms.suppressions.remove(ofAccount(ctx.actor), input.email_address))
    return { status: 'removed' as const, email_address: row.address }
  })
