import type { BounceClass } from '../classify-meanings.ts'
import type { Stage } from '../transport.ts'
import { type Row, rowsOf } from './row.ts'

const iana = rowsOf('RFC 3463 and its registry', 'https://www.iana.org/assignments/smtp-enhanced-status-codes')
const basic = rowsOf('RFC 5321', 'https://www.rfc-editor.org/rfc/rfc5321#section-4.2.3')

/** @param detail the part of `X.Y.Z` after X, such as `1.1` or several as `1.(?:1|3)` */
const status = (
  x: '4' | '5' | '45',
  detail: string,
  name: BounceClass,
  outcome: Row['outcome'],
  stage: Stage,
  reply: string,
  stages?: readonly Stage[],
): Row => iana('', new RegExp(`^\\d{3} [${x}]\\.${detail}(?: |$)`), name, outcome, stage, reply, stages)

/** RFC 3463 and the registry after it (RFC 5248), with the numbers large providers made up. */
export const enhancedCodes: readonly Row[] = [
  status('5', '1\\.0', 'recipient', 'fail', 'rcpt', '553 5.1.0 Address rejected', ['rcpt']),
  status('45', '1\\.0', 'sender', 'as-told', 'mail', '553 5.1.0 Sender address rejected', ['mail']),
  status('5', '1\\.(?:1|3|4|6)', 'recipient', 'fail', 'rcpt', '550 5.1.1 The email account that you tried to reach does not exist'),
  status('5', '1\\.10', 'recipient', 'fail', 'route', '556 5.1.10 The domain does not accept mail (null MX)'), // RFC 7505 §4.1
  status('5', '1\\.2', 'domain', 'fail', 'route', '550 5.1.2 The domain does not exist'),
  status('45', '1\\.[78]', 'sender', 'as-told', 'mail', '553 5.1.8 Bad sender’s system address'),
  status('5', '1\\.9', 'unsupported', 'fail', 'dot', '550 5.1.9 Message relayed to a mailer that does not follow the standard'),
  status('5', '1\\.5', 'recipient', 'fail', 'rcpt', '553 5.1.5 Address not taken', ['rcpt']),
  status('5', '2\\.1', 'inactive', 'fail', 'rcpt', '550 5.2.1 The email account that you tried to reach is disabled'),
  // Final to the letter, yet people make room: worth the whole of our 72 h.
  status('45', '2\\.2', 'mailbox-full', 'retry', 'rcpt', '552 5.2.2 The email account that you tried to reach is over quota'),
  status('5', '(?:2\\.3|3\\.4)', 'too-large', 'fail', 'mail', '552 5.3.4 Message size exceeds fixed limit'),
  status('5', '2\\.4', 'refused', 'fail', 'dot', '550 5.2.4 Mailing list expansion problem'),
  // Their disk, their switch or their mistake: somebody will put it right.
  status('5', '3\\.[125]', 'temporary', 'retry', 'mail', '554 5.3.5 System incorrectly configured', [
    'ehlo',
    'tls',
    'mail',
    'rcpt',
    'data',
    'dot',
  ]),
  status('5', '3\\.3', 'unsupported', 'fail', 'mail', '555 5.3.3 System not capable of selected features'),
  status('45', '4\\.(?:6|14)', 'loop', 'as-told', 'dot', '554 5.4.14 Hop count exceeded, possible mail loop'),
  status('5', '4\\.4', 'domain', 'fail', 'route', '550 5.4.4 The domain has no host that takes mail'),
  status('5', '4\\.5', 'rate-limited', 'retry', 'mail', '552 5.4.5 Mail system congestion'),
  status('5', '4\\.(?:0|1|2|3|7)', 'network', 'as-told', 'dot', '554 5.4.7 Delivery expired at the next server'),
  status('4', '4\\.\\d{1,3}', 'network', 'retry', 'connect', '451 4.4.1 Connection refused'),
  status('45', '5\\.3', 'rate-limited', 'retry', 'rcpt', '452 4.5.3 Recipient limit reached'),
  status('5', '5\\.\\d', 'protocol', 'fail', 'mail', '501 5.5.4 Syntax error in parameters'),
  status(
    '5',
    '6\\.(?:2|3|4|5|7|8|9|10)',
    'unsupported',
    'fail',
    'mail',
    '553 5.6.7 The recipient’s server does not take internationalized addresses',
  ),
  status('5', '6\\.11', 'protocol', 'fail', 'dot', '550 5.6.11 Invalid characters'),
  status('5', '6\\.\\d', 'content', 'fail', 'dot', '554 5.6.0 Media type not taken'),
  status('45', '7\\.2', 'restricted', 'as-told', 'rcpt', '550 5.7.2 Mailing list expansion prohibited'),
  status('5', '7\\.(?:3|19)', 'unsupported', 'fail', 'dot', '550 5.7.3 Security conversion required but not possible'),
  status('45', '7\\.(?:4|6|10|11)', 'tls-policy', 'retry', 'mail', '550 5.7.10 Encryption needed'),
  // Before the message it is about the host's certificate or keys, and in our own words; later it is about ours.
  status('45', '7\\.5', 'tls-policy', 'retry', 'tls', '451 4.7.5 The domain’s policy does not name this host (MTA-STS)', ['tls']),
  status('45', '7\\.30', 'tls-policy', 'as-told', 'mail', '550 5.7.30 REQUIRETLS support required'), // RFC 8689 §5
  status('45', '7\\.(?:8|9|12)', 'smarthost', 'retry', 'mail', '550 5.7.8 Authentication credentials invalid'),
  status('5', '7\\.(?:13|17|18)', 'inactive', 'fail', 'rcpt', '525 5.7.13 User account disabled'), // RFC 7293 §3.2
  status('45', '7\\.1[45]', 'restricted', 'as-told', 'rcpt', '550 5.7.14 Trust relationship required'),
  status('5', '7\\.16', 'too-large', 'fail', 'mail', '552 5.7.16 Message too big for the specified priority'),
  status(
    '45',
    '7\\.(?:5|7|2[0-4]|26|29|32|40|509|515)',
    'authentication',
    'as-told',
    'dot',
    '550 5.7.26 Multiple authentication checks failed',
  ),
  status('45', '7\\.25', 'ptr', 'as-told', 'dot', '550 5.7.25 The sending IP does not match its host name'),
  status('45', '7\\.27', 'sender', 'as-told', 'mail', '550 5.7.27 Sender address has null MX'),
  status(
    '45',
    '7\\.(?:28|65\\d)',
    'rate-limited',
    'retry',
    'dot',
    '421 4.7.28 We have detected traffic from your address that breaks our limits',
  ),
  status('45', '7\\.6(?:0[6-9]|[1-4]\\d)', 'blocklisted', 'retry', 'rcpt', '550 5.7.606 Access denied'),
  status('5', '7\\.1(?:2|3)\\d', 'restricted', 'fail', 'dot', '550 5.7.124 Sender not in the list of allowed senders of the group'),
  iana('421', /^421 4\.7\.0\b/, 'rate-limited', 'retry', 'mail', '421 4.7.0 Try again later, closing connection'),
]

/** RFC 5321 §4.2.3, RFC 7504, RFC 7505, RFC 5248: for replies without an enhanced code that says more, and what remains. */
export const basicCodes: readonly Row[] = [
  // Postfix passes over a host that greets with 5yz, and so do we: it is about us, not about the recipient.
  basic('5', /^5/, 'blocklisted', 'retry', 'greeting', '554 No SMTP service for you here', ['greeting']),
  basic('', /^55[13](?: (?![45]\.\d)|$)/, 'recipient', 'fail', 'rcpt', '551 User not local', ['rcpt']),
  basic('', /^552(?: (?![45]\.\d)|$)/, 'too-large', 'fail', 'dot', '552 Too much mail data'),
  basic('', /^452(?: (?![45]\.\d)|$)/, 'mailbox-full', 'retry', 'rcpt', '452 Insufficient storage'),
  basic('', /^450(?: (?![45]\.\d)|$)/, 'greylisted', 'retry', 'rcpt', '450 Please come back'),
  basic('525', /^525\b/, 'inactive', 'fail', 'rcpt', '525 Not at present'),
  basic('5', /^5(?:21|56)\b/, 'domain', 'fail', 'rcpt', '556 Domain does not accept mail'),
  basic('530', /^530\b/, 'tls-policy', 'retry', 'mail', '530 Access denied'),
  basic('50', /^50[0-4]\b/, 'protocol', 'fail', 'data', '503 Bad sequence of commands'),
  basic('4', /^4/, 'temporary', 'retry', 'data', '451 Requested action aborted: local error in processing'),
  basic('5', /^5/, 'refused', 'fail', 'dot', '554 5.7.1 Refused by local policy'),
]
