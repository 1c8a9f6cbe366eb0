/**
 * Bounces that are written for people only: forms older than RFC 3464, and those of programs that never took to it.
 *
 * Anybody can write such words, and people quote them, so they count only in a message from a mail system (`isDaemon`). Lines are looked at one
 * by one, each cut to a length, so that reading takes time in proportion to the text.
 */
import type { DeliveryReport, DsnAction, DsnRecipient } from '../../model/feedback.ts'
import { addressIn, diagnosticOf, mostRecipients, statusIn } from './delivery-status.ts'
import { messageIdIn } from './original-message.ts'

/** `says`: words by which the form is known. `copy`: what stands above the message that came back. */
type Form = {
  says: readonly string[]
  copy: readonly string[]
  action(text: string): DsnAction
  /** @param text above the copy, LF line ends */
  recipients(lines: readonly string[]): Found[]
}
type Found = { address: string; diagnostic: string }

const maxText = 64 * 1024
const maxLines = 2_000
const maxLine = 1_000
const maxDiagnosticLines = 20

/** @param failed the addresses of an X-Failed-Recipients field, which counts more than the text */
export function readBounceText(
  markdown: string,
  failed: readonly string[],
): (Omit<DeliveryReport, 'originalMessageId'> & { messageId: string | null }) | null {
  const text = markdown.slice(0, maxText)
  const lower = text.toLowerCase()
  const form = forms.find(({ says }) => says.some((words) => lower.includes(words)))
  if (form === undefined) return null
  const copyAt = Math.min(...form.copy.map((words) => lower.indexOf(words)).filter((at) => at >= 0), text.length)
  const lines = text
    .slice(0, copyAt)
    .split('\n', maxLines)
    .map((line) => line.slice(0, maxLine))
  const found = form.recipients(lines)
  const action = form.action(lower)
  const named =
    failed.length > 0 ? failed.map((address) => found.find((one) => one.address === address) ?? { address, diagnostic: '' }) : found
  if (named.length === 0) return null
  const below = text.slice(copyAt)
  return {
    reportingMta: null,
    originalEnvelopeId: null,
    messageId: messageIdIn(below.slice(below.indexOf('\n') + 1)),
    recipients: unique(named)
      .slice(0, mostRecipients)
      .map((one) => recipientOf(one, action)),
  }
}

const recipientOf = ({ address, diagnostic }: Found, action: DsnAction): DsnRecipient => ({
  finalRecipient: address,
  originalRecipient: null,
  action,
  status: statusIn(diagnostic),
  diagnosticCode: diagnosticOf(diagnostic),
  remoteMta: null,
})

const unique = (found: readonly Found[]): Found[] => [...new Map(found.toReversed().map((one) => [one.address, one])).values()].toReversed()

const failedAlways = (): DsnAction => 'failed'
const delayedWhen =
  (...words: readonly string[]) =>
  (text: string): DsnAction =>
    words.some((one) => text.includes(one)) ? 'delayed' : 'failed'

const copyBelow = [
  '--- below this line is a copy',
  '--- below the next line is a copy',
  '--- enclosed are the original headers',
  '--- original message follows',
]

/** The first one that fits. */
const forms: readonly Form[] = [
  // Hi. This is the qmail-send program at remote.test. (also: s/qmail, notqmail)
  {
    says: ['this is the qmail-send program', 'this is the mail delivery agent at'],
    copy: copyBelow,
    action: failedAlways,
    recipients: inAngles,
  },
  // Message from yahoo.com. Unable to deliver message to the following address(es).
  {
    says: ['unable to deliver message to the following address', 'unable to deliver your message to the following address'],
    copy: copyBelow,
    action: failedAlways,
    recipients: inAngles,
  },
  // This message was created automatically by mail delivery software. (Exim)
  {
    says: [
      'this message was created automatically by mail delivery software',
      'this message was created automatically by the mail delivery software',
    ],
    copy: ['------ this is a copy of', '--- the header of the original message is following'],
    action: delayedWhen('has not yet been delivered'),
    recipients: indented,
  },
  // This is the mail system at host remote.test. (Postfix, without its report)
  {
    says: ['this is the mail system at host', 'this is the postfix program at host'],
    copy: ['--- undelivered message', '--- original message'],
    action: delayedWhen('could not be delivered for more than', 'this is a warning message only'),
    recipients: inAngles,
  },
  // Diagnostic information for administrators: (Exchange, Outlook)
  {
    says: ['diagnostic information for administrators', 'did not reach the following recipient'],
    copy: ['original message headers'],
    action: delayedWhen('delivery is delayed to these recipients'),
    recipients: aboveCode,
  },
]

/** `<bo@remote.test>:` and below it, or behind it, what the remote said, until an empty line. */
function inAngles(lines: readonly string[]): Found[] {
  return lines.flatMap((line, at): Found[] => {
    const [, inside = '', rest = ''] = /^\s{0,8}<([^<>]{3,320})>:(.*)$/.exec(line) ?? []
    const address = addressIn(inside === '' ? null : inside)
    return address === null ? [] : [{ address, diagnostic: [rest, ...until(lines, at + 1, isEmpty)].join(' ') }]
  })
}

/** An address alone on a line that is set in by two blanks, and below it, set in deeper, what was said. */
function indented(lines: readonly string[]): Found[] {
  return lines.flatMap((line, at): Found[] => {
    if (!/^ {2}\S/.test(line)) return []
    const address = addressIn(line.trim().replace(/:$/, ''))
    return address === null ? [] : [{ address, diagnostic: until(lines, at + 1, (next) => !next.startsWith('   ')).join(' ') }]
  })
}

/** An address alone on a line, or with a date behind it, and within the next lines the code: `#550 5.1.1 RESOLVER…`, `<host #5.1.1>`. */
function aboveCode(lines: readonly string[]): Found[] {
  return lines.flatMap((line, at): Found[] => {
    const address = addressIn(/^\s{0,8}([^\s<>@]{1,64}@[^\s<>@]{3,255})(?:\s+on\s.{0,80}|\s*)$/.exec(line)?.[1] ?? null)
    if (address === null) return []
    const below = lines
      .slice(at + 1, at + 5)
      .find((next) => /#\s?[<]?[245]\d\d|#[245]\.\d|returned '[245]\d\d|returned '<?[245]/i.test(next))
    return below === undefined ? [] : [{ address, diagnostic: below.replace(/^.{0,200}?(?:#|returned ')/i, '') }]
  })
}

const isEmpty = (line: string): boolean => line.trim() === ''

function until(lines: readonly string[], from: number, stop: (line: string) => boolean): string[] {
  const some = lines.slice(from, from + maxDiagnosticLines)
  const end = some.findIndex(stop)
  return (end < 0 ? some : some.slice(0, end)).map((line) => line.trim())
}
