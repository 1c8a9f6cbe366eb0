/**
 * Whether one policy may let something go that another one would not. Pure.
 *
 * Promise: when it says no, there is no email at all which the new policy treats more freely than the old one. It asks of each pair of a new rule and an old rule
 * whether one email could be decided by both: not when an earlier rule of either takes everything which the other is about. What remains must not
 * have become freer. That may call loosening what is none, never the other way round.
 */
import type { HowMany, Policy, Rule, What } from '../../model/policy.ts'
import { policyOutcomes } from '../../model/policy.ts'
import { deniesOthers } from './match.ts'

/** What decides: a rule, or the end of the rules, where the mode decides or everything is refused. */
type Decider = { rule: Rule } | { end: 'mode' | 'block' }

const decidersOf = (policy: Policy): Decider[] => [
  ...policy.map((rule) => ({ rule })),
  { end: deniesOthers(policy) ? ('block' as const) : ('mode' as const) },
]

/** @param from the policy as it was; [] where there was none */
export function mayLoosen(from: Policy, to: Policy): boolean {
  return decidersOf(to).some((after, at) =>
    decidersOf(from).some((before, index) => {
      const isTakenBefore = 'rule' in after ? takes(from.slice(0, index), after.rule) : takesAll(from.slice(0, index))
      const isTakenAfter = 'rule' in before ? takes(to.slice(0, at), before.rule) : takesAll(to.slice(0, at))
      return !isTakenBefore && !isTakenAfter && isFreer(before, after)
    }),
  )
}

const everything: Rule = { who: '*', outcome: 'block' }
const takesAll = (rules: Policy): boolean => takes(rules, everything)
const takes = (rules: Policy, rule: Rule): boolean => rules.some((earlier) => isWithin(rule, earlier))

/** The mode may allow, or hold: it counts as the freest it could be when it decides now, and as the strictest when it did. */
function isFreer(before: Decider, after: Decider): boolean {
  if ('end' in before && 'end' in after) return before.end === 'block' && after.end === 'mode'
  if (rank(after, 'allow') < rank(before, 'hold')) return true
  if (!('rule' in before) || !('rule' in after)) return covers(after).length > 0
  return after.rule.outcome === 'allow' && covers(after).some((kind) => !covers(before).includes(kind))
}

const rank = (decider: Decider, ofMode: 'allow' | 'hold'): number =>
  policyOutcomes.indexOf('rule' in decider ? decider.rule.outcome : decider.end === 'block' ? 'block' : ofMode)

/** What the checks found and it lets go nevertheless. */
const covers = (decider: Decider): readonly string[] =>
  'rule' in decider && decider.rule.outcome === 'allow' ? (decider.rule.what?.found ?? []) : []

/** True when every email that the one rule is about is one that the other is about; false when that is not plain. */
const isWithin = (one: Rule, other: Rule): boolean =>
  isForNoMore(one, other) && saysNoLess(one.what ?? {}, other.what ?? {}) && countsNoLess(one.how_many, other.how_many)

function isForNoMore(one: Rule, other: Rule): boolean {
  if (other.who === '*') return true
  if (one.who === '*') return false
  const names = new Set(other.who)
  // All of them there, and there is one, is one of them here; not the other way round.
  return (one.outcome === 'allow' || other.outcome !== 'allow') && one.who.every((name) => names.has(name))
}

const saysNoLess = (one: What, other: What): boolean =>
  (['attachments', 'links', 'tainted'] as const).every((name) => other[name] === undefined || other[name] === one[name]) &&
  (other.amount_over === undefined || (one.amount_over !== undefined && one.amount_over >= other.amount_over)) &&
  (other.amount_up_to === undefined || (one.amount_up_to !== undefined && one.amount_up_to <= other.amount_up_to)) &&
  (other.found === undefined || (one.found !== undefined && one.found.every((kind) => other.found?.includes(kind))))

function countsNoLess(one: HowMany | undefined, other: HowMany | undefined): boolean {
  if (other === undefined) return true
  if (one === undefined || one.per !== other.per || one.of !== other.of) return false
  return (
    (other.more_than === undefined || (one.more_than !== undefined && one.more_than >= other.more_than)) &&
    (other.at_most === undefined || (one.at_most !== undefined && one.at_most <= other.at_most))
  )
}
