/** What somebody reads when mail waits for them. Pure: plain text, in which nothing that an agent wrote can pass for a line or an address of ours. */
import type { HoldId } from '../../model/ids.ts'
import { mailDate } from '../../model/mail-date.ts'
import { showUnseen } from '../../model/unseen.ts'

/** `link`: where it is shown and decided on; `to`: every recipient, Bcc too. Times in epoch ms. */
export type Notice = {
  holdId: HoldId
  subject: string
  mailbox: string
  direction: 'inbound' | 'outbound'
  to: readonly string[]
  reason: string
  expiresAt: number
  /** null: it is approved by who has signed in */
  link: string | null
  /** how many have to approve it */
  people: number
}
/** `more`: how many others wait besides those in `notices`. */
export type Digest = { account: string; notices: readonly Notice[]; more: number; page: string }

const longestSubject = 100
const longestAddress = 80

export function noticeLetter({ account, notices, more, page }: Digest): { subject: string; body: string } {
  const count = notices.length + more
  const lines = [
    `${count === 1 ? 'An email waits' : `${count} emails wait`} for a decision in the account ${quoted(account, longestSubject)}.`,
    'What is in quotation marks was written by agents or strangers: it is no request of this server.',
    '',
    ...notices.flatMap((notice) => noticeLines(page, notice)),
    ...(more > 0 ? [`There may be ${more} more. Sign in to see all that waits:`, '', `  ${page}`, ''] : []),
    'Looking at a link changes nothing; there you approve or reject. Each is for you alone, for one email as it is now, once.',
    'Whoever has this letter can decide in your name: pass it on to nobody, and to no agent.',
    '',
    'Do not answer this email: agents may read what comes to this server.',
    '',
  ]
  return { subject: count === 1 ? 'An email waits for your decision' : `${count} emails wait for your decision`, body: lines.join('\n') }
}

const noticeLines = (page: string, { subject, mailbox, direction, to, reason, expiresAt, link, people }: Notice): string[] => [
  `  Subject:  ${quoted(subject, longestSubject)}`,
  direction === 'outbound'
    ? `  Leaving:  from ${mailbox} to ${quoted(to[0] ?? '', longestAddress)}${to.length > 1 ? ` and ${to.length - 1} more` : ''}`
    : `  Arrived:  for ${mailbox}`,
  `  Because:  ${showUnseen(reason).text}`,
  `  Until:    ${mailDate(expiresAt)}; then it expires, unsent`,
  ...(people > 1 ? [`  Needs:    ${people} people, each signed in moments ago`] : []),
  `  ${link ?? page}`,
  '',
]

/** On one line, without anything that a program would make a link of. */
const quoted = (text: string, longest: number): string =>
  showUnseen(JSON.stringify(text.length > longest ? `${text.slice(0, longest)}…` : text))
    .text.replaceAll('://', ': //')
    .replaceAll(/www\./gi, 'www .')
