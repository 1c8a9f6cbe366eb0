import { z } from 'zod'
import { type DomainName, parseDomainName } from '../../dns/name.ts'
import type { KeyActor } from '../model/actor.ts'
import type { Db } from '../store/db.ts'
import type { StopScope } from '../store/stops.ts'
import { mailboxOf } from './access.ts'
import { OperationError } from './errors.ts'
import { MailboxRef } from './input.ts'
import { operation } from './procedure.ts'

const longestReason = 500
const longestDomain = 253

const Domain = z
  .string()
  .max(longestDomain)
  .transform((text, ctx): DomainName => {
    const name = parseDomainName(text)
    if (name !== null) return name
    ctx.addIssue({ code: 'custom', message: 'must be the name of a domain' })
    return z.NEVER
  })

const Which = z.strictObject({
  mailbox_id: MailboxRef.exactOptional().describe('Only the mail of this mailbox, by id or address; left out: all of the account'),
  domain: Domain.exactOptional().describe('Only mail to this domain'),
  reason: z.string().max(longestReason).exactOptional().describe('For the log'),
})

const Switched = z.strictObject({
  status: z.enum(['stopped', 'resumed']),
  changed: z.boolean().describe('False: it was so already'),
  message: z.string(),
})

const common = { scope: 'oversight', orScope: 'admin', readOnly: false, idempotent: true } as const

/** A key stops and resumes what its account sends, of the world that it is for. */
async function scopeOf(db: Db, actor: KeyActor, { mailbox_id, domain }: z.output<typeof Which>): Promise<StopScope> {
  if (mailbox_id === undefined && actor.mailboxIds !== null) throw new OperationError('KEY_BOUND')
  const mailbox = mailbox_id === undefined ? null : await mailboxOf(db, actor, mailbox_id)
  return { account_id: actor.accountId, world: actor.world, mailbox_id: mailbox?.id ?? null, domain: domain ?? null }
}

export const stop_sending = operation({
  ...common,
  title: 'Stop all leaving mail',
  description:
    'The switch: within a second nothing leaves any more, approved mail included. What has been sent in full still gets its answer; everything else stays ' +
    'in the queue until resume_sending. With mailbox_id or domain only that mail is stopped.',
  destructive: false,
  examples: [{ input: { mailbox_id: '{mailbox_id}', reason: 'It writes to the wrong people.' } }],
  rest: ['POST /stop_sending', 'POST /v1/sending/stop'],
})
  .input(Which)
  .output(Switched)
  .mutation(async ({ ctx, input }) => {
    const { store, sending } = ctx.rooms
    const scope = await scopeOf(store.db, ctx.actor, input)
    const stopped = await sending.stop({ scope, actor: ctx.actor, reason: input.reason })
    if (!stopped.ok) throw new OperationError('UNAVAILABLE', stopped.detail)
    return { status: 'stopped' as const, changed: stopped.value.changed, message: 'Nothing of it leaves until resume_sending.' }
  })

export const resume_sending = operation({
  ...common,
  title: 'Let mail leave again',
  description:
    'Takes back what stop_sending stopped with the same mailbox_id and domain. What the operator of the server stopped stays stopped.',
  destructive: false,
  examples: [{ input: { mailbox_id: '{mailbox_id}' } }],
  rest: ['POST /resume_sending', 'POST /v1/sending/resume'],
})
  .input(Which)
  .output(Switched)
  .mutation(async ({ ctx, input }) => {
    const { store, sending } = ctx.rooms
    const scope = await scopeOf(store.db, ctx.actor, input)
    const { changed } = await sending.resume({ scope, actor: ctx.actor, reason: input.reason })
    return { status: 'resumed' as const, changed, message: 'What waited is sent now, unless something else still stops it.' }
  })
