/**
 * Delivery status notifications of our own (RFC 3464), for those who submit mail by a mail program and have no events to look at. Pure: the bytes of
 * a message, to be filed in the mailbox of its sender. Nothing of this is ever sent to a stranger (design promise 1).
 */
import { foldLines } from 'nodemailer/lib/mime-funcs'
import type { Address } from '../../model/address.ts'
import { sha256 } from '../../model/canonical.ts'
import { mailDate } from '../../model/mail-date.ts'

const hour = 60 * 60_000
/** How long mail may be under way before its sender is told that it is late (RFC 5321 §4.5.4.1 leaves it to us). */
export const delayNoticeAfterMs = 4 * hour

/** `status` as RFC 3463, such as 5.1.1; `diagnostic` is what the remote host said, a stranger's words, null when none was reached. */
export type NoticeRecipient = {
  address: Address
  status: string
  diagnostic: string | null
  remoteHost: string | null
  lastAttemptAt: number
}

export type DeliveryNotice = {
  action: 'failed' | 'delayed'
  /** our host name */
  reportingMta: string
  /** who writes it, such as mailer-daemon@ our domain, and who wrote the mail */
  from: Address
  to: Address
  /** with angle brackets */
  messageId: string
  now: number
  /** epoch ms: when the mail was handed in, and when a late one is given up */
  queuedAt: number
  giveUpAt: number
  /** the message it is about: its Message-ID with angle brackets, and its header as it was sent */
  original: { messageId: string; header: Buffer }
  /** at least one */
  recipients: readonly NoticeRecipient[]
}

/** The whole message: CRLF line ends, US-ASCII, lines of at most 998 octets. The same notice gives the same bytes. */
export function composeNotice(notice: DeliveryNotice): Buffer {
  const boundary = `=_mm-${sha256('boundary', notice.messageId).slice(0, 32)}`
  const parts = [
    part('text/plain; charset=us-ascii', words(notice)),
    part('message/delivery-status', statusOf(notice)),
    // RFC 6522 §3: the header is enough to know the message by.
    part('text/rfc822-headers', headerOf(notice.original.header)),
  ]
  const body = parts.map((one) => `--${boundary}\r\n${one}\r\n`).join('')
  return Buffer.from(`${fieldsOf(notice, boundary)}\r\n${body}--${boundary}--\r\n`, 'latin1')
}

/** What a person reads of it. */
export const noticeText = (notice: DeliveryNotice): { subject: string; text: string } => ({
  subject: subjects[notice.action],
  text: words(notice).replaceAll('\r\n', '\n').trimEnd(),
})

const subjects = { failed: 'Undelivered mail', delayed: 'Delayed mail (still being tried)' } as const

const fieldsOf = ({ action, from, to, messageId, now, original }: DeliveryNotice, boundary: string): string =>
  [
    field('From', `Mail Delivery System <${from}>`),
    field('To', to),
    field('Subject', subjects[action]),
    field('Date', mailDate(now)),
    field('Message-ID', messageId),
    field('In-Reply-To', original.messageId),
    field('References', original.messageId),
    // RFC 3834 §5: nobody answers it.
    field('Auto-Submitted', 'auto-replied'),
    field('MIME-Version', '1.0'),
    `Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="${boundary}"\r\n`,
  ].join('')

const field = (name: string, value: string): string => `${foldLines(`${name}: ${plain(value, longestValue)}`, 76)}\r\n`

const part = (type: string, text: string): string => `Content-Type: ${type}\r\n\r\n${text}`

function words({ action, recipients, giveUpAt }: DeliveryNotice): string {
  const head =
    action === 'failed'
      ? 'Your mail could not be delivered to:'
      : `Your mail has not been delivered yet. It is tried until ${mailDate(giveUpAt)}; you need do nothing. It is for:`
  const each = recipients.flatMap(({ address, diagnostic }) => [`  ${plain(address, longestValue)}`, ...said(diagnostic)])
  return [head, '', ...each, ''].join('\r\n')
}

const said = (diagnostic: string | null): string[] => (diagnostic === null ? [] : [`    ${plain(diagnostic, longestValue)}`])

/** RFC 3464 §2.2, §2.3: a group about the message, and one for each recipient. */
function statusOf({ action, reportingMta, queuedAt, giveUpAt, recipients }: DeliveryNotice): string {
  const about = [line('Reporting-MTA', `dns; ${reportingMta}`), line('Arrival-Date', mailDate(queuedAt))]
  const groups = recipients.map((one) =>
    [
      line('Final-Recipient', `rfc822; ${one.address}`),
      line('Action', action),
      line('Status', one.status),
      ...(one.remoteHost === null ? [] : [line('Remote-MTA', `dns; ${one.remoteHost}`)]),
      ...(one.diagnostic === null ? [] : [line('Diagnostic-Code', `smtp; ${one.diagnostic}`)]),
      line('Last-Attempt-Date', mailDate(one.lastAttemptAt)),
      ...(action === 'delayed' ? [line('Will-Retry-Until', mailDate(giveUpAt))] : []),
    ].join(''),
  )
  return [about.join(''), ...groups].join('\r\n')
}

/** Not folded: there are readers that take a field to end with its line. */
const line = (name: string, value: string): string => `${name}: ${plain(value, longestValue)}\r\n`

const longestValue = 800

/** One line of printable US-ASCII: what a stranger said begins no field and no part of its own. */
const plain = (text: string, limit: number): string =>
  text
    .slice(0, limit)
    .replaceAll(/[^ -~]+/g, ' ')
    .trim()

const longestHeader = 8 * 1024
const longestLine = 990

/** Whole lines of the original's header, as many as fit; what is not US-ASCII in them becomes a question mark. */
function headerOf(header: Buffer): string {
  const lines = header
    .subarray(0, longestHeader)
    .toString('latin1')
    .split('\r\n')
    .slice(0, header.length > longestHeader ? -1 : undefined)
    // An empty line would end it, and a boundary in one cannot be: ours is not known when a message is written.
    .filter((one) => one !== '' && one.length <= longestLine)
  return lines.map((one) => `${one.replaceAll(/[^\t -~]/g, '?')}\r\n`).join('')
}
