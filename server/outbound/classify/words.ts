import { type Row, rowsOf } from './row.ts'

const word = rowsOf('many servers', 'https://www.rfc-editor.org/rfc/rfc5321#section-4.2', true)

/** What people write who give no code that says more. */
export const words: readonly Row[] = [
  word(
    '',
    /over ?quota|quota (?:is )?(?:exceeded|full)|exceed.{0,20} quota|mailbox (?:is )?full|full mailbox|storage (?:is )?full|out of storage/i,
    'mailbox-full',
    'retry',
    'rcpt',
    '550 Mailbox is full',
  ),
  word(
    '5',
    /(?:account|mailbox|user|recipient) (?:has been |is |was )?(?:temporarily )?(?:disabled|inactive|suspended|closed|deactivated|expired)/i,
    'inactive',
    'fail',
    'rcpt',
    '550 This account has been disabled',
    ['rcpt', 'dot'],
  ),
  word(
    '5',
    /no such (?:user|mailbox|recipient|address|account|person|local user)|(?:user|recipient|mailbox|address|account) (?:is )?(?:unknown|not found|not known|invalid)|unknown (?:user|recipient|mailbox|address|account|local)|no mailbox here/i,
    'recipient',
    'fail',
    'rcpt',
    '550 No such user here',
    ['rcpt', 'dot'],
  ),
  word(
    '5',
    /(?:does(?: not|n.t)|didn.t|not) exists?|invalid (?:recipient|mailbox|user|address)|not a valid (?:mailbox|user|recipient)/i,
    'recipient',
    'fail',
    'rcpt',
    '550 5.7.1 The recipient does not exist',
    ['rcpt', 'dot'],
  ),
  // The same in the words of other countries.
  word(
    '5',
    /destinat(?:ario|aire) (?:sconosciuto|inconnu|desconhecido|desconocido)|nie istnieje|unbekannter (?:Benutzer|Empf)/i,
    'recipient',
    'fail',
    'rcpt',
    '550 Destinatario sconosciuto',
    ['rcpt', 'dot'],
  ),
  word(
    '',
    /(?:message|mail|size) .{0,30}(?:too (?:large|big)|exceeds .{0,30}(?:limit|maximum|size))/i,
    'too-large',
    'as-told',
    'mail',
    '554 Message size exceeds fixed maximum message size',
  ),
  word('5', /too many hops|mail loop|looping|routing loop/i, 'loop', 'fail', 'dot', '554 Too many hops, this looks like a mail loop'),
  word(
    '',
    /only .{0,30}(?:members|internal|authori[sz]ed senders)|not (?:on|in) .{0,20}(?:white|allow)list/i,
    'restricted',
    'as-told',
    'rcpt',
    '550 5.7.1 Only members may post to this list',
  ),
  word(
    '5',
    /\b(?:spam|virus|viruses|malware|phishing|infected|junk|unsolicited)\b/i,
    'content',
    'fail',
    'dot',
    '554 5.7.1 Spam message rejected',
  ),
  word(
    '5',
    /\bcontent\b|attachment|\.exe\b|macro/i,
    'content',
    'fail',
    'dot',
    '552 MS-Office file containing VBA macros found inside of the email',
    ['data', 'dot'],
  ),
]
