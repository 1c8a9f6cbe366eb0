import { z } from 'zod'
import { actorId } from '../model/actor.ts'
import { sha256 } from '../model/canonical.ts'
import { type FindingKind, findingKinds, findings } from '../model/finding.ts'
import { type Policy, countedOf, mostRules, mostWho, policyOutcomes, recipientGroups } from '../model/policy.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Preview } from '../outbound/policies.ts'
import type { Tx } from '../store/db.ts'
import { type Facts, appendLog } from '../store/log.ts'
import { mailboxToChange, policyIn, setPolicy } from '../store/mailboxes.ts'
import type { Row } from '../store/schema.ts'
import { mailboxOf } from './access.ts'
import { type FieldError, OperationError } from './errors.ts'
import { MailboxRef } from './input.ts'
import { type Call, operation } from './procedure.ts'
import { recordRead } from './record.ts'
import { ApprovalCode, orPending, twoStep } from './two-step.ts'
import { isoOrNull } from './views.ts'

const longestName = 254
const largestNumber = 1_000_000_000
/** As JSON: it is mailed to the operator, and read with the mailbox. */
const longestPolicy = 16 * 1024

const heldFindings = findingKinds.filter((kind) => findings[kind].means === 'hold')
const atMost = z.int().min(0).max(largestNumber).exactOptional()
const amount = z.number().min(0).max(largestNumber).exactOptional()

const Rule = z.strictObject({
  who: z
    .union([z.literal('*'), z.array(z.string().min(1).max(longestName)).min(1).max(mostWho)])
    .describe(
      `"*" for everybody, or a list of ${recipientGroups.join(', ')}, addresses and *@domain. What is allowed has to be for these only; what is held or blocked, for one of these.`,
    ),
  what: z
    .strictObject({
      attachments: z.boolean().exactOptional(),
      links: z.boolean().exactOptional(),
      tainted: z
        .boolean()
        .exactOptional()
        .describe(
          'Holds something from another conversation, from hidden text or from an attachment; what was not looked at counts as such',
        ),
      amount_over: amount.describe('The largest amount of money in subject and text is over this, in whatever currency'),
      amount_up_to: amount.describe('No amount of money in subject and text is over this'),
      found: z
        .array(z.enum(heldFindings as [FindingKind, ...FindingKind[]]))
        .min(1)
        .exactOptional()
        .describe('The outgoing checks found one of these. A rule that allows lets these go, and nothing else that was found'),
    })
    .exactOptional()
    .describe('All of these; left out: whatever it holds'),
  how_many: z
    .strictObject({
      more_than: atMost.describe('With this email there are more messages than so many'),
      at_most: atMost.describe('With this email there are so many messages at most'),
      per: z.enum(['hour', 'day']),
      of: z.enum(countedOf),
    })
    .refine((many) => (many.more_than === undefined) !== (many.at_most === undefined), 'takes one of more_than and at_most')
    .exactOptional()
    .describe('One message for each recipient, this email’s own included'),
  outcome: z
    .enum(policyOutcomes)
    .describe(
      'allow: it is sent. hold: a person decides. hold_for_two: two people have to approve it, or as many as the operator has set. block: it is refused',
    ),
})

const Rules = z
  .array(Rule)
  .max(mostRules)
  .describe(
    'In order: the first that matches decides. Where none does the mode decides, unless a rule allows addresses: then it is refused',
  )

const shape = {
  mailbox_id: z.string(),
  rules: z.array(Rule),
  words: z.array(z.string()).describe('Each rule as a sentence'),
  set_at: z.string().nullable().describe('ISO 8601, UTC; null: it never had a policy'),
  set_by: z.string().nullable(),
}
const Shown = z.strictObject(shape)

const view = ({ rooms }: Call, mailbox: Row<'mailboxes'>, policy = policyIn(mailbox)): z.infer<typeof Shown> => ({
  mailbox_id: mailbox.id,
  rules: policy.map((rule) => ({ ...rule, who: rule.who === '*' ? '*' : [...rule.who] })) as z.infer<typeof Rule>[],
  words: rooms.policies.words(policy),
  set_at: isoOrNull(mailbox.policy_set_at),
  set_by: mailbox.policy_set_by,
})

export const get_policy = operation({
  scope: 'admin',
  title: 'Read the policy of a mailbox',
  description:
    'Shows the rules about what may leave a mailbox, in order, and each as a sentence. Without rules the mode of the mailbox decides alone.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: { mailbox_id: '{mailbox_id}' } }],
  rest: ['GET /get_policy', 'GET /v1/mailboxes/{mailbox_id}/policy'],
})
  .input(z.strictObject({ mailbox_id: MailboxRef }))
  .output(Shown)
  .query(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const mailbox = await mailboxOf(tx, ctx.actor, input.mailbox_id)
      const shown = view(ctx, mailbox)
      await recordRead(tx, ctx, { action: 'policy.read', resourceType: 'mailbox', resourceId: mailbox.id, view: shown })
      return shown
    }),
  )

const example = {
  mailbox_id: '{mailbox_id}',
  rules: [
    { who: '*', what: { amount_over: 1000 }, outcome: 'hold' as const },
    { who: '*', how_many: { more_than: 50, per: 'day' as const, of: 'mailbox' as const }, outcome: 'hold' as const },
  ],
}

export const set_policy = operation({
  scope: 'admin',
  title: 'Set the policy of a mailbox',
  description:
    'Replaces the rules about what may leave a mailbox; an empty list takes them away. What is plainly stricter than before is set at once. For anything else the operator has to agree: the first answer is ' +
    '"pending_approval"; make exactly the same call with the approval_code that they got by mail. Ask preview_policy before.',
  readOnly: false,
  destructive: false,
  idempotent: true,
  twoStep: true,
  examples: [{ input: example }],
  rest: ['POST /set_policy', 'PUT /v1/mailboxes/{mailbox_id}/policy'],
})
  .input(z.strictObject({ mailbox_id: MailboxRef, rules: Rules, approval_code: ApprovalCode }))
  .output(orPending('set', shape))
  .mutation(async ({ ctx, input }) => {
    const { actor, rooms } = ctx
    const policy = policyOf(ctx.rooms.parsePattern, input.rules)
    const named = await mailboxOf(rooms.store.db, actor, input.mailbox_id)
    /** Null: the operator has to agree, for somebody else has changed it meanwhile. */
    const change = async (tx: Tx, agreedFrom: string | null) => {
      const mailbox = await mailboxToChange(tx, named.id)
      if (mailbox === undefined || mailbox.deleted_at !== null) throw new OperationError('MAILBOX_NOT_FOUND')
      const before = policyIn(mailbox)
      if (agreedFrom === null ? rooms.policies.mayLoosen(before, policy) : agreedFrom !== hashOf(before)) return null
      const now = rooms.clock.now()
      const by = actorId(actor)
      await setPolicy(tx, mailbox.id, { policy, by, at: now })
      const metadata = {
        mailbox_id: mailbox.id,
        rules: policy.length,
        policy_hash: hashOf(policy),
        previous_hash: hashOf(before),
        is_looser: agreedFrom !== null,
      }
      const tenancy = { accountId: mailbox.account_id, world: mailbox.world }
      const about = { at: now, actor, tenancy, action: 'policy.set', resourceType: 'mailbox', resourceId: mailbox.id } as const
      await appendLog(tx, { ...about, metadata, details: { rules: asFacts(policy), previous: asFacts(before) } })
      return { status: 'set' as const, ...view(ctx, { ...mailbox, policy_set_at: now, policy_set_by: by }, policy) }
    }
    if (named.deleted_at !== null) throw new OperationError('MAILBOX_NOT_FOUND')
    const set = await rooms.store.transaction((tx) => change(tx, null))
    if (set !== null) return set
    const seen = policyIn(await mailboxOf(rooms.store.db, actor, named.id))
    // With what it is now, so that the code is good for what it was asked for.
    const parameters = { mailbox_id: named.id, address: named.address, rules: asFacts(policy), previous_hash: hashOf(seen) }
    return twoStep(ctx, { action: 'loosen_policy', parameters, approvalCode: input.approval_code }, async (tx) => {
      const done = await change(tx, hashOf(seen))
      if (done === null) throw new OperationError('POLICY_CHANGED')
      return done
    })
  })

const Outcomes = z.strictObject({ sent: z.int(), held: z.int(), refused: z.int() })

export const preview_policy = operation({
  scope: 'admin',
  title: 'Ask what a policy would have done',
  description:
    'Tells what these rules would have done to what the mailbox handed in during the last 30 days (the newest 500 emails at most), and what the rules and the mode of today would: nothing is changed. ' +
    'An email of which it was not looked at where its words come from counts as tainted.',
  readOnly: false,
  destructive: false,
  idempotent: true,
  examples: [{ input: example }],
  rest: ['POST /preview_policy', 'POST /v1/mailboxes/{mailbox_id}/policy/preview'],
})
  .input(z.strictObject({ mailbox_id: MailboxRef, rules: Rules }))
  .output(
    z.strictObject({
      mailbox_id: z.string(),
      emails: z.int().describe('That were looked at'),
      is_complete: z.boolean().describe('False: there are more within the 30 days'),
      would: Outcomes,
      now: Outcomes.describe('The same with the policy that the mailbox has'),
      rules: z.array(z.strictObject({ words: z.string(), emails: z.int() })).describe('About how many each rule would have decided'),
      by_mode: z.int().describe('About how many no rule says anything'),
      needs_approval: z.boolean().describe('True: set_policy asks the operator, since this may let go what is held or refused now'),
      message: z.string(),
    }),
  )
  .mutation(async ({ ctx, input }) => {
    const { actor, rooms } = ctx
    const policy = policyOf(ctx.rooms.parsePattern, input.rules)
    const mailbox = await mailboxOf(rooms.store.db, actor, input.mailbox_id)
    const seen = await rooms.policies.preview(mailbox, policy)
    const answer = {
      mailbox_id: mailbox.id,
      emails: seen.emails,
      is_complete: seen.isComplete,
      would: outcomesOf(seen.would),
      now: outcomesOf(seen.now),
      rules: rooms.policies.words(policy).map((words, at) => ({ words, emails: seen.by[at] ?? 0 })),
      by_mode: seen.byMode,
      needs_approval: rooms.policies.mayLoosen(policyIn(mailbox), policy),
      message: `It would have held ${seen.would.hold} of ${seen.emails}, and refused ${seen.would.refuse}.`,
    }
    const metadata = { policy_hash: hashOf(policy) }
    const reading = { action: 'policy.previewed' as const, resourceType: 'mailbox', resourceId: mailbox.id, view: answer, metadata }
    await rooms.store.transaction((tx) => recordRead(tx, ctx, reading))
    return answer
  })

const outcomesOf = ({ allow, hold, refuse }: Preview['would']) => ({ sent: allow, held: hold, refused: refuse })

type ParsePattern = Call['rooms']['parsePattern']

/** The rules as somebody wrote them into a file, by the words of set_policy. @returns the policy, or in `facts.problems` a line for each thing that is wrong with it */
export function policyWritten(parsePattern: ParsePattern, written: unknown): Result<Policy, 'BAD_INPUT'> {
  const read = Rules.safeParse(written)
  if (!read.success) return wrong(read.error.issues.map(({ path, message }) => ({ path: ['rules', ...path].join('.'), message })))
  try {
    return ok(policyOf(parsePattern, read.data))
  } catch (error) {
    if (error instanceof OperationError) return wrong(error.fields)
    throw error
  }
}
const wrong = (fields: readonly FieldError[]) => ({
  ...fail('BAD_INPUT'),
  facts: { problems: fields.map(({ path, message }) => `${path}: ${message}`) },
})

/** Addresses in the form in which they are compared. */
function policyOf(parsePattern: ParsePattern, rules: z.output<typeof Rules>): Policy {
  const policy: Policy = rules.map(({ who, what, how_many, outcome }, at) => ({
    who: who === '*' ? '*' : [...new Set(who.map((one, index) => nameIn(parsePattern, one, `rules.${at}.who.${index}`)))],
    ...(what !== undefined && { what }),
    ...(how_many !== undefined && { how_many }),
    outcome,
  }))
  if (JSON.stringify(policy).length > longestPolicy)
    throw new OperationError('BAD_INPUT', undefined, [{ path: 'rules', message: `are at most ${longestPolicy} characters of JSON` }])
  return policy
}

function nameIn(parsePattern: ParsePattern, text: string, path: string): string {
  if ((recipientGroups as readonly string[]).includes(text)) return text
  const pattern = parsePattern(text)
  if (pattern !== null) return pattern
  const message = `write one of ${recipientGroups.join(', ')}, an address or *@domain; everybody is "*" instead of the list`
  throw new OperationError('BAD_INPUT', undefined, [{ path, message }])
}

const hashOf = (policy: Policy): string => sha256(JSON.stringify(policy))
const asFacts = (policy: Policy): Facts[] => JSON.parse(JSON.stringify(policy)) as Facts[]
