import type { OversightMode } from '../model/email.ts'

/** What the gate says, with the rule in plain words: the words are shown to reviewers and agents, and kept with the hold or the release. */
export type Verdict =
  | { outcome: 'allow'; rule: string }
  | { outcome: 'hold'; rule: string }
  | { outcome: 'refuse'; code: 'READ_ONLY_MAILBOX'; rule: string }

/** What an agent asks for. Reading concerns mail that has reached it: what waits for a reviewer has not. */
export const agentActions = ['read', 'draft', 'send'] as const
export type AgentAction = (typeof agentActions)[number]

export type ArrivalVerdict = { outcome: 'deliver'; rule: string } | { outcome: 'hold'; rule: string }

const allow = (rule: string): Verdict => ({ outcome: 'allow', rule })
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
  monitored: {
    read: allow('The mailbox is monitored: the agent may read.'),
    draft: allow('The mailbox is monitored: the agent may draft.'),
    send: allow('The mailbox is monitored: the agent sends without asking, and each email is on the record.'),
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
  monitored: deliver('The mailbox is monitored: arriving mail reaches the agent.'),
  autonomous: deliver('The mailbox is autonomous: arriving mail reaches the agent.'),
}

/** May an agent do this in a mailbox of this mode? For `send` see `sendVerdict`. */
export const agentVerdict = (mode: OversightMode, action: Exclude<AgentAction, 'send'>): Verdict => AGENT[mode][action]

/** `areAllListed`: every recipient is on the allow-list of the mailbox. `mustAsk`: its bounces or complaints have gone so far that its agent asks,
 *  whatever its mode. */
export type SendFacts = { areAllListed: boolean; mustAsk: boolean }

const mustAsk = hold('Too much of what this mailbox sent bounced or drew complaints: a reviewer decides on every email before it leaves.')
const listed = allow('The mailbox is gated_send, and every recipient is on its allow-list.')

/** May an agent send this from a mailbox of this mode? */
export function sendVerdict(mode: OversightMode, facts: SendFacts): Verdict {
  const usual = AGENT[mode].send
  if (facts.mustAsk) return usual.outcome === 'allow' ? mustAsk : usual
  return mode === 'gated_send' && facts.areAllListed ? listed : usual
}

/** Does mail arriving in a mailbox of this mode reach the agent at once? */
export const arrivalVerdict = (mode: OversightMode): ArrivalVerdict => ARRIVING[mode]
