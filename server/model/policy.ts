/** The words of a policy: what an operator wrote down for one mailbox about what may leave (docs/policy.md). Pure. */
import type { FindingKind } from './finding.ts'

/** From most to least freedom. */
export const policyOutcomes = ['allow', 'hold', 'hold_for_two', 'block'] as const
export type PolicyOutcome = (typeof policyOutcomes)[number]

/** What a recipient may be to a mailbox; beside these a rule names addresses, and `*@domain`. */
export const recipientGroups = ['known', 'first_contact', 'in_thread', 'outsider', 'listed'] as const
export type RecipientGroup = (typeof recipientGroups)[number]

/** Each that is given has to hold. `amount_…`: of money, in whatever currency, in subject and text. */
export type What = {
  attachments?: boolean
  links?: boolean
  /** something in it comes from another thread, from hidden text or from an attachment; what was not looked at counts as such */
  tainted?: boolean
  amount_over?: number
  amount_up_to?: number
  /** one of these was found by the outgoing checks */
  found?: readonly FindingKind[]
}

export const periods = { hour: 60 * 60_000, day: 24 * 60 * 60_000 } as const
export type Period = keyof typeof periods
export const countedOf = ['mailbox', 'recipient', 'thread'] as const
export type CountedOf = (typeof countedOf)[number]
/** Messages within the last hour or day, one for each recipient, this email's own included. One of `more_than` and `at_most`. */
export type HowMany = { more_than?: number; at_most?: number; per: Period; of: CountedOf }

export type Rule = {
  /** `*`: everybody. Else what is allowed has to be for these only, and what is held or blocked for one of these */
  who: '*' | readonly string[]
  what?: What
  how_many?: HowMany
  outcome: PolicyOutcome
}
/** In order: the first that matches decides. */
export type Policy = readonly Rule[]

export const mostRules = 50
export const mostWho = 100

export type RecipientFacts = {
  /** in the compared form */
  address: string
  known: boolean
  /** null: it is in no conversation yet */
  inThread: boolean | null
  listed: boolean
}
export type Counts = Record<CountedOf, Record<Period, number>>

/** What the rules are asked about. */
export type MailFacts = {
  recipients: readonly RecipientFacts[]
  hasAttachments: boolean
  hasLinks: boolean
  /** null: none is named */
  largestAmount: number | null
  findings: readonly FindingKind[]
  /** null: not looked at */
  tainted: { fromOtherThread: boolean; fromHiddenText: boolean; fromAttachment: boolean } | null
  /** with this email; null: not counted, which is more than any number */
  counts: Counts | null
}

/** True when a rule asks how many there were. */
export const asksForCounts = (policy: Policy): boolean => policy.some(({ how_many }) => how_many !== undefined)
