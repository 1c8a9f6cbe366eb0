import { z } from 'zod'
import { oversightModes } from '../model/email.ts'
import { enforcementTiers } from '../model/standing.ts'
import type { Ladder, OfDomain } from '../oversight/ladder/evidence.ts'
import type { Decided, Share } from '../oversight/ladder/suggestion.ts'
import { mailboxOf } from './access.ts'
import { MailboxRef } from './input.ts'
import { operation } from './procedure.ts'
import { recordRead } from './record.ts'
import { fromOutside } from './views.ts'

const Counts = z.strictObject({
  approved: z.int().describe('Let go as the agent wrote them'),
  changed: z.int().describe('Let go after a reviewer changed them'),
  rejected: z.int(),
  expired: z.int().describe('Nobody decided in time; counts neither way'),
  decided: z.int().describe('The first three together'),
  share: z.number().nullable().describe('approved of decided, from 0 to 1; null when nothing was decided'),
  at_least: z.number().describe('The lower end of its 95 % interval (Wilson): what the share may well be at least'),
})

const Suggested = z.strictObject({
  mailbox_id: z.string(),
  oversight_mode: z.enum(oversightModes),
  suggested_mode: z.enum(oversightModes).nullable().describe('null: nothing is suggested'),
  words: z.string(),
  against: z.array(z.string()).describe('Why nothing is suggested, or no further step'),
  days: z.int().describe('That were looked at'),
  is_complete: z.boolean().describe('False: only the newest decisions of these days were looked at'),
  leaving: Counts.describe('Of mail that it wanted to send'),
  arriving: Counts.describe('Of mail that arrived for it, in gated_all'),
  domains: z
    .array(Counts.extend({ domain: z.string().meta(fromOutside) }))
    .describe('Of leaving mail, by the domain of its recipients; those with most first'),
  delivered: z.int().describe('Messages, one for each recipient'),
  bounced: z.int(),
  complained: z.int(),
  lowered: z.int().describe('How often it lost autonomy by itself'),
  enforcement_tier: z.enum(enforcementTiers).nullable(),
  what_next: z.string(),
})

const round = (share: number): number => Math.floor(share * 10_000) / 10_000
const counts = (decided: Decided, { decided: of, share, atLeast }: Share): z.infer<typeof Counts> => ({
  ...decided,
  decided: of,
  share: share === null ? null : round(share),
  at_least: round(atLeast),
})

export const suggest_upgrade = operation({
  scope: 'oversight',
  orScope: 'admin',
  title: 'See what speaks for more autonomy',
  description:
    'For reviewers and operators. Says from the last 30 days whether a mailbox has earned a less strict oversight mode: how much of what waited was approved as it was, rejected or changed, in all and by domain of the recipients, with bounces and complaints. ' +
    'It changes nothing: only the operator raises a mode, by the code that request_upgrade mails them.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: { mailbox_id: '{mailbox_id}' } }],
  rest: ['GET /suggest_upgrade', 'GET /v1/mailboxes/{mailbox_id}/suggested-upgrade'],
})
  .input(z.strictObject({ mailbox_id: MailboxRef }))
  .output(Suggested)
  .query(async ({ ctx, input }) => {
    const { actor, rooms } = ctx
    const mailbox = await mailboxOf(rooms.store.db, actor, input.mailbox_id)
    const view = suggestionView(mailbox.id, await rooms.suggestions.of(mailbox))
    const reading = { action: 'ladder.read' as const, resourceType: 'mailbox', resourceId: mailbox.id, view }
    await rooms.store.transaction((tx) => recordRead(tx, ctx, reading))
    return view
  })

function suggestionView(mailboxId: string, { evidence, suggestion, shares, isComplete, domains }: Ladder): z.infer<typeof Suggested> {
  const { mode, days, decided, sent, lowered, standing } = evidence
  const { target } = suggestion
  return {
    mailbox_id: mailboxId,
    oversight_mode: mode,
    suggested_mode: target,
    words: suggestion.words,
    against: suggestion.against,
    days,
    is_complete: isComplete,
    leaving: counts(decided.outbound, shares.outbound),
    arriving: counts(decided.inbound, shares.inbound),
    domains: domains.map(({ domain, decided: of, share }: OfDomain) => ({ domain, ...counts(of, share) })),
    ...sent,
    lowered,
    enforcement_tier: standing,
    what_next:
      target === null
        ? 'Nothing: it stays as it is.'
        : `If you want that, have its agent call request_upgrade with target_mode ${target}: the operator gets a code by mail, and nothing changes before the agent hands that in (apply_upgrade).`,
  }
}
