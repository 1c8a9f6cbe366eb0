import { z } from 'zod'
import type { KeyActor } from '../model/actor.ts'
import { type Address, parseAddress } from '../model/address.ts'
import { changeOperatorAddress, isReadHere } from '../store/operator-address.ts'
import { changeAccount, findAccount } from '../store/accounts.ts'
import type { Db, Tx } from '../store/db.ts'
import { appendLog } from '../store/log.ts'
import type { Row } from '../store/schema.ts'
import { storedOf, usageOf } from '../store/usage.ts'
import { live } from './domains.ts'
import { OperationError } from './errors.ts'
import { PlainText } from './input.ts'
import { type Call, operation } from './procedure.ts'
import { recordRead } from './record.ts'
import { ApprovalCode, orPending, twoStep } from './two-step.ts'
import { limitsOf, thisMonth } from './usage.ts'

const NoLimit = z.int().nullable().describe('Null: no limit')

export const Account = z.strictObject({
  id: z.string(),
  name: z.string(),
  slug: z.string(),
  plan: z.string().describe('There are no plans here; limits are the operator’s'),
  oversight_email: z.string().nullable().describe('Where the operator is asked; null: nowhere by mail'),
  physical_address: z.string().nullable().describe('The postal address of who sends'),
  monthly_email_quota: NoLimit,
  emails_sent_this_month: z
    .int()
    .describe('Messages handed in since the month began in UTC, one for each recipient, as the quota counts them'),
  max_mailboxes: NoLimit,
  storage_used_bytes: z.int().describe('Of all messages as they came and left'),
  max_storage_bytes: NoLimit,
  is_active: z.boolean(),
  sending_disabled: z.boolean().describe('Always false: the standing of each mailbox is in list_mailboxes'),
  sending_disabled_reason: z.string().nullable(),
})

/** What is said of the account is not one mailbox's affair. */
async function accountOf(db: Db, actor: KeyActor): Promise<Row<'accounts'>> {
  const row = await findAccount(db, actor.accountId)
  if (row === undefined) throw new OperationError('KEY_NOT_ACCEPTED')
  return row
}

export const get_account = operation({
  scope: 'read',
  title: 'Look at the account',
  description: 'Returns the name of the account, what it sent this month, how much it stores, and its limits, where there are any.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: {} }],
  rest: ['GET /get_account', 'GET /v1/account'],
})
  .input(z.strictObject({}))
  .output(Account)
  .query(async ({ ctx }) => {
    const { actor, rooms } = ctx
    await rooms.usage.catchUp()
    return rooms.store.transaction(async (tx) => {
      const view = await viewOfAccount(tx, ctx)
      await recordRead(tx, ctx, { action: 'account.read', resourceType: 'account', resourceId: actor.accountId, view })
      return view
    })
  })

export async function viewOfAccount(tx: Tx, ctx: Call): Promise<z.infer<typeof Account>> {
  const { actor, rooms } = ctx
  const row = await accountOf(tx, actor)
  return {
    id: row.id,
    name: row.name,
    slug: row.slug,
    plan: 'self-hosted',
    oversight_email: row.oversight_email,
    physical_address: row.physical_address,
    ...limitsOf(ctx),
    emails_sent_this_month: (await usageOf(tx, actor, thisMonth(rooms.clock.now()))).emails_sent,
    storage_used_bytes: (await storedOf(tx, actor)).bytes,
    max_storage_bytes: null,
    is_active: true,
    sending_disabled: false,
    sending_disabled_reason: null,
  }
}

/** What is left out stays. */
type AccountChange = { name?: string; physical_address?: string }
type Changed = { name: string; physical_address: string | null; oversight_email: string | null }

const changedShape = { name: z.string(), physical_address: z.string().nullable(), oversight_email: z.string().nullable() }

export const update_account = operation({
  scope: 'admin',
  title: 'Change the account',
  description:
    'Changes the name of the account, the postal address of who sends, or the address at which the operator is asked. What is left out stays. The operator has to agree to another oversight_email: ' +
    'the first answer is "pending_approval", nothing is changed yet, and the same call with approval_code does it.',
  readOnly: false,
  destructive: false,
  idempotent: true,
  twoStep: true,
  examples: [{ input: { physical_address: '1 Main Street, Springfield' } }],
  rest: ['POST /update_account', 'PATCH /v1/account'],
})
  .input(
    z.strictObject({
      name: PlainText(200).min(1).exactOptional(),
      physical_address: PlainText(2000).exactOptional().describe('Empty: none'),
      oversight_email: PlainText(320).exactOptional().describe('It must be read elsewhere than on this server'),
      approval_code: ApprovalCode,
    }),
  )
  .output(orPending('updated', changedShape))
  .mutation(async ({ ctx, input: { approval_code, oversight_email, ...input } }) => {
    const { store, clock } = ctx.rooms
    const actor = live(ctx.actor)
    const address = oversight_email === undefined ? null : await elsewhere(store.db, oversight_email)
    const { oversight_email: current } = await accountOf(store.db, actor)
    if (address === null || address === current)
      return store.transaction(async (tx) => ({ status: 'updated' as const, ...(await change(tx, ctx, input)) }))
    const parameters = { oversight_email: address, name: input.name ?? null, physical_address: input.physical_address ?? null }
    return twoStep(ctx, { action: 'change_oversight_email', parameters, approvalCode: approval_code }, async (tx) => {
      await elsewhere(tx, address)
      const changed = await change(tx, ctx, input)
      await changeOperatorAddress(tx, { accountId: actor.accountId, address, actor, now: clock.now() })
      return { status: 'updated' as const, ...changed, oversight_email: address }
    })
  })

export const delete_account = operation({
  scope: 'admin',
  title: 'Delete the account',
  description:
    'Deletes the account with its mailboxes, its mail of both worlds, its keys and everything else, for good; nothing of it can be brought back, so call export_account first if any of it is still wanted. The operator has to agree: ' +
    'the first answer is "pending_approval", nothing is done yet, and the same call with approval_code does it. From then on no key of the account works, this one included, and mail for its addresses is refused.',
  readOnly: false,
  destructive: true,
  idempotent: true,
  twoStep: true,
  examples: [{ input: {} }],
  rest: ['POST /delete_account', 'DELETE /v1/account'],
})
  .input(z.strictObject({ approval_code: ApprovalCode }))
  .output(orPending('deleted', { id: z.string() }))
  .mutation(async ({ ctx, input: { approval_code } }) => {
    const { store, accountRemoval } = ctx.rooms
    const { accountId } = live(ctx.actor)
    const { name, slug } = await accountOf(store.db, ctx.actor)
    const parameters = { account_id: accountId, name, slug }
    const answer = await twoStep(ctx, { action: 'delete_account', parameters, approvalCode: approval_code }, async (tx) => {
      await accountRemoval.close(tx, accountId, ctx.actor)
      return { status: 'deleted' as const, id: accountId }
    })
    if (answer.status === 'deleted') accountRemoval.wake()
    return answer
  })

async function elsewhere(db: Db, text: string): Promise<Address> {
  const address = parseAddress(text)
  if (address === null || (await isReadHere(db, address))) throw new OperationError('BAD_OVERSIGHT_EMAIL')
  return address
}

async function change(tx: Tx, { actor, rooms }: Call, input: AccountChange): Promise<Changed> {
  const old = await accountOf(tx, actor)
  const name = input.name ?? old.name
  const physical_address = input.physical_address === undefined ? old.physical_address : input.physical_address || null
  await changeAccount(tx, old.id, { name, physical_address })
  const fields = [...(name === old.name ? [] : ['name']), ...(physical_address === old.physical_address ? [] : ['physical_address'])]
  const entry = { at: rooms.clock.now(), actor, tenancy: actor, resourceType: 'account', resourceId: old.id } as const
  if (fields.length > 0)
    await appendLog(tx, { ...entry, action: 'account.changed', metadata: { fields }, details: { name, physical_address } })
  return { name, physical_address, oversight_email: old.oversight_email }
}
