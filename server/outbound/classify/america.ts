import { type Row, rowsOf } from './row.ts'

const comcast = rowsOf('Comcast', 'http://postmaster.comcast.net/mail-error-codes.html')
const att = rowsOf('AT&T', 'https://smtp.codes/550')
const cox = rowsOf('Cox', 'http://postmaster.cox.net/confluence/display/postmaster/Error+Codes')
const rackspace = rowsOf('Rackspace', 'https://smtp.codes/rackspace')
const godaddy = rowsOf('GoDaddy')

/** Providers of North America. */
export const america: readonly Row[] = [
  comcast(
    '',
    /\bBL0[01]{5}\b/,
    'blocklisted',
    'retry',
    'greeting',
    '554 resimta-01.sys.comcast.net comcast 192.0.2.1 found on one or more DNSBLs, see http://postmaster.comcast.net/smtp-error-codes.php#BL000001',
  ),
  comcast(
    '',
    /\bES0000[01]\d\b/,
    'blocklisted',
    'retry',
    'greeting',
    '554 resimta-01.sys.comcast.net comcast 192.0.2.1 Comcast requires that all mail servers must have a static address: #ES000010',
  ),
  comcast(
    '',
    /\bRL0000\d\d\b/,
    'rate-limited',
    'retry',
    'mail',
    '421 Try again later - http://postmaster.comcast.net/smtp-error-codes.php#RL000010',
  ),
  comcast(
    '',
    /\bDM000001\b/,
    'authentication',
    'as-told',
    'dot',
    '550 5.2.0 Message rejected due to DMARC. Please see http://postmaster.comcast.net/smtp-error-codes.php#DM000001',
  ),
  comcast('', /Reverse DNS failure/i, 'ptr', 'retry', 'greeting', '421 Reverse DNS failure : Try again later'),
  comcast('5', /Not our Customer/i, 'recipient', 'fail', 'rcpt', '550 5.1.1 Not our Customer'),
  att(
    '',
    /Fix reverse DNS for/i,
    'ptr',
    'as-told',
    'greeting',
    '550 5.7.1 Connections not accepted from servers without a valid sender domain.flph829 Fix reverse DNS for 192.0.2.1',
  ),
  att(
    '',
    /abuse_rbl@abuse-att\.net/i,
    'blocklisted',
    'retry',
    'mail',
    '553 5.3.0 flph833 DNSBL:RBL 521< 192.0.2.1 >_is_blocked.For assistance forward this error to abuse_rbl@abuse-att.net',
  ),
  att(
    '5',
    /Addressee unknown|blank mailhost/i,
    'recipient',
    'fail',
    'rcpt',
    '550 5.2.1 <bo@prodigy.net>... Addressee unknown, relay=[192.0.2.1]',
  ),
  cox(
    '',
    /AUP#(?:CX|CDR|IP|CXR)BL/i,
    'blocklisted',
    'retry',
    'greeting',
    '554 cmsmtp 192.0.2.1 blocked. Refer to Error Codes section at http://postmaster.cox.net for more information. AUP#CXBL',
  ),
  cox(
    '',
    /AUP#CX(?:CNCT|MXRT)/i,
    'rate-limited',
    'retry',
    'greeting',
    '421 cmsmtp 192.0.2.1 blocked. Refer to Error Codes section at http://postmaster.cox.net for more information. AUP#CXCNCT',
  ),
  rackspace(
    '4',
    /Mailbox received too much email/i,
    'busy',
    'retry',
    'rcpt',
    '450 4.2.1 <bo@remote.test>: Mailbox received too much email in a short period of time (G30)',
  ),
  rackspace(
    '4',
    /new or untrusted IP/i,
    'rate-limited',
    'retry',
    'dot',
    '451 4.7.1 Received too many messages from a new or untrusted IP (G28)',
  ),
  rackspace('', /ACL dns_rbl/i, 'blocklisted', 'retry', 'rcpt', '554 5.7.1 ACL dns_rbl; Client host [192.0.2.1] blocked (B3)'),
  godaddy(
    '',
    /\bIB(?:10[1-9]|607[a-z]?)\b/,
    'blocklisted',
    'retry',
    'greeting',
    '554 p3plibsmtp01.prod.phx3.secureserver.net bizsmtp IB103 Connection refused. 192.0.2.1 has a poor reputation',
  ),
  godaddy(
    '',
    /\bIB11\d\b/,
    'rate-limited',
    'retry',
    'greeting',
    '421 p3plibsmtp01.prod.phx3.secureserver.net bizsmtp temporarily rejected. Reverse DNS lookup failed IB111',
  ),
  godaddy(
    '5',
    /\bIB212\b/,
    'content',
    'fail',
    'dot',
    '552 5.2.0 This message has been rejected due to content judged to be spam by the internet community IB212',
  ),
]
