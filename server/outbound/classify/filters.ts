import { type Row, rowsOf } from './row.ts'

const mimecast = rowsOf(
  'Mimecast',
  'https://mimecastsupport.zendesk.com/hc/en-us/articles/34000709564691-Policies-Mimecast-SMTP-Error-Codes',
)
const proofpoint = rowsOf('Proofpoint', 'https://www.proofpoint.com/us/postmaster')
const cloudmark = rowsOf('Cloudmark', 'https://cloudmark.com/en/knowledgebase/cloudmark-sender-intelligence/why-is-my-ip-address-listed')
const ironport = rowsOf('Cisco IronPort')
const barracuda = rowsOf('Barracuda', 'https://smtp.codes/550')
const symantec = rowsOf(
  'Symantec Email Security.cloud',
  'https://knowledge.broadcom.com/external/article/162445/outbound-mail-returned-by-mailerdaemonme.html',
)
const trend = rowsOf(
  'Trend Micro',
  'https://success.trendmicro.com/solution/1097055-frequently-asked-questions-faqs-about-messages-blocked-by-email-reputation-services-ers',
)
const sophos = rowsOf(
  'Sophos',
  'https://docs.sophos.com/central/customer/help/en-us/ManageYourProducts/EmailSecurity/SMTPErrorCodes/index.html',
)
const nable = rowsOf('SpamExperts')
const amavis = rowsOf('amavis')
const vade = rowsOf('Vade (OVH and others)')
const messagelabs = rowsOf(
  'Forcepoint and others',
  'https://knowledge.broadcom.com/external/article/162445/outbound-mail-returned-by-mailerdaemonme.html',
)

/** The programs and services that organisations have in front of their mail servers. */
export const filters: readonly Row[] = [
  mimecast(
    '451',
    /Internal resources? (?:are )?temporarily unavailable/i,
    'greylisted',
    'retry',
    'rcpt',
    '451 Internal resources are temporarily unavailable - https://community.mimecast.com/docs/DOC-1369#451 [abcDEF123]',
  ),
  mimecast(
    '',
    /Administrative prohibition/i,
    'restricted',
    'as-told',
    'rcpt',
    '550 Administrative prohibition - envelope blocked - https://community.mimecast.com/docs/DOC-1369#550 [abcDEF123]',
  ),
  mimecast(
    '',
    /Envelope blocked|Sender address blocked/i,
    'restricted',
    'as-told',
    'rcpt',
    '550 Envelope blocked - User Domain Entry - https://community.mimecast.com/docs/DOC-1369#550 [abcDEF123]',
  ),
  mimecast(
    '5',
    /manually Blocked Senders/i,
    'restricted',
    'fail',
    'dot',
    '550 Rejected by header based manually Blocked Senders - https://community.mimecast.com/docs/DOC-1369#550 [abcDEF123]',
  ),
  mimecast(
    '',
    /Poor Reputation Sender/i,
    'blocklisted',
    'retry',
    'rcpt',
    '550 csi.mimecast.org Poor Reputation Sender. - https://community.mimecast.com/docs/DOC-1369#550 [abcDEF123]',
  ),
  mimecast(
    '',
    /IP Reputation - \(reject\)/i,
    'blocklisted',
    'retry',
    'rcpt',
    '550 Local CT IP Reputation - (reject) - https://community.mimecast.com/docs/DOC-1369#550 [abcDEF123]',
  ),
  mimecast(
    '',
    /IP temporarily blacklisted/i,
    'blocklisted',
    'retry',
    'rcpt',
    '451 IP temporarily blacklisted - https://community.mimecast.com/docs/DOC-1369#451 [abcDEF123]',
  ),
  mimecast(
    '',
    /(?:SPF|DKIM|DMARC) Sender Invalid/i,
    'authentication',
    'as-told',
    'dot',
    '550 DMARC Sender Invalid - envelope rejected - https://community.mimecast.com/docs/DOC-1369#550 [abcDEF123]',
  ),
  mimecast(
    '5',
    /Anti-Spoofing policy/i,
    'restricted',
    'fail',
    'dot',
    '550 Rejected by Anti-Spoofing policy - https://community.mimecast.com/docs/DOC-1369#550 [abcDEF123]',
  ),
  mimecast(
    '5',
    /Email rejected due to security policies/i,
    'content',
    'fail',
    'dot',
    '554 Email rejected due to security policies - https://community.mimecast.com/docs/DOC-1369#554 [abcDEF123]',
  ),
  mimecast(
    '5',
    /Content Examination Policy|Signature based detection/i,
    'content',
    'fail',
    'dot',
    '550 Message bounced due to Content Examination Policy - https://community.mimecast.com/docs/DOC-1369#550 [abcDEF123]',
  ),
  mimecast(
    '5',
    /Invalid Recipient - https:/i,
    'recipient',
    'fail',
    'rcpt',
    '550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550 [abcDEF123]',
  ),

  proofpoint(
    '',
    /(?:ipcheck|support)\.proofpoint\.com/i,
    'blocklisted',
    'retry',
    'greeting',
    '554 5.7.0 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1',
  ),
  proofpoint(
    '5',
    /refused: user invalid|marked as invalid/i,
    'recipient',
    'fail',
    'rcpt',
    '550 5.7.1 <bo@remote.test>: Recipient address rejected: User email address is marked as invalid',
  ),
  proofpoint('5', /Local Policy Violation/i, 'content', 'fail', 'dot', '554 5.7.0 Local Policy Violation'),
  cloudmark(
    '',
    /csi\.cloudmark\.com/i,
    'blocklisted',
    'retry',
    'greeting',
    '550 192.0.2.1 blocked by CSI. For remediation please use https://csi.cloudmark.com/reset-request/?ip=192.0.2.1',
  ),

  ironport(
    '',
    /sending MTA.s poor reputation/i,
    'blocklisted',
    'retry',
    'greeting',
    "554 Your access to this mail system has been rejected due to the sending MTA's poor reputation. If you believe that this failure is in error, please contact the intended recipient via alternate means",
  ),
  ironport(
    '',
    /access to submit messages to this e-mail system/i,
    'blocklisted',
    'retry',
    'mail',
    '550 5.7.1 Your access to submit messages to this e-mail system has been rejected',
  ),
  ironport('', /Too many recipients received/i, 'rate-limited', 'retry', 'rcpt', '452 Too many recipients received this hour'),
  ironport('550', /^550 5\.1\.0 Address rejected/i, 'recipient', 'fail', 'rcpt', '550 #5.1.0 Address rejected'),

  barracuda(
    '',
    /Barracuda ?(?:Reputation|Central)/i,
    'blocklisted',
    'retry',
    'rcpt',
    '554 Service unavailable; Client host [192.0.2.1] blocked using Barracuda Reputation; http://www.barracudanetworks.com/reputation/?r=1&ip=192.0.2.1',
  ),
  barracuda('5', /:blocked\)/i, 'content', 'fail', 'dot', '550 permanent failure for one or more recipients (bo@remote.test:blocked)'),
  barracuda(
    '5',
    /\bcuda_nsu\b/i,
    'recipient',
    'fail',
    'rcpt',
    '550 cuda_nsu 5.1.1 <bo@remote.test> Recipient address rejected: User unknown',
  ),
  barracuda('5', /rejecting spoofed message/i, 'authentication', 'fail', 'dot', '550 rejecting spoofed message'),

  symantec(
    '',
    /Connection rejected by policy \[7\.\d/i,
    'blocklisted',
    'retry',
    'greeting',
    '501 Connection rejected by policy [7.7] 20805, please visit www.messagelabs.com/support for more details about this error message',
  ),
  symantec(
    '5',
    /Message filtered\. /i,
    'content',
    'fail',
    'dot',
    '553 Message filtered. Refer to the Troubleshooting page at http://www.symanteccloud.com/troubleshooting for more information. (#5.7.1)',
  ),
  symantec(
    '5',
    /trying to use me .{1,100} as a relay/i,
    'relay',
    'fail',
    'rcpt',
    '553 you are trying to use me [server-1.tower-1.messagelabs.com] as a relay, but I have not been configured to let you (#5.7.1)',
  ),
  messagelabs('5', /^\d{3} (?:5\.7\.[01] )?Denied by policy/i, 'restricted', 'fail', 'dot', '550 Denied by policy'),

  trend(
    '',
    /Trend Micro (?:RBL|Email Reputation)|mail-abuse\.(?:com|org)/i,
    'blocklisted',
    'retry',
    'rcpt',
    '550 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using Trend Micro RBL+. Please see http://www.mail-abuse.com/cgi-bin/lookup?ip_address=192.0.2.1',
  ),

  sophos('', /XGEMAIL_000[1-3]\b/, 'authentication', 'as-told', 'dot', '550 5.7.1 XGEMAIL_0003 Command rejected'),
  sophos('', /XGEMAIL_000[45]\b/, 'blocklisted', 'retry', 'rcpt', '550 5.7.1 XGEMAIL_0004 Command rejected'),
  sophos('', /XGEMAIL_0006\b/, 'tls-policy', 'retry', 'mail', '550 5.7.1 XGEMAIL_0006 Command rejected'),
  sophos('', /XGEMAIL_000[89]\b/, 'restricted', 'as-told', 'rcpt', '550 5.7.1 XGEMAIL_0008 Command rejected'),
  sophos('', /XGEMAIL_0010\b/, 'relay', 'as-told', 'rcpt', '550 5.7.1 XGEMAIL_0010 Command rejected'),
  sophos('5', /XGEMAIL_0011\b/, 'recipient', 'fail', 'rcpt', '550 5.1.1 XGEMAIL_0011 Command rejected'),
  sophos('5', /XGEMAIL_0012\b/, 'too-large', 'fail', 'dot', '552 5.3.4 XGEMAIL_0012 Command rejected'),
  sophos('', /XGEMAIL_001[45]\b/, 'busy', 'retry', 'rcpt', '450 4.7.1 XGEMAIL_0015 Command rejected'),
  sophos('', /Mail flood detected/i, 'rate-limited', 'retry', 'mail', '554 5.7.28 Mail flood detected'),

  nable(
    '5',
    /A URL in this email/i,
    'content',
    'fail',
    'dot',
    '550 A URL in this email (link.test) is listed on https://spamrl.com/. Please resolve and retry',
  ),
  nable('5', /High probability of spam/i, 'content', 'fail', 'dot', '550 High probability of spam'),
  nable(
    '',
    /is not allowed to send mail from/i,
    'authentication',
    'as-told',
    'mail',
    '550 SPF: 192.0.2.1 is not allowed to send mail from ours.test. Please see http://www.openspf.org',
  ),
  nable('4', /email seems to be spam/i, 'content', 'retry', 'dot', '451 Your email seems to be spam, it is temporarily deferred'),
  amavis(
    '5',
    / - (?:spam|INFECTED|BANNED|BAD-HEADER)/i,
    'content',
    'fail',
    'dot',
    '554 5.7.0 Reject, id=12345-01 - INFECTED: Eicar-Test-Signature',
  ),
  vade('5', /No SPAM please/i, 'content', 'fail', 'dot', '550 5.7.1 Refused by local policy. No SPAM please!'),
]
