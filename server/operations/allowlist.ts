import { z } from 'zod'
import type { KeyActor } from '../model/actor.ts'
import { actorId } from '../model/actor.ts'
import { isId, newId } from '../model/ids.ts'
import {
  type AllowlistEntryRow,
  allowlistOf,
  countAllowlist,
  deleteAllowlistEntry,
  findAllowlistEntry,
  insertAllowlistEntry,
} from '../store/allowlist.ts'
import type { Db } from '../store/db.ts'
import { appendLog } from '../store/log.ts'
import { mailboxToChange } from '../store/mailboxes.ts'
import type { Row } from '../store/schema.ts'
import { mailboxOf } from './access.ts'
import { Allowance, allowancesIn } from './allowances.ts'
import { OperationError } from './errors.ts'
import { MailboxRef } from './input.ts'
import { type Call, operation } from './procedure.ts'
import { recordRead } from './record.ts'
import { ApprovalCode, orPending, twoStep } from './two-step.ts'
import { isoTime } from './views.ts'

const mostEntries = 1_000
const longestNote = 200
const longestPattern = 254

const entryShape = {
  id: z.string(),
  pattern: z.string().describe('An address, or *@domain for everybody at that very domain'),
  note: z.string().nullable(),
  added_by: z.string().describe('The key that added it'),
  added_at: z.string().describe('ISO 8601, UTC'),
}
export const AllowlistEntry = z.strictObject(entryShape)

export const entryView = (row: AllowlistEntryRow): z.infer<typeof AllowlistEntry> => ({
  id: row.id,
  pattern: row.pattern,
  note: row.note,
  added_by: row.added_by,
  added_at: isoTime(row.added_at),
})

export const list_allowlist = operation({
  scope: 'read',
  title: 'List whom a mailbox may write to without asking',
  description:
    'Lists the allow-list of a mailbox. In a gated_send or gated_new mailbox an email leaves without approval when every recipient (to, cc, bcc and automatic copies) is on it, or allowed for a time; in other modes the list has no effect.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: { mailbox_id: '{mailbox_id}' } }],
  rest: ['GET /list_allowlist', 'GET /v1/mailboxes/{mailbox_id}/allowlist'],
})
  .input(z.strictObject({ mailbox_id: MailboxRef }))
  .output(
    z.strictObject({
      entries: z.array(AllowlistEntry),
      allowed_for_a_time: z.array(Allowance).describe('Addresses that reviewers allowed until a time'),
      mailbox_id: z.string(),
      count: z.int().describe('Of entries'),
    }),
  )
  .query(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const { id } = await mailboxOf(tx, ctx.actor, input.mailbox_id)
      const rows = await allowlistOf(tx, id, mostEntries)
      const allowed = await allowancesIn(tx, id, ctx.rooms.clock.now())
      const view = { entries: rows.map(entryView), allowed_for_a_time: allowed, mailbox_id: id, count: rows.length }
      await recordRead(tx, ctx, {
        action: 'allowlist.listed',
        resourceType: 'mailbox',
        resourceId: id,
        view,
        metadata: { count: rows.length },
      })
      return view
    }),
  )

export const add_allowlist_entry = operation({
  scope: 'admin',
  title: 'Let mail to an address leave without approval',
  description:
    'Puts an address, or *@domain, on the allow-list of a gated_send mailbox. The operator has to agree: the first answer is "pending_approval"; ' +
    'make exactly the same call with the approval_code that they got by mail.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  twoStep: true,
  examples: [{ input: { mailbox_id: '{mailbox_id}', pattern: '*@example.com', note: 'our own people' } }],
  rest: ['POST /add_allowlist_entry', 'POST /v1/mailboxes/{mailbox_id}/allowlist'],
})
  .input(
    z.strictObject({
      mailbox_id: MailboxRef,
      pattern: z.string().min(1).max(longestPattern).describe('An address, or *@domain for everybody at that very domain'),
      note: z
        .string()
        .trim()
        .max(longestNote)
        .refine((text) => text.isWellFormed() && !/\p{Cc}/u.test(text), 'must be one line without control characters')
        .nullable()
        .exactOptional(),
      approval_code: ApprovalCode,
    }),
  )
  .output(orPending('added', { ...entryShape, mailbox_id: z.string() }))
  .mutation(async ({ ctx, input }) => {
    const { actor, rooms } = ctx
    const pattern = rooms.parsePattern(input.pattern)
    if (pattern === null)
      throw new OperationError('BAD_INPUT', 'pattern: write one address such as bo@example.com, or *@example.com for everybody there')
    const note = input.note === undefined || input.note === '' ? null : input.note
    const mailbox = await liveMailboxOf(rooms.store.db, actor, input.mailbox_id)
    await refuseAddition(rooms.store.db, mailbox, pattern)
    const parameters = { mailbox_id: mailbox.id, address: mailbox.address, pattern, note }
    return twoStep(ctx, { action: 'add_allowlist_entry', parameters, approvalCode: input.approval_code }, async (tx) => {
      await refuseAddition(tx, await liveMailboxOf(tx, actor, mailbox.id), pattern)
      const now = rooms.clock.now()
      const { id: mailbox_id, account_id, world } = mailbox
      const row = {
        id: newId('allowlistEntry', now),
        account_id,
        world,
        mailbox_id,
        pattern,
        note,
        added_by: actorId(actor),
        added_at: now,
      }
      await insertAllowlistEntry(tx, row)
      await appendLog(tx, logEntry(ctx, 'allowlist.added', row))
      return { status: 'added' as const, ...entryView(row), mailbox_id }
    })
  })

export const remove_allowlist_entry = operation({
  scope: 'admin',
  title: 'Take an entry off an allow-list',
  description:
    'Takes an entry off the allow-list of a mailbox, by its id from list_allowlist. The operator has to agree: the first answer is "pending_approval"; ' +
    'make exactly the same call with the approval_code that they got by mail.',
  readOnly: false,
  destructive: true,
  idempotent: false,
  twoStep: true,
  examples: [{ input: { mailbox_id: '{mailbox_id}', entry_id: '{allowlist_entry_id}' } }],
  rest: ['POST /remove_allowlist_entry', 'DELETE /v1/mailboxes/{mailbox_id}/allowlist/{entry_id}'],
})
  .input(
    z.strictObject({
      mailbox_id: MailboxRef,
      entry_id: z.string().min(1).max(64).describe('From list_allowlist'),
      approval_code: ApprovalCode,
    }),
  )
  .output(orPending('removed', { ...entryShape, mailbox_id: z.string() }))
  .mutation(async ({ ctx, input }) => {
    const { actor, rooms } = ctx
    const mailbox = await liveMailboxOf(rooms.store.db, actor, input.mailbox_id)
    const row = await entryOf(rooms.store.db, mailbox, input.entry_id)
    const parameters = { mailbox_id: mailbox.id, address: mailbox.address, entry_id: row.id, pattern: row.pattern }
    return twoStep(ctx, { action: 'remove_allowlist_entry', parameters, approvalCode: input.approval_code }, async (tx) => {
      // What is being filed by it is filed first; what is filed later is judged without it.
      await mailboxToChange(tx, mailbox.id)
      if (!(await deleteAllowlistEntry(tx, mailbox.id, row.id))) throw new OperationError('ALLOWLIST_ENTRY_NOT_FOUND')
      await appendLog(tx, logEntry(ctx, 'allowlist.removed', row))
      return { status: 'removed' as const, ...entryView(row), mailbox_id: mailbox.id }
    })
  })

async function liveMailboxOf(db: Db, actor: KeyActor, named: string): Promise<Row<'mailboxes'>> {
  const mailbox = await mailboxOf(db, actor, named)
  if (mailbox.deleted_at !== null) throw new OperationError('MAILBOX_NOT_FOUND')
  return mailbox
}

async function entryOf(db: Db, mailbox: Row<'mailboxes'>, id: string): Promise<AllowlistEntryRow> {
  const row = isId('allowlistEntry', id) ? await findAllowlistEntry(db, mailbox.id, { id }) : undefined
  if (row === undefined) throw new OperationError('ALLOWLIST_ENTRY_NOT_FOUND')
  return row
}

async function refuseAddition(db: Db, { id }: Row<'mailboxes'>, pattern: string): Promise<void> {
  if ((await findAllowlistEntry(db, id, { pattern })) !== undefined) throw new OperationError('ALLOWLIST_PATTERN_IN_USE')
  if ((await countAllowlist(db, id)) >= mostEntries) throw new OperationError('ALLOWLIST_FULL')
}

const logEntry = ({ actor, rooms }: Call, action: 'allowlist.added' | 'allowlist.removed', row: AllowlistEntryRow) => ({
  at: rooms.clock.now(),
  actor,
  tenancy: { accountId: row.account_id, world: row.world },
  action,
  resourceType: 'mailbox',
  resourceId: row.mailbox_id,
  metadata: { mailbox_id: row.mailbox_id, entry_id: row.id },
  details: { pattern: row.pattern, note: row.note },
})
