/** A rule as a sentence. It goes to agents and into the hashed record, so it names no address: that there is a list is all it says. */
import { findings } from '../../model/finding.ts'
import type { HowMany, RecipientGroup, Rule, What } from '../../model/policy.ts'

const groupWords: Record<RecipientGroup, string> = {
  known: 'known to it',
  first_contact: 'new to it',
  in_thread: 'in the conversation',
  outsider: 'not in the conversation',
  listed: 'on its allow-list',
}
const outcomeWords: Record<Rule['outcome'], string> = {
  allow: 'is sent',
  hold: 'waits for a person',
  hold_for_two: 'waits for two people',
  block: 'is refused',
}

export function inWords(rule: Rule): string {
  const conditions = [whoWords(rule), ...whatWords(rule.what ?? {}), ...manyWords(rule.how_many)].filter((words) => words !== '')
  return `an email ${conditions.length === 0 ? 'of any kind' : conditions.join(', ')} ${outcomeWords[rule.outcome]}`
}

function whoWords({ who, outcome }: Rule): string {
  if (who === '*') return ''
  const groups = Object.entries(groupWords).flatMap(([group, words]) => (who.includes(group) ? [words] : []))
  const named = who.some((one) => one.includes('@')) ? ['on the list of the rule'] : []
  const whom = [...groups, ...named].join(' or ')
  return outcome === 'allow' ? `whose recipients are all ${whom}` : `with a recipient who is ${whom}`
}

const whatWords = ({ attachments, links, tainted, amount_over: over, amount_up_to: upTo, found }: What): string[] => [
  ...withOrWithout(attachments, 'attachments'),
  ...withOrWithout(links, 'links'),
  ...withOrWithout(tainted, 'anything from another conversation, from hidden text or from an attachment'),
  ...(over === undefined ? [] : [`that names an amount over ${over}`]),
  ...(upTo === undefined ? [] : [`that names no amount over ${upTo}`]),
  ...(found === undefined ? [] : [`in which a check found ${found.map((kind) => findings[kind].words).join(' or ')}`]),
]

const withOrWithout = (is: boolean | undefined, what: string): string[] => (is === undefined ? [] : [`${is ? 'with' : 'without'} ${what}`])

const ofWords = { mailbox: 'the mailbox', recipient: 'one recipient', thread: 'one conversation' } as const

const manyWords = (many: HowMany | undefined): string[] =>
  many === undefined
    ? []
    : [
        ...(many.more_than === undefined ? [] : [`beyond ${many.more_than} messages`]),
        ...(many.at_most === undefined ? [] : [`within ${many.at_most} messages`]),
      ].map((words) => `${words} in ${many.per === 'hour' ? 'an hour' : 'a day'} of ${ofWords[many.of]}`)
