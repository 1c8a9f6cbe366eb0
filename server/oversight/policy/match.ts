/**
 * Which rule of a policy decides about an email. Pure.
 *
 * Promises: the first rule that matches decides. What is allowed has to match whole: each recipient, or the rule does not match. What is held or blocked
 * matches by one recipient. Where a rule allows a list of addresses, what no rule matches is blocked; everybody has to be written, as `*`.
 */
import type { HowMany, MailFacts, Policy, RecipientFacts, RecipientGroup, Rule, What } from '../../model/policy.ts'
import { inWords } from './words.ts'

/** `covers`: what the checks found and this rule lets go nevertheless. */
export type PolicyVerdict = {
  outcome: Rule['outcome']
  words: string
  covers: readonly string[]
  /** from 0; null: what no rule is about */ rule: number | null
}

/** @returns null when no rule says anything, and the mode decides */
export function judge(policy: Policy, facts: MailFacts): PolicyVerdict | null {
  const at = policy.findIndex((rule) => matches(rule, facts))
  const rule = policy[at]
  if (rule !== undefined)
    return {
      outcome: rule.outcome,
      words: `Rule ${at + 1} of the policy of this mailbox: ${inWords(rule)}.`,
      covers: rule.what?.found ?? [],
      rule: at,
    }
  return deniesOthers(policy) ? { outcome: 'block', words: notListed, covers: [], rule: null } : null
}

const notListed = 'The policy of this mailbox lists whom it may write to, and no rule of it is about this email.'

/** True when it has a list, so that whoever is not on it gets nothing. */
export const deniesOthers = (policy: Policy): boolean =>
  policy.some(({ who, outcome }) => outcome === 'allow' && who !== '*' && who.some((one) => one.includes('@')))

const matches = (rule: Rule, facts: MailFacts): boolean =>
  isFor(rule, facts.recipients) && isAbout(rule.what ?? {}, facts) && isSoMany(rule.how_many, facts)

function isFor({ who, outcome }: Rule, recipients: readonly RecipientFacts[]): boolean {
  if (who === '*') return true
  const names = new Set(who)
  const isNamed = (recipient: RecipientFacts): boolean =>
    names.has(recipient.address) ||
    names.has(`*${recipient.address.slice(recipient.address.lastIndexOf('@'))}`) ||
    groupsOf(recipient).some((group) => names.has(group))
  return outcome === 'allow' ? recipients.length > 0 && recipients.every(isNamed) : recipients.some(isNamed)
}

const groupsOf = ({ known, inThread, listed }: RecipientFacts): RecipientGroup[] => [
  known ? 'known' : 'first_contact',
  ...(inThread === null ? [] : [inThread ? ('in_thread' as const) : ('outsider' as const)]),
  ...(listed ? ['listed' as const] : []),
]

function isAbout({ attachments, links, tainted, amount_over: over, amount_up_to: upTo, found }: What, facts: MailFacts): boolean {
  const amount = facts.largestAmount ?? 0
  return (
    (attachments === undefined || attachments === facts.hasAttachments) &&
    (links === undefined || links === facts.hasLinks) &&
    (tainted === undefined || tainted === isTainted(facts)) &&
    (over === undefined || amount > over) &&
    (upTo === undefined || amount <= upTo) &&
    (found === undefined || found.some((kind) => facts.findings.includes(kind)))
  )
}

const isTainted = ({ tainted }: MailFacts): boolean => tainted === null || Object.values(tainted).includes(true)

function isSoMany(asked: HowMany | undefined, { counts }: MailFacts): boolean {
  if (asked === undefined) return true
  const { more_than: moreThan, at_most: atMost, per, of } = asked
  const count = counts === null ? Infinity : counts[of][per]
  return (moreThan === undefined || count > moreThan) && (atMost === undefined || count <= atMost)
}
