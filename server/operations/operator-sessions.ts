/** Contract §4.6: an operator at a program with cookies gives one code, and is not asked again for each admin action for a while. */
import { z } from 'zod'
import { isId } from '../model/ids.ts'
import { OperationError, unwrap } from './errors.ts'
import { type Call, operation } from './procedure.ts'
import { recordRead } from './record.ts'
import { masked } from './two-step.ts'
import { isoOrNull, isoTime } from './views.ts'

const longestCode = 16

/** What a session may do is done to the whole account. */
const ofAccount = (ctx: Call): Call => {
  if (ctx.actor.mailboxIds !== null) throw new OperationError('KEY_BOUND')
  return ctx
}

export const start_operator_session = operation({
  scope: 'admin',
  title: 'Ask for a code to begin an operator session',
  description:
    'Mails a code to the operator of the account. With it verify_operator_session begins a session of 15 minutes, in which fewer admin actions ask for a code of their own. ' +
    'For the operator at a program of their own: an agent has no use for it.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  secretOutput: true,
  noTool: true,
  examples: [{ input: {} }],
  rest: ['POST /start_operator_session', 'POST /v1/operator/start-session'],
})
  .input(z.strictObject({}))
  .output(
    z.strictObject({
      status: z.literal('code_sent'),
      masked_email: z.string().nullable().describe('Where the code went, enough of it to know it by; null of a test key'),
      expires_at: z.string().describe('Until when the code is good; ISO 8601, UTC'),
      sandbox_code: z.string().exactOptional().describe('Of a test key: the code itself, since nothing is mailed'),
    }),
  )
  .mutation(async ({ ctx }) => {
    const { told, expiresAt, sandboxCode } = unwrap(await ctx.rooms.operatorSessions.start(ofAccount(ctx).actor))
    return {
      status: 'code_sent' as const,
      masked_email: told === null ? null : masked(told),
      expires_at: isoTime(expiresAt),
      ...(sandboxCode !== null && { sandbox_code: sandboxCode }),
    }
  })

export const verify_operator_session = operation({
  scope: 'admin',
  title: 'Begin an operator session',
  description:
    'Begins an operator session with the code that start_operator_session mailed. The answer sets a cookie; a call that shows it and the same key needs no approval_code for admin ' +
    'actions, but for those about keys that decide on mail, the allow-list, the operator’s address and the end of the account.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  secretOutput: true,
  noTool: true,
  examples: [{ input: { code: '{operator_code}' } }],
  rest: ['POST /verify_operator_session', 'POST /v1/operator/verify-session'],
})
  .input(z.strictObject({ code: z.string().min(1).max(longestCode).describe('As it was mailed; dashes and capitals do not matter') }))
  .output(
    z.strictObject({
      status: z.literal('started'),
      session_id: z.string(),
      expires_at: z.string().describe('When the session ends; ISO 8601, UTC'),
    }),
  )
  .mutation(async ({ ctx, input }) => {
    const { id, token, expiresAt } = unwrap(await ctx.rooms.operatorSessions.verify(ofAccount(ctx).actor, input.code))
    if (ctx.operatorSession !== undefined) ctx.operatorSession.change = { token, expiresAt }
    return { status: 'started' as const, session_id: id, expires_at: isoTime(expiresAt) }
  })

export const end_operator_session = operation({
  scope: 'admin',
  title: 'End an operator session',
  description: 'Ends the operator session of this key at once, and a code that it waits for; with session_id any session of the account.',
  readOnly: false,
  destructive: false,
  idempotent: true,
  noTool: true,
  examples: [{ input: { session_id: '{session_id}' } }, { input: {} }],
  rest: ['POST /end_operator_session', 'POST /v1/operator/end-session', 'DELETE /v1/operator/sessions/{session_id}'],
})
  .input(z.strictObject({ session_id: z.string().min(1).max(64).exactOptional().describe('From list_operator_sessions, e.g. ops_01J…') }))
  .output(z.strictObject({ status: z.literal('ended'), ended: z.array(z.string()).describe('Ids of the sessions that were under way') }))
  .mutation(async ({ ctx, input: { session_id } }) => {
    const { actor, rooms } = ofAccount(ctx)
    if (session_id !== undefined && !isId('operatorSession', session_id)) throw new OperationError('SESSION_NOT_FOUND')
    const ended = unwrap(await rooms.operatorSessions.end(actor, session_id === undefined ? 'own' : { id: session_id }))
    if (ctx.operatorSession !== undefined && session_id === undefined) ctx.operatorSession.change = 'clear'
    return { status: 'ended' as const, ended }
  })

export const get_operator_session = operation({
  scope: 'admin',
  title: 'Look whether an operator session is on',
  description: 'Says whether this call shows the cookie of an operator session that is under way, until when, and what it is good for.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  noTool: true,
  examples: [{ input: {} }],
  rest: ['GET /get_operator_session', 'GET /v1/operator/session'],
})
  .input(z.strictObject({}))
  .output(
    z.strictObject({
      active: z.boolean(),
      expires_at: z.string().nullable().describe('ISO 8601, UTC'),
      max_tier: z.literal('medium').nullable().describe('medium: admin actions of this tier need no code of their own'),
    }),
  )
  .query(({ ctx }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const { actor, rooms, operatorSession } = ofAccount(ctx)
      const session = await rooms.operatorSessions.live(tx, actor, operatorSession?.presented)
      const view = {
        active: session !== null,
        expires_at: isoOrNull(session?.expires_at ?? null),
        max_tier: session === null ? null : ('medium' as const),
      }
      await recordRead(tx, ctx, { action: 'operator_session.read', resourceType: 'account', resourceId: actor.accountId, view })
      return view
    }),
  )

export const list_operator_sessions = operation({
  scope: 'admin',
  title: 'List the operator sessions',
  description: 'Lists the operator sessions of the account that are under way. end_operator_session ends one.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  noTool: true,
  examples: [{ input: {} }],
  rest: ['GET /list_operator_sessions', 'GET /v1/operator/sessions'],
})
  .input(z.strictObject({}))
  .output(
    z.strictObject({
      sessions: z.array(
        z.strictObject({
          id: z.string(),
          key_id: z.string().describe('The key without which it is worth nothing'),
          started_at: z.string().describe('ISO 8601, UTC'),
          expires_at: z.string(),
          is_own: z.boolean().describe('Whether it is the one of this call'),
        }),
      ),
    }),
  )
  .query(({ ctx }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const { actor, rooms, operatorSession } = ofAccount(ctx)
      const own = await rooms.operatorSessions.live(tx, actor, operatorSession?.presented)
      const sessions = (await rooms.operatorSessions.list(tx, actor)).map((row) => ({
        id: row.id,
        key_id: row.key_id,
        started_at: isoTime(row.started_at ?? row.created_at),
        expires_at: isoTime(row.expires_at),
        is_own: row.id === own?.id,
      }))
      const resource = { resourceType: 'account', resourceId: actor.accountId }
      await recordRead(tx, ctx, {
        action: 'operator_sessions.listed',
        ...resource,
        view: { sessions },
        metadata: { count: sessions.length },
      })
      return { sessions }
    }),
  )
