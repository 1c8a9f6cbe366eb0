import { type Row, rowsOf } from './row.ts'

const spamhaus = rowsOf('Spamhaus users', 'https://www.spamhaus.org/faqs/')
const spamcop = rowsOf('SpamCop users', 'https://www.spamcop.net/fom-serve/cache/298.html')
const others = rowsOf('users of block lists', 'https://www.rfc-editor.org/rfc/rfc6471')
const domains = rowsOf('users of domain lists', 'https://surbl.org/faqs')
const greylisters = rowsOf('greylisting servers', 'https://www.rfc-editor.org/rfc/rfc6647')
const busy = rowsOf('servers that count')
const policy = rowsOf('servers that check DMARC and SPF', 'https://www.rfc-editor.org/rfc/rfc7208#section-8.4')

/** Words that mean the same whoever writes them. Lists of addresses are about us; lists of links are about the message. */
export const lists: readonly Row[] = [
  greylisters(
    '4',
    /\bgr[ae]y[- ]?list/i,
    'greylisted',
    'retry',
    'rcpt',
    '450 4.2.0 <bo@remote.test>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/remote.test.html',
  ),
  domains('5', /\b(?:URIBL|SURBL)\b/i, 'content', 'fail', 'dot', '554 5.7.1 Message rejected: a link in it is listed in URIBL black'),
  domains(
    '5',
    /\b(?:URL|URI|link) .{0,80}\bDBL\b/i,
    'content',
    'fail',
    'dot',
    '554 5.7.1 The message contains a URL listed in the Spamhaus DBL',
  ),
  spamhaus(
    '',
    /spamhaus/i,
    'blocklisted',
    'retry',
    'rcpt',
    '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.1',
  ),
  spamcop('', /spamcop/i, 'blocklisted', 'retry', 'rcpt', '550 5.7.1 Service unavailable; client [192.0.2.1] blocked using bl.spamcop.net'),
  others(
    '',
    /\b(?:SORBS|UCEPROTECT|Abusix|invaluement|ivmSIP|psbl|spamrats|mailspike|manitu|senderscore|backscatterer|dnswl|NiX ?Spam)\b/i,
    'blocklisted',
    'retry',
    'rcpt',
    '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using ix.dnsbl.manitu.net',
  ),
  others(
    '',
    /block(?:ed)? ?list|black ?list|\bDNSBL\b|\bRBL\b/i,
    'blocklisted',
    'retry',
    'rcpt',
    '550-"JunkMail rejected - mx.ours.test [192.0.2.1]:40000\r\n550 is in an RBL, see http://list.test/?q=192.0.2.1"',
  ),
  others(
    '',
    /blocked using|blocked by .{0,40}list/i,
    'blocklisted',
    'retry',
    'rcpt',
    '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using list.test',
  ),
  others('', /\breputation\b/i, 'blocklisted', 'retry', 'greeting', '554 5.7.1 Connection refused: your address has a poor reputation'),
  others(
    '',
    /(?:your|client|sending|source) (?:IP|host|address) .{0,60}\b(?:blocked|banned|denied)/i,
    'blocklisted',
    'retry',
    'greeting',
    '554 Your IP 192.0.2.1 is blocked. Contact postmaster@remote.test',
  ),
  busy(
    '',
    /rate[- ]?limit|too many (?:messages|connections|concurrent|sessions|recipients)|sending too fast|slow down/i,
    'rate-limited',
    'retry',
    'greeting',
    '421 4.7.0 mx.remote.test Error: too many connections from 192.0.2.1',
  ),
  others(
    '',
    /\bPTR\b|reverse (?:dns|hostname|lookup)|\brDNS\b/i,
    'ptr',
    'as-told',
    'greeting',
    '450 4.7.1 Client host 192.0.2.1 has no PTR record (G1F)',
  ),
  policy('', /\bDMARC\b/i, 'authentication', 'as-told', 'dot', '550 5.7.1 Email rejected per DMARC policy for ours.test'),
  policy(
    '',
    /\bSPF\b.{0,60}(?:fail|not (?:authori[sz]ed|permitted)|violat|reject|prohibit)|(?:fail|violat|prohibit).{0,40}\bSPF\b/i,
    'authentication',
    'as-told',
    'rcpt',
    '550 5.7.1 Message rejected due to: SPF fail - not authorized',
  ),
  policy(
    '',
    /Sender Policy Framework/i,
    'authentication',
    'as-told',
    'dot',
    '550 5.7.1 The message was rejected because of Sender Policy Framework violation',
  ),
  policy(
    '',
    /\bDKIM\b.{0,60}(?:fail|invalid|missing|require|reject)|(?:no|without|missing) .{0,20}DKIM/i,
    'authentication',
    'as-told',
    'dot',
    '550 5.7.1 Message rejected: DKIM signature verification failed',
  ),
  policy(
    '',
    /Domain of sender address .{0,80}does not (?:resolve|exist)/i,
    'sender',
    'as-told',
    'mail',
    '451 4.1.8 Domain of sender address ann@ours.test does not resolve',
  ),
  policy(
    '',
    /sender (?:address|domain) .{0,40}(?:not found|not exist|unresolvable|does not resolve)/i,
    'sender',
    'as-told',
    'mail',
    '550 Sender domain must exist: sender domain ours.test not found',
  ),
]
