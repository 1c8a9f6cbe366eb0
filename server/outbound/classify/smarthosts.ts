import { type Row, rowsOf } from './row.ts'

const any = rowsOf('smarthosts', 'https://www.rfc-editor.org/rfc/rfc4954#section-6')
const ses = rowsOf('Amazon SES', 'https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-smtp.html')
const sendgrid = rowsOf('SendGrid', 'https://www.twilio.com/docs/sendgrid')
const tls = rowsOf('servers that want TLS', 'https://www.rfc-editor.org/rfc/rfc3207#section-4')

/** What those say who take our mail to pass it on, when it is ours to put right: never the recipient's fault. */
export const smarthosts: readonly Row[] = [
  tls(
    '',
    /must issue (?:a )?STARTTLS|(?:TLS|encryption|STARTTLS) (?:is )?required/i,
    'tls-policy',
    'retry',
    'mail',
    '530 5.7.0 Must issue a STARTTLS command first',
  ),
  any('53', /^53[45]\b/, 'smarthost', 'retry', 'ehlo', '535 5.7.8 Username and Password not accepted'),
  any('530', /Authentication (?:is )?required/i, 'smarthost', 'retry', 'mail', '530 5.7.0 Authentication Required'),
  any(
    '454',
    /Temporary authentication failure/i,
    'smarthost',
    'retry',
    'ehlo',
    '454 4.7.0 Temporary authentication failure: Connection lost to authentication server',
  ),
  ses(
    '',
    /Email address is not verified/i,
    'sender',
    'as-told',
    'dot',
    '554 Message rejected: Email address is not verified. The following identities failed the check in region US-EAST-1: ann@ours.test',
  ),
  ses(
    '',
    /Maximum sending rate exceeded|Daily (?:message|sending) quota exceeded/i,
    'rate-limited',
    'retry',
    'dot',
    '454 Throttling failure: Maximum sending rate exceeded',
  ),
  sendgrid('', /Unauthenticated senders not allowed/i, 'smarthost', 'retry', 'mail', '550 Unauthenticated senders not allowed'),
  sendgrid('', /Maximum credits exceeded/i, 'rate-limited', 'retry', 'ehlo', '451 Authentication failed: Maximum credits exceeded'),
  sendgrid(
    '',
    /does not match a verified Sender Identity/i,
    'sender',
    'as-told',
    'dot',
    '550 The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved',
  ),
]
