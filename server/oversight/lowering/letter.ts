/** What an operator reads when a mailbox was lowered. Pure: plain text, words of ours only. */
import type { OversightMode } from '../../model/email.ts'
import { modeMeanings } from '../mode-meanings.ts'

export type Lowered = { address: string; from: OversightMode; to: OversightMode; /** a sentence */ words: string; hasPolicy: boolean }

export const loweringLetter = ({ address, from, to, words, hasPolicy }: Lowered): { subject: string; body: string } => ({
  subject: `Less freedom for an agent: ${address} is ${to} now`,
  body: [
    `The mailbox ${address} was lowered, without anybody asking for it.`,
    '',
    `Why: ${words}`,
    '',
    `Before: ${from}. ${modeMeanings[from]}`,
    `Now: ${to}. ${modeMeanings[to]}`,
    '',
    'What it had been allowed to send before goes its way. What waits for a decision, or for its time, still waits.',
    'Whom it may write to without asking, by its allow-list or because a reviewer allowed it for a time, it still writes to.',
    ...(hasPolicy ? ['It has rules of its own: what those allow leaves as before.'] : []),
    '',
    'It stays so until you raise it: when you have looked into it, have its agent ask again (request_upgrade), which mails you a code.',
    'To stop all that leaves: multimail relay stop, on the server.',
    '',
    'Do not answer this email: agents may read what comes to this server.',
    '',
  ].join('\n'),
})
