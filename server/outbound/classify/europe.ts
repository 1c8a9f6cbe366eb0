import { type Row, rowsOf } from './row.ts'

const gmx = rowsOf('GMX, WEB.DE, mail.com, IONOS', 'https://postmaster.gmx.net/en/error-messages')
const tonline = rowsOf('T-Online', 'https://postmaster.t-online.de/index.en.html')
const freenet = rowsOf('Freenet')
const orange = rowsOf('Orange', 'https://www.postmastery.com/orange-postmaster-smtp-error-codes-ofr/')
const laposte = rowsOf('Laposte', 'https://www.postmastery.com/laposte-net-postmaster-smtp-error-codes-lpn/')
const sfr = rowsOf('SFR', 'https://bentonow.com/smtp-errors/sfr')
const free = rowsOf('Free', 'https://postmaster.free.fr/')
const libero = rowsOf(
  'Libero, Virgilio',
  'https://www.suped.com/learn/email-deliverability/what-causes-a-550-invalid-domain-error-from-virgilio-and-libero-and-how-can-it-be-resolved',
)

/** Providers of Germany, France and Italy. */
export const europe: readonly Row[] = [
  gmx(
    '',
    /IP address is block listed/i,
    'blocklisted',
    'retry',
    'greeting',
    '554-gmx.net (mxgmx104) Nemesis ESMTP Service not available\r\n554-No SMTP service\r\n554-IP address is block listed.\r\n554 For explanation visit https://postmaster.gmx.net/en/case?c=r0201&i=ip&v=192.0.2.1&r=1',
  ),
  gmx(
    '',
    /Bad DNS PTR resource record|Invalid DNS PTR resource record/i,
    'ptr',
    'retry',
    'greeting',
    '554-gmx.net (mxgmx104) Nemesis ESMTP Service not available\r\n554-No SMTP service\r\n554-Bad DNS PTR resource record.\r\n554 For explanation visit https://postmaster.gmx.net/en/case?c=rdns&i=ip&v=192.0.2.1',
  ),
  gmx('4', /Reject due to policy (?:violations|restrictions)/i, 'rate-limited', 'retry', 'rcpt', '421 Reject due to policy violations'),
  gmx(
    '5',
    /Reject due to policy (?:violations|restrictions)/i,
    'content',
    'fail',
    'dot',
    '554-Transaction failed\r\n554-Reject due to policy restrictions.\r\n554 For explanation visit https://postmaster.gmx.net/en/case?c=hi&i=ip&v=192.0.2.1',
  ),
  gmx(
    '',
    /Reject due to SPF policy/i,
    'authentication',
    'as-told',
    'rcpt',
    '550 <ann@ours.test>: Reject due to SPF policy. The originating IP of the message is not permitted by the domain owner',
  ),
  gmx(
    '550',
    /^550 (?:<.{1,256}>: )?Requested action not taken: mailbox unavailable/i,
    'recipient',
    'fail',
    'rcpt',
    '550 <bo@gmx.net>: Requested action not taken: mailbox unavailable',
    ['rcpt', 'dot'],
  ),
  gmx(
    '552',
    /exceeded storage allocation/i,
    'mailbox-full',
    'retry',
    'dot',
    '552 Requested mail action aborted: exceeded storage allocation',
  ),

  tonline(
    '',
    /None\/bad reputation/i,
    'blocklisted',
    'retry',
    'greeting',
    '554 IP=192.0.2.1 - None/bad reputation. Ask your postmaster for help or to contact tobr@rx.t-online.de for reset. (NOWL)',
  ),
  tonline(
    '',
    /Dialup\/transient IP not allowed/i,
    'blocklisted',
    'retry',
    'greeting',
    '554 IP=192.0.2.1 - Dialup/transient IP not allowed. Use a mailgateway or contact toda@rx.t-online.de if obsolete. (DIAL)',
  ),
  tonline(
    '',
    /@rx\.t-online\.de/i,
    'blocklisted',
    'retry',
    'greeting',
    '554 IP=192.0.2.1 - A problem occurred. (Ask your postmaster for help or to contact tosa@rx.t-online.de to clarify.) (BL)',
  ),
  freenet(
    '',
    /inconsistent or no DNS PTR record/i,
    'ptr',
    'as-told',
    'greeting',
    '550 inconsistent or no DNS PTR record for 192.0.2.1 (see RFC 1912 2.1)',
  ),

  orange(
    '',
    /\bOFR0{0,2}4_10[45]\b/i,
    'rate-limited',
    'retry',
    'greeting',
    '421 mwinf5c04 ME Trop de connexions, veuillez verifier votre configuration. Too many connections, slow down. OFR004_104 [104]',
  ),
  orange(
    '',
    /\bOFR_999\b/i,
    'rate-limited',
    'retry',
    'greeting',
    '421 mwinf5c04 ME Service refuse. Veuillez essayer plus tard. Service refused, please try later. OFR_999 [999]',
  ),
  orange(
    '',
    /\bOFR0{0,2}6_10\d\b/i,
    'blocklisted',
    'retry',
    'greeting',
    '550 5.7.1 mwinf5c04 ME Service refuse. Veuillez verifier la liste Spamhaus. Service refused, please check Spamhaus. OFR006_102 [102]',
  ),
  orange('5', /\bOFR_?\d{0,3}_?506\b/i, 'content', 'fail', 'dot', '550 5.2.0 Mail rejete. Mail rejected. OFR_506 [506]'),
  orange(
    '5',
    /\bOFR_?\d{0,3}_?416\b/i,
    'recipient',
    'fail',
    'rcpt',
    '550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR_416 [416]',
  ),

  laposte(
    '',
    /\bLPN027_503\b/,
    'rate-limited',
    'retry',
    'greeting',
    '450 4.7.1 Client host rejected: Service refuse. Veuillez essayer plus tard. service refused, please try later. LPN027_503',
  ),
  laposte('', /\bLPN007_405\b/, 'sender', 'as-told', 'mail', '450 4.1.8 Emetteur invalide. Invalid Sender. LPN007_405'),
  laposte(
    '5',
    /\bLPN007_416\b/,
    'recipient',
    'fail',
    'rcpt',
    '550 5.5.0 Adresse d au moins un destinataire invalide. Invalid recipient. LPN007_416',
  ),
  laposte('5', /\bLPN007_510\b/, 'content', 'fail', 'dot', '550 5.5.0 Service refuse. Service refused. LPN007_510'),
  laposte('', /\bLPN007_517\b/, 'authentication', 'as-told', 'dot', '550 5.5.0 Message rejete, DMARC. Message rejected, DMARC. LPN007_517'),
  sfr(
    '',
    /\bSFR_IN_\d{3}\b/,
    'rate-limited',
    'retry',
    'greeting',
    '450 4.7.1 Service refused due to bad behavior - Too many spam messages SFR_IN_101',
  ),
  free(
    '4',
    /postmaster\.free\.fr/i,
    'rate-limited',
    'retry',
    'rcpt',
    '451 too many errors from your ip (192.0.2.1), please visit http://postmaster.free.fr/',
  ),
  free('5', /^\d{3} spam detected/i, 'content', 'fail', 'dot', '550 spam detected'),
  libero('', /Invalid Domain .{0,60}\.iol\.local/i, 'authentication', 'as-told', 'dot', '550 Invalid Domain [smtp-41.iol.local; LIB_104]'),
]
