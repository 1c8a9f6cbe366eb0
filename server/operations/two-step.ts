/**
 * Operations that the operator has to agree to (contract §4.5): the first answer is `pending_approval`, and the same call with the code that was mailed
 * to them does it; with a live operator session the first one may (operator-sessions.ts). Such an operation has `twoStep: true` in its meta, `approval_code: ApprovalCode` in its input, `orPending(…)` for its output,
 * and does its work inside `twoStep(…)`.
 */
import { z } from 'zod'
import type { AdminAction } from '../model/admin-action.ts'
import type { Pending } from '../oversight/admin-actions.ts'
import type { Tx } from '../store/db.ts'
import type { Facts } from '../store/log.ts'
import { unwrap } from './errors.ts'
import type { Call } from './procedure.ts'
import { isoTime } from './views.ts'

const longestCode = 16
export const ApprovalCode = z
  .string()
  .min(1)
  .max(longestCode)
  .exactOptional()
  .describe('The code that the operator got by mail after the first call. Everything else must be as it was in that call.')

const pendingStatus = 'pending_approval'
const pendingShape = {
  message: z.string().exactOptional().describe('pending_approval: what to do next'),
  action: z.string().exactOptional().describe('pending_approval: what waits'),
  approval_id: z.string().exactOptional().describe('pending_approval: by which the operator can agree on the server'),
  expires_at: z.string().nullable().exactOptional().describe('pending_approval: until when the code is good; ISO 8601, UTC'),
  sandbox_code: z.string().exactOptional().describe('pending_approval of a test key: the code itself, since nothing is mailed'),
}

export type PendingView = {
  status: typeof pendingStatus
  message: string
  action: string
  approval_id: string
  expires_at: string
  sandbox_code?: string
}

/** The output of such an operation: `status` is `done` (or one of its words) and every field of `shape` is there, or it is `pending_approval` and none of them is.
 *  A field of `shape` that is called like one of the pending answer has to take its values as well (such as `expires_at`). */
export function orPending<const Done extends string, Shape extends z.ZodRawShape>(done: Done | readonly Done[], shape: Shape) {
  const words: readonly Done[] = typeof done === 'string' ? [done] : done
  const optional = z.object(shape).partial().shape
  return z
    .strictObject({ ...pendingShape, ...optional, status: z.enum([...words, pendingStatus]) })
    .refine((answer) => isWhole(answer as { status: string }, shape), 'neither done nor pending')
}

function isWhole(answer: { status: string }, shape: z.ZodRawShape): boolean {
  const names = Object.keys(shape).filter((name) => answer.status !== pendingStatus || !Object.hasOwn(pendingShape, name))
  return names.every((name) => Object.hasOwn(answer, name) === (answer.status !== pendingStatus))
}

export type TwoStep = {
  action: AdminAction
  /** everything that decides what will be done: the parsed input without its approval_code, defaults filled in, references as ids; no secrets */
  parameters: Facts
  approvalCode: string | undefined
}

/** Does `effect` if the operator has agreed, or asks them. Check before what speaks against it, so that nobody is asked in vain, and again in `effect`:
 *  it runs in the transaction that uses the agreement up, with this `tx` and no other, and what it throws undoes both. */
export async function twoStep<T>(
  { actor, rooms, operatorSession }: Call,
  { action, parameters, approvalCode: code }: TwoStep,
  effect: (tx: Tx) => Promise<T>,
): Promise<T | PendingView> {
  const outcome = unwrap(await rooms.adminActions.perform({ actor, action, parameters, code, session: operatorSession?.presented }, effect))
  return outcome.kind === 'done' ? outcome.value : pendingView(outcome.pending)
}

const pendingView = (pending: Pending): PendingView => ({
  status: pendingStatus,
  message: whatNext(pending),
  action: pending.action,
  approval_id: pending.id,
  expires_at: isoTime(pending.expiresAt),
  ...(pending.sandboxCode !== null && { sandbox_code: pending.sandboxCode }),
})

function whatNext({ id, told, sandboxCode }: Pending): string {
  if (sandboxCode !== null)
    return 'Nothing was done yet. With a live key the operator would be asked by mail now; here, make exactly the same call again with the sandbox_code as approval_code.'
  const onHost = `\`multimail approve ${id}\` on the server`
  if (told === null)
    return `Nothing was done yet: the operator has to agree, and there is no address to ask them at. Ask them to run ${onHost}, then make exactly the same call again. (\`multimail operator email ADDRESS\` lets them be asked by mail.)`
  return `Nothing was done yet: the operator has to agree, and a code was mailed to ${masked(told)}. Ask them for it, then make exactly the same call again with approval_code. If they run ${onHost} instead, the same call needs no code.`
}

/** Enough to know it by: `b…@example.com`. */
export const masked = (address: string): string => `${address.slice(0, 1)}…${address.slice(address.lastIndexOf('@'))}`
