/** What is mailed to the address of somebody who is said to want an account. Pure: plain text, and of what a stranger wrote no more than the address asked for. */
import { mailDate } from '../../model/mail-date.ts'

type Letter = { subject: string; body: string }
/** `code`: for the agent; `ownerCode`: for the person. `publicUrl`: the server's own, from its settings and never from a request. */
export type Codes = {
  publicUrl: string
  address: string
  mode: 'gated_all' | 'gated_send'
  code: string
  ownerCode: string
  endsAt: number
  byAgent: boolean
}

const subject = 'Your codes for a MultiMail account'
const meanings = {
  gated_all: 'You decide on each email, arriving or leaving.',
  gated_send: 'It reads freely, and you approve each email that it sends.',
} as const

/** For who has no account, or has one. The subject is the same: somebody who sees it on a screen learns nothing. */
export const codesLetter = ({ publicUrl, address, mode, code, ownerCode, endsAt, byAgent }: Codes): Letter => ({
  subject,
  body: [
    byAgent
      ? `An agent asks for an account at ${publicUrl}, and says that you would be its operator: the person who has the last word.`
      : `Somebody asks for an account at ${publicUrl}, with you as its operator: the person who has the last word.`,
    '',
    `  Mailbox of the agent:  ${address} (another one, should somebody be faster)`,
    `  Oversight:             ${mode}. ${meanings[mode]}`,
    '',
    'If you want that, there are two codes. Each is good once, and once more within ten minutes while nobody has used the keys that it gave.',
    '',
    '1. Give this one to the agent. It gets a key with which it reads mail, and writes mail that waits for you:',
    '',
    `  agent: ${code}`,
    '',
    `2. Keep this one, and give it to no agent. Type it at ${publicUrl}/confirm for your own keys: one with which you`,
    '   decide on what the agent wants to send, and one with which you look after the account:',
    '',
    `  yours: ${ownerCode}`,
    '',
    `Both are good until ${mailDate(endsAt)}.`,
    'If you did not expect this, do nothing: without a code no account is made.',
    '',
    'Do not answer this email: agents may read what comes to this server.',
    '',
  ].join('\n'),
})

export const knownLetter = (publicUrl: string): Letter => ({
  subject,
  body: [
    `Somebody asks for an account at ${publicUrl} with this address. It has one already, so nothing was made, and there is no code.`,
    '',
    'If it was you: the keys that you have go on working, and with the one for the account you make others.',
    'If it was not: nothing has changed.',
    '',
    'Do not answer this email: agents may read what comes to this server.',
    '',
  ].join('\n'),
})
