/**
 * The test world's remote (design promise 8): answers by the recipient's name and by how often it was tried, and knows no network. Everything
 * else is as in the live world: the queue, the schedule, the events, the suppression list and the log.
 */
import { type Address, localPartOf } from '../model/address.ts'
import type { Complaint } from '../model/feedback.ts'
import type { EnhancedStatus } from '../model/reply.ts'
import type { Stage, Target, Transport } from './transport.ts'

/** Where test mail is said to go. */
export const simulatedTarget: Target = { host: 'simulated.invalid', address: '', port: 0 }

/** `times`: how many attempts end so before the message is taken; left out: all. */
type Answer = { stage: Stage; code: number; status: EnhancedStatus; text: string; times?: number }

const accepted: Answer = { stage: 'dot', code: 250, status: '2.0.0', text: 'Accepted (simulated)' }
const noSuchUser: Answer = { stage: 'rcpt', code: 550, status: '5.1.1', text: 'No such user (simulated)' }
const greylisted: Answer = { stage: 'rcpt', code: 450, status: '4.2.0', text: 'Greylisted (simulated)', times: 1 }

/** What a magic recipient does (docs/compatibility.md). `complaint` takes the message, and complains when it has it. */
const answers = new Map<string, Answer>([
  ['bounce', noSuchUser],
  ['hardbounce', noSuchUser],
  ['softbounce', { stage: 'rcpt', code: 451, status: '4.3.0', text: 'Try again later (simulated)' }],
  ['inboxfull', { stage: 'rcpt', code: 552, status: '5.2.2', text: 'Mailbox full (simulated)' }],
  ['reject', { stage: 'dot', code: 554, status: '5.7.1', text: 'Message rejected as spam (simulated)' }],
  ['greylist', greylisted],
  // Until the agent has been told that it is late, which takes a quarter of an hour.
  ['delayed', { ...greylisted, text: 'Not yet (simulated)', status: '4.3.0', times: 3 }],
])

/** `bounce+2@…` is as good as `bounce@…`: a recipient that bounced is on the suppression list, and each test may want a new one. */
const magicName = (forwardPath: Address): string => localPartOf(forwardPath).toLowerCase().split('+')[0] ?? ''

/** @param attempt which one it is, from 1 on */
export const simulate =
  (attempt: number): Transport =>
  ({ dispatch }) => {
    const answer = answers.get(magicName(dispatch.forwardPath))
    const { stage, code, status, text } = answer === undefined || attempt > (answer.times ?? Infinity) ? accepted : answer
    return Promise.resolve({ stage, reply: { code, status, text }, by: 'remote', mayBeAccepted: false, remoteAddress: null, tls: null })
  }

/** What this recipient has to say of a message that it got; null when nothing. */
export const simulatedComplaint = (forwardPath: Address, messageId: string | null): Complaint | null =>
  magicName(forwardPath) === 'complaint'
    ? { feedbackType: 'abuse', originalMessageId: messageId, originalRecipients: [forwardPath], sourceIp: null, reportedDomains: [] }
    : null
