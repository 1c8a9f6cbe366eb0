import { localPartOf } from '../model/address.ts'
import type { Reply } from '../model/reply.ts'
import { type Stage, type Target, type Transport } from './transport.ts'

/** Where test mail is said to go. */
export const simulatedTarget: Target = { host: 'simulated.invalid', address: '', port: 0 }

const refusals: Record<string, { stage: Stage; reply: Reply }> = {
  bounce: { stage: 'rcpt', reply: { code: 550, status: '5.1.1', text: 'No such user (simulated)' } },
  hardbounce: { stage: 'rcpt', reply: { code: 550, status: '5.1.1', text: 'No such user (simulated)' } },
  softbounce: { stage: 'rcpt', reply: { code: 451, status: '4.3.0', text: 'Try again later (simulated)' } },
}

/** The test world's transport (design promise 8): answers by the recipient's local part, knows no network. `complaint` is taken like any other. */
export const simulate: Transport = ({ dispatch }) => {
  const accepted = { stage: 'dot' as const, reply: { code: 250, status: '2.0.0' as const, text: 'Accepted (simulated)' } }
  const answer = refusals[localPartOf(dispatch.forwardPath).toLowerCase()] ?? accepted
  return Promise.resolve({ ...answer, by: 'remote', mayBeAccepted: false, remoteAddress: null, tls: null })
}
