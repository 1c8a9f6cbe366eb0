import { z } from 'zod'
import { type Facts as LogFacts, type LogRecord, listLog } from '../store/log.ts'
import { OperationError } from './errors.ts'
import { Limit, SeqCursor, cursorAt } from './input.ts'
import { operation } from './procedure.ts'
import { recordRead } from './record.ts'
import { fromOutside, isoTime } from './views.ts'

const defaultLimit = 50

// Not z.json(): its schema refers to itself, and some clients cannot follow a $ref. What comes out of the log is JSON.
const Facts = z.record(z.string(), z.unknown()) as z.ZodType as z.ZodType<LogFacts>
export const LogEntry = z.strictObject({
  id: z.string(),
  seq: z.int().describe('Its place in the chain'),
  action: z.string(),
  resource_type: z.string(),
  resource_id: z.string(),
  actor_key_id: z.string().describe('The key that did it, or system:… for the server itself'),
  metadata: Facts,
  details: Facts.nullable().meta(fromOutside).describe('Addresses and texts; null when there are none or they were erased'),
  created_at: z.string().describe('ISO 8601, UTC'),
  leaf_hash: z.string(),
  chain_hash: z.string().describe('Over the entry before and this one: a changed or removed entry breaks the chain'),
})

export const get_audit_log = operation({
  scope: 'admin',
  title: 'Read the audit log',
  description:
    'Lists what happened in this account, newest first: each read, draft, submission, decision, release and delivery attempt, and who did it.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: { limit: 20 } }],
  rest: ['GET /get_audit_log', 'GET /v1/audit-log'],
})
  .input(z.strictObject({ limit: Limit.default(defaultLimit), cursor: SeqCursor.exactOptional() }))
  .output(z.strictObject({ entries: z.array(LogEntry), cursor: z.string().nullable() }))
  .query(({ ctx, input }) => {
    // Entries of the log belong to the account, not to one mailbox.
    if (ctx.actor.mailboxIds !== null) throw new OperationError('KEY_BOUND')
    return ctx.rooms.store.transaction(async (tx) => {
      const rows = await listLog(tx, ctx.actor, { limit: input.limit + 1, ...(input.cursor !== undefined && { before: input.cursor }) })
      const page = rows.slice(0, input.limit)
      const view = { entries: page.map(logView), cursor: rows.length > page.length ? cursorAt(String(page.at(-1)?.seq)) : null }
      await recordRead(tx, ctx, {
        action: 'audit.listed',
        resourceType: 'account',
        resourceId: ctx.actor.accountId,
        view,
        metadata: { count: page.length },
      })
      return view
    })
  })

export const logView = (entry: LogRecord): z.infer<typeof LogEntry> => ({
  id: entry.id,
  seq: entry.seq,
  action: entry.action,
  resource_type: entry.resourceType,
  resource_id: entry.resourceId,
  actor_key_id: entry.actorId,
  metadata: entry.metadata,
  details: entry.details,
  created_at: isoTime(entry.at),
  leaf_hash: entry.leafHash,
  chain_hash: entry.chainHash,
})
