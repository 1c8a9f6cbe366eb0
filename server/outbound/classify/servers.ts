import { type Row, rowsOf } from './row.ts'

const postfix = rowsOf('Postfix (Fastmail, Proton and many others)', 'https://www.postfix.org/postconf.5.html')
const postscreen = rowsOf('Postfix postscreen', 'https://www.postfix.org/POSTSCREEN_README.html')
const exim = rowsOf('Exim, cPanel', 'https://www.exim.org/exim-html-current/doc/html/spec_html/')
const qmail = rowsOf('qmail')
const sendmail = rowsOf('Sendmail')
const exchange = rowsOf('Exchange Server')
const spamd = rowsOf('OpenBSD spamd')
const rspamd = rowsOf('rspamd', 'https://docs.rspamd.com/modules/greylisting')

/** Mail servers as people install them. */
export const servers: readonly Row[] = [
  postscreen(
    '450',
    /^450 4\.3\.2 Service currently unavailable/i,
    'greylisted',
    'retry',
    'rcpt',
    '450 4.3.2 Service currently unavailable',
  ),
  postfix(
    '4',
    /unverified address/i,
    'temporary',
    'retry',
    'rcpt',
    '450 4.1.1 <bo@remote.test>: Recipient address rejected: unverified address: Address verification in progress',
  ),
  postfix(
    '5',
    /Recipient address rejected: (?:user unknown|unknown user|no such user|undeliverable|address does not exist|mailbox unavailable|invalid)/i,
    'recipient',
    'fail',
    'rcpt',
    '554 5.7.1 <bo@remote.test>: Recipient address rejected: User unknown',
  ),
  postfix(
    '',
    /cannot find your (?:reverse )?hostname/i,
    'ptr',
    'as-told',
    'rcpt',
    '450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]',
  ),
  postfix(
    '',
    /Helo command rejected|Invalid HELO/i,
    'ptr',
    'as-told',
    'rcpt',
    '450 4.7.1 <mx.ours.test>: Helo command rejected: Host not found',
  ),
  postfix(
    '',
    /Client host rejected: Access denied/i,
    'blocklisted',
    'retry',
    'rcpt',
    '554 5.7.1 <mx.ours.test[192.0.2.1]>: Client host rejected: Access denied',
  ),
  postfix(
    '',
    /Sender address rejected: not (?:owned by|logged in)/i,
    'sender',
    'as-told',
    'rcpt',
    '553 5.7.1 <ann@ours.test>: Sender address rejected: not owned by user bo',
  ),
  postfix(
    '',
    /Sender address rejected: Access denied/i,
    'restricted',
    'as-told',
    'rcpt',
    '554 5.7.1 <ann@ours.test>: Sender address rejected: Access denied',
  ),
  postfix('4', /Error: too (?:many errors|much mail)/i, 'rate-limited', 'retry', 'mail', '450 4.7.1 Error: too much mail from 192.0.2.1'),
  postfix('', /Relay access denied/i, 'relay', 'as-told', 'rcpt', '554 5.7.1 <bo@remote.test>: Relay access denied'),

  exim('5', /Unrouteable address/i, 'recipient', 'fail', 'rcpt', '550 Unrouteable address', ['rcpt', 'dot']),
  exim('', /relay not permitted|turn on SMTP Authentication/i, 'relay', 'as-told', 'rcpt', '550 relay not permitted'),
  exim(
    '',
    /Sender veri(?:fy failed|fication failed)|callout verification|Verification failed for/i,
    'sender',
    'as-told',
    'rcpt',
    '550-Verification failed for <ann@ours.test>\r\n550 Sender verify failed',
  ),
  exim(
    '',
    /exceeded the max (?:emails|defers)/i,
    'rate-limited',
    'retry',
    'rcpt',
    '550 Domain ours.test has exceeded the max emails per hour (100/100 (100%)) allowed. Message discarded',
  ),
  exim(
    '5',
    /detected your message as spam|classified as spam/i,
    'content',
    'fail',
    'dot',
    '550 The mail server detected your message as spam and has prevented delivery',
  ),

  qmail(
    '',
    /list of allowed rcpthosts/i,
    'relay',
    'as-told',
    'rcpt',
    "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
  ),
  qmail('', /badmailfrom list/i, 'restricted', 'as-told', 'mail', '553 sorry, your envelope sender is in my badmailfrom list (#5.7.1)'),
  qmail('', /smtplf\.html/i, 'protocol', 'as-told', 'data', '451 See http://pobox.com/~djb/docs/smtplf.html'),
  qmail('4', /\bqq trouble/i, 'temporary', 'retry', 'dot', '451 qq trouble in home directory (#4.3.0)'),

  sendmail('', /Relaying (?:denied|disallowed)/i, 'relay', 'as-told', 'rcpt', '550 5.7.1 <bo@remote.test>... Relaying denied'),
  sendmail('4', /Connection rate limit exceeded/i, 'rate-limited', 'retry', 'greeting', '421 4.3.2 Connection rate limit exceeded'),
  exchange('', /Unable to relay/i, 'relay', 'as-told', 'rcpt', '550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain'),

  spamd(
    '451',
    /^451 Temporary failure, please try again later/i,
    'greylisted',
    'retry',
    'rcpt',
    '451 Temporary failure, please try again later',
  ),
  rspamd('451', /^451 4\.7\.1 Try again later/i, 'greylisted', 'retry', 'dot', '451 4.7.1 Try again later'),
]
