import type { OversightMode, OversightSaid } from '../model/email.ts'
import { type FindingKind, findings as meanings } from '../model/finding.ts'
import type { Gate } from '../model/life.ts'

import type { PolicyVerdict } from './policy/match.ts'

/** What the gate says, with the rule in plain words: the words are shown to reviewers and agents, and kept with the hold or the release. */
export type Verdict =
  | { outcome: 'allow'; rule: string; /** what is then true of who looks at it */ said: OversightSaid }
  | { outcome: 'hold'; rule: string; /** one person's yes is not enough */ forTwo?: true }
  | { outcome: 'refuse'; code: 'READ_ONLY_MAILBOX' | 'CONTENT_BLOCKED' | 'BLOCKED_BY_POLICY'; rule: string }

/** What of a verdict decides on the life of an email. @param people how many have to approve what is held for two */
export const gateOf = (verdict: Exclude<Verdict, { outcome: 'refuse' }>, people: number): Gate =>
  verdict.outcome === 'allow' ? { outcome: 'allow' } : { outcome: 'hold', people: verdict.forTwo === true ? people : 1 }

/** What an agent asks for. Reading concerns mail that has reached it: what waits for a reviewer has not. */
export const agentActions = ['read', 'draft', 'send'] as const
export type AgentAction = (typeof agentActions)[number]

export type ArrivalVerdict = { outcome: 'deliver'; rule: string } | { outcome: 'hold'; rule: string }

const allow = (rule: string, said: OversightSaid = 'autonomous'): Verdict => ({ outcome: 'allow', rule, said })
const hold = (rule: string): Verdict => ({ outcome: 'hold', rule })
const refuse = (rule: string): Verdict => ({ outcome: 'refuse', code: 'READ_ONLY_MAILBOX', rule })
const deliver = (rule: string): ArrivalVerdict => ({ outcome: 'deliver', rule })

const AGENT: Record<OversightMode, Record<AgentAction, Verdict>> = {
  read_only: {
    read: allow('The mailbox is read_only: the agent may read.'),
    draft: refuse('The mailbox is read_only: the agent may read, and neither draft nor send.'),
    send: refuse('The mailbox is read_only: the agent may read, and neither draft nor send.'),
  },
  gated_all: {
    read: allow('The mailbox is gated_all: the agent may read what a reviewer has let in.'),
    draft: allow('The mailbox is gated_all: the agent may draft; a draft goes nowhere by itself.'),
    send: hold('The mailbox is gated_all: a reviewer decides on every email, arriving or leaving.'),
  },
  gated_send: {
    read: allow('The mailbox is gated_send: the agent may read.'),
    draft: allow('The mailbox is gated_send: the agent may draft; a draft goes nowhere by itself.'),
    send: hold('The mailbox is gated_send: a reviewer decides on every email before it leaves.'),
  },
  gated_new: {
    read: allow('The mailbox is gated_new: the agent may read.'),
    draft: allow('The mailbox is gated_new: the agent may draft; a draft goes nowhere by itself.'),
    send: hold('The mailbox is gated_new: a reviewer decides on an email to somebody with whom it has had no mail before.'),
  },
  monitored: {
    read: allow('The mailbox is monitored: the agent may read.'),
    draft: allow('The mailbox is monitored: the agent may draft.'),
    send: allow('The mailbox is monitored: the agent sends without asking, and each email is on the record.', 'monitored'),
  },
  autonomous: {
    read: allow('The mailbox is autonomous: the agent may read.'),
    draft: allow('The mailbox is autonomous: the agent may draft.'),
    send: allow('The mailbox is autonomous: the agent sends without asking.'),
  },
}

const ARRIVING: Record<OversightMode, ArrivalVerdict> = {
  read_only: deliver('The mailbox is read_only: arriving mail reaches the agent.'),
  gated_all: { outcome: 'hold', rule: 'The mailbox is gated_all: a reviewer decides on every email before the agent may see it.' },
  gated_send: deliver('The mailbox is gated_send: arriving mail reaches the agent.'),
  gated_new: deliver('The mailbox is gated_new: arriving mail reaches the agent.'),
  monitored: deliver('The mailbox is monitored: arriving mail reaches the agent.'),
  autonomous: deliver('The mailbox is autonomous: arriving mail reaches the agent.'),
}

/** May an agent do this in a mailbox of this mode? For `send` see `sendVerdict`. */
export const agentVerdict = (mode: OversightMode, action: Exclude<AgentAction, 'send'>): Verdict => AGENT[mode][action]

/** What is known of an email that an agent wants to send; looked up before. */
export type SendFacts = {
  /** every recipient is on the allow-list of the mailbox */
  areAllListed: boolean
  /** some of them only because a reviewer allowed them until a time that has not come */
  isForATime?: boolean
  /** it has something from elsewhere in it, and its agent had been shown an email with orders for a program: what is listed counts for nothing */
  mayBeOrdered?: boolean
  /** its bounces or complaints have gone so far that its agent asks, whatever its mode */
  mustAsk: boolean
  /** among those whom the agent names: somebody with whom the mailbox has had no mail, or who has no part in the conversation; null: nobody of the kind */
  newcomer: 'first_contact' | 'outsider' | null
  /** what the outgoing checks found, each kind once */
  findings: readonly FindingKind[]
  /** what the policy of the mailbox says; null: nothing, so its mode decides */
  policy: PolicyVerdict | null
}

const mustAsk = hold('Too much of what this mailbox sent bounced or drew complaints: a reviewer decides on every email before it leaves.')
const listed = (mode: OversightMode, isForATime: boolean): Verdict =>
  allow(
    isForATime
      ? `The mailbox is ${mode}, and every recipient is on its allow-list or was allowed by a reviewer for a time.`
      : `The mailbox is ${mode}, and every recipient is on its allow-list.`,
    'allow_listed',
  )
const known = allow('The mailbox is gated_new, and it has had mail with every recipient before.')
const outsider = hold('The mailbox is gated_new: a reviewer decides on an email to somebody who has had no part in the conversation.')

/** Whether an agent may send at all from a mailbox of this mode; null: it may ask. */
export function neverSends(mode: OversightMode): Extract<Verdict, { outcome: 'refuse' }> | null {
  const { send } = AGENT[mode]
  return send.outcome === 'refuse' ? send : null
}

/** May an agent send this from a mailbox of this mode? What the checks found is asked in every mode, and nothing overrules a block. */
export function sendVerdict(mode: OversightMode, facts: SendFacts): Verdict {
  const never = neverSends(mode)
  if (never !== null) return never
  const blocking = facts.findings.filter((kind) => meanings[kind].means === 'block')
  if (blocking.length > 0)
    return { outcome: 'refuse', code: 'CONTENT_BLOCKED', rule: `An outgoing check found ${inWords(blocking)}: this is never sent.` }
  const usual = facts.policy === null ? ofMode(mode, facts) : ofPolicy(mode, facts.policy)
  if (usual.outcome !== 'allow') return usual
  if (facts.mustAsk) return mustAsk
  const covered = facts.policy?.covers ?? []
  const uncovered = facts.findings.filter((kind) => !covered.includes(kind))
  return uncovered.length === 0
    ? usual
    : hold(`An outgoing check found ${inWords(uncovered)}: a reviewer decides, whatever the mode of the mailbox.`)
}

/** In gated_all a reviewer decides on everything: a policy can only refuse there. */
function ofPolicy(mode: OversightMode, { outcome, words }: PolicyVerdict): Verdict {
  if (outcome === 'block') return { outcome: 'refuse', code: 'BLOCKED_BY_POLICY', rule: words }
  if (outcome === 'hold_for_two') return { outcome: 'hold', rule: words, forTwo: true }
  if (mode === 'gated_all') return AGENT.gated_all.send
  return outcome === 'hold' ? hold(words) : allow(words, mode === 'monitored' ? 'monitored' : 'autonomous')
}

function ofMode(mode: OversightMode, { areAllListed, isForATime = false, mayBeOrdered = false, newcomer }: SendFacts): Verdict {
  if (areAllListed && !mayBeOrdered && (mode === 'gated_send' || mode === 'gated_new')) return listed(mode, isForATime)
  if (mode === 'gated_new' && newcomer !== 'first_contact') return newcomer === null ? known : outsider
  return AGENT[mode].send
}

const inWords = (kinds: readonly FindingKind[]): string => {
  const words = kinds.map((kind) => meanings[kind].words)
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}

/** Does mail arriving in a mailbox of this mode reach the agent at once? */
export const arrivalVerdict = (mode: OversightMode): ArrivalVerdict => ARRIVING[mode]
