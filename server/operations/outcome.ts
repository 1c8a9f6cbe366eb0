import { z } from 'zod'
import { rejectionCodes, rejectionWords } from '../model/decision.ts'
import type { EmailRow } from '../store/emails.ts'

/** How the waiting of an email ended, in a form that whoever wrote it can act on. */
export const Outcome = z.strictObject({
  kind: z
    .enum(['approved', 'rejected', 'expired', 'superseded', 'cancelled'])
    .describe(
      'expired: nobody decided in time, which is no refusal. superseded: another version took its place. cancelled: it was taken back',
    ),
  by: z.enum(['person', 'key', 'system']).nullable().describe('What kind of actor ended it; null: it is not known'),
  code: z.enum(rejectionCodes).nullable().describe('Of a rejection: why, as one of a few words'),
  reason: z.string().nullable().describe('Of a rejection: what the reviewer said'),
  redo_asked: z.boolean().describe('Of a rejection: the reviewer asks for another version'),
  replaced_by: z.string().nullable().describe('The email that took its place'),
  next: z.string().describe('What to do now'),
})
type Outcome = z.infer<typeof Outcome>

type Ended = Pick<
  EmailRow,
  | 'id'
  | 'direction'
  | 'status'
  | 'approved_at'
  | 'delivered_at'
  | 'bounced_at'
  | 'ended_by'
  | 'rejection_code'
  | 'rejection_reason'
  | 'redo_asked'
  | 'replaced_by_id'
>

/** Null while it waits, and for what never had to. Pure. */
export function outcomeOf(email: Ended): Outcome | null {
  const kind = kindOf(email)
  if (kind === null) return null
  return {
    kind,
    by: email.ended_by,
    code: email.rejection_code,
    reason: email.rejection_reason,
    redo_asked: email.redo_asked === 1,
    replaced_by: email.replaced_by_id,
    next: nextOf(kind, email),
  }
}

function kindOf({ status, approved_at, replaced_by_id }: Ended): Outcome['kind'] | null {
  if (status === 'rejected' || status === 'expired') return status
  // What was withdrawn is replaced by nothing (oversight/supersede.ts).
  if (status === 'cancelled') return replaced_by_id === null ? 'cancelled' : 'superseded'
  return approved_at === null ? null : 'approved'
}

function nextOf(kind: Outcome['kind'], email: Ended): string {
  const { id, direction, rejection_code, redo_asked, replaced_by_id } = email
  if (direction === 'inbound') return arrivedNexts[kind]
  if (replaced_by_id !== null) return `Look at ${replaced_by_id}, which is the other version.`
  if (kind === 'rejected' && redo_asked === 1)
    return `Write another version that does what the reviewer says, and submit it with replaces set to ${id}.`
  if (kind === 'rejected')
    return `${rejection_code === null ? 'A reviewer refused it' : rejectionWords[rejection_code]}. Do not submit the same again; a version that puts it right names it with replaces.`
  return kind === 'approved' ? afterApproval(email) : nexts[kind]
}

/** Of what arrived nothing can be submitted again. */
const arrivedNexts: Readonly<Record<Outcome['kind'], string>> = {
  approved: 'Read it: a reviewer let it in.',
  rejected: 'Nothing: a reviewer keeps it from you.',
  expired: 'Nothing: nobody decided whether you may read it.',
  superseded: 'Nothing: you may not read it.',
  cancelled: 'Nothing: you may not read it.',
}

function afterApproval({ status, delivered_at, bounced_at }: Ended): string {
  if (status === 'send_failed') return 'It was not sent. Look at why before you submit it again.'
  if (bounced_at !== null) return 'It came back from some of its recipients: look at their deliveries before you write again.'
  return delivered_at === null ? 'Nothing: it is on its way, or leaves at its time.' : 'Nothing: it was delivered.'
}

const nexts: Readonly<Record<'expired' | 'superseded' | 'cancelled', string>> = {
  expired: 'Nobody decided. If it is still wanted, submit it again, with replaces set to its id.',
  superseded: 'Nothing: another version took its place.',
  cancelled: 'Nothing: it will not be sent.',
}
