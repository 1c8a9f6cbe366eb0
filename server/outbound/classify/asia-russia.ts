import { type Row, rowsOf } from './row.ts'

const mailru = rowsOf('Mail.ru', 'https://help.mail.ru/notspam-support')
const yandex = rowsOf('Yandex', 'https://yandex.com/support/mail/bounces/yandex/message-rejected-under-suspicion-of-spam.html')
const qq = rowsOf('QQ', 'https://smtp.codes/qq')
const netease = rowsOf('163, 126 (NetEase)', 'https://help.mail.163.com/')
const coremail = rowsOf('Coremail', 'https://www.icoremail.vip/support/index.php?cate_id=84')
const zoho = rowsOf('Zoho', 'https://smtp.codes/zoho')

/** Providers of Russia, China and India. */
export const asiaAndRussia: readonly Row[] = [
  mailru(
    '5',
    /help\.mail\.ru\/notspam/i,
    'content',
    'fail',
    'dot',
    '550 spam message rejected. Please visit http://help.mail.ru/notspam-support/id?c=AbCd or report details to abuse@corp.mail.ru',
  ),
  mailru(
    '5',
    /unavailable: account is disabled/i,
    'inactive',
    'fail',
    'rcpt',
    '550 Message was not accepted -- invalid mailbox. Local mailbox bo@mail.ru is unavailable: account is disabled',
  ),
  mailru(
    '5',
    /not accepted -- invalid mailbox/i,
    'recipient',
    'fail',
    'rcpt',
    '550 Message was not accepted -- invalid mailbox. Local mailbox bo@mail.ru is unavailable: user not found',
  ),
  mailru(
    '',
    /Access from ip address .{0,45}blocked/i,
    'blocklisted',
    'retry',
    'greeting',
    '550 Access from ip address 192.0.2.1 blocked. Visit http://mail.ru/notspam/',
  ),
  mailru(
    '',
    /dynamic IP or generic (?:DNS )?PTR/i,
    'ptr',
    'as-told',
    'greeting',
    '550 We do not accept mail from hosts with dynamic IP or generic DNS PTR-records. Please get a custom reverse DNS name from your ISP',
  ),

  yandex(
    '5',
    /under suspicion of SPAM/i,
    'content',
    'fail',
    'dot',
    '554 5.7.1 [2] Message rejected under suspicion of SPAM; https://ya.cc/1IrBc',
  ),
  yandex(
    '',
    /Blocked by spam statistics/i,
    'blocklisted',
    'retry',
    'mail',
    '550 5.7.1 [1] Blocked by spam statistics - see https://feedback.yandex.ru',
  ),
  yandex('5', /No such user!/i, 'recipient', 'fail', 'rcpt', '550 5.7.1 No such user!'),
  yandex('5', /Policy rejection on the target address/i, 'restricted', 'fail', 'rcpt', '550 5.7.1 Policy rejection on the target address'),
  yandex(
    '4',
    /service is currently unavailable\. Please come back later/i,
    'greylisted',
    'retry',
    'dot',
    '451 4.7.1 Sorry, the service is currently unavailable. Please come back later',
  ),
  yandex(
    '',
    /recipient has exceeded message rate limit/i,
    'busy',
    'retry',
    'rcpt',
    '452 4.5.3 The recipient has exceeded message rate limit. Try again later',
  ),

  qq(
    '550',
    /^550 Mailbox not found/i,
    'recipient',
    'fail',
    'rcpt',
    '550 Mailbox not found. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000728',
  ),
  qq('550', /^550 Mailbox unavailable or access denied/i, 'busy', 'retry', 'rcpt', '550 Mailbox unavailable or access denied'),
  qq(
    '5',
    /Mail content denied/i,
    'content',
    'fail',
    'dot',
    '550 Mail content denied. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000726',
  ),
  qq(
    '',
    /(?:Sender|Domain|Ip|Connection) frequency limited/i,
    'rate-limited',
    'retry',
    'mail',
    '550 Sender frequency limited. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000723',
  ),
  qq('', /Suspected spam (?:sender|ip)/i, 'blocklisted', 'retry', 'mail', '550 Suspected spam sender'),
  qq('5', /Mail is rejected by recipients/i, 'restricted', 'fail', 'dot', '550 Mail is rejected by recipients'),

  netease(
    '',
    /\bHL:[A-Z]{3}\b/,
    'rate-limited',
    'retry',
    'greeting',
    '421 HL:ICC 163 gzmx1,SCCowAB3 192.0.2.1 http://mail.163.com/help/help_spam_16.htm',
  ),
  netease('', /\bDT:RBL\b/, 'blocklisted', 'retry', 'dot', '450 DT:RBL 163 mx1 http://mail.163.com/help/help_spam_16.htm'),
  netease('', /\bDT:SPM\b/, 'content', 'as-told', 'dot', '554 DT:SPM 163 smtp1,GdxpCgDn http://mail.163.com/help/help_spam_16.htm'),
  netease('', /\bMI:SPF\b/, 'authentication', 'as-told', 'mail', '550 MI:SPF 163 mx1 http://mail.163.com/help/help_spam_16.htm'),
  netease('', /\b(?:MI|RP):[A-Z]{3}\b/, 'rate-limited', 'retry', 'rcpt', '450 RP:DRC 163 mx1 http://mail.163.com/help/help_spam_16.htm'),
  coremail('5', /\bUser (?:is )?(?:suspended|locked|hangup)/i, 'inactive', 'fail', 'rcpt', '550 User suspended: bo@remote.test'),
  coremail('5', /\bUser in blacklist/i, 'restricted', 'fail', 'rcpt', '550 User in blacklist'),

  zoho('', /rejected by destination domain/i, 'restricted', 'as-told', 'dot', '541 5.4.1 Mail rejected by destination domain'),
  zoho(
    '',
    /Mailbox delivery (?:failure|restricted by) policy error/i,
    'restricted',
    'as-told',
    'dot',
    '552 5.1.1 <bo@zoho.com> Mailbox delivery failure policy error',
  ),
  zoho(
    '',
    /Unusual sending activity detected/i,
    'rate-limited',
    'retry',
    'mail',
    '550 5.4.6 Unusual sending activity detected. Please try after sometime',
  ),
]
