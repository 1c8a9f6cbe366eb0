import { z } from 'zod'
import { newId } from '../model/ids.ts'
import { type Facts, factsJson } from '../store/facts.ts'
import { countIssuesSince, insertIssue } from '../store/issues.ts'
import { appendLog } from '../store/log.ts'
import { OperationError } from './errors.ts'
import { PlainText } from './input.ts'
import { operation } from './procedure.ts'

const largestIssue = 16 * 1024
const mostInADay = 50
const day = 24 * 60 * 60_000

export const report_issue = operation({
  scope: 'any',
  title: 'Report an issue to the operator',
  description:
    'Tells the person who runs this server that something does not work or is missing. They read it on the server; nobody answers here. Leave out what others wrote to you in confidence.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  examples: [
    { input: { title: 'The search finds nothing', message: 'I searched for an order that is in the inbox, and got an empty list.' } },
  ],
  rest: ['POST /report_issue', 'POST /v1/feedback'],
})
  .input(
    z
      .strictObject({
        title: PlainText(200).default(''),
        message: PlainText(8000).default('').describe('What you did, what you expected, what happened; the request_id of an error'),
        details: z.record(PlainText(64), z.unknown()).default({}).describe('Anything else'),
      })
      .refine((issue) => Buffer.byteLength(JSON.stringify(issue)) <= largestIssue, `more than ${largestIssue} bytes`)
      .refine(
        ({ title, message, details }) => title !== '' || message !== '' || Object.keys(details).length > 0,
        'say what is wrong, in title or message',
      ),
  )
  .output(z.strictObject({ status: z.literal('received'), id: z.string() }))
  .mutation(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const { actor } = ctx
      const now = ctx.rooms.clock.now()
      if ((await countIssuesSince(tx, actor, now - day)) >= mostInADay) throw new OperationError('TOO_MANY_ISSUES', undefined, [], day)
      const { title, message, details } = input
      const id = newId('issue', now)
      const row = { id, account_id: actor.accountId, world: actor.world, key_id: actor.keyId, title, created_at: now }
      await insertIssue(tx, { ...row, body_json: factsJson({ message, details: details as Facts }) })
      const entry = { at: now, actor, tenancy: actor, action: 'issue.reported', resourceType: 'issue', resourceId: id } as const
      await appendLog(tx, { ...entry, details: { title } })
      return { status: 'received' as const, id }
    }),
  )
