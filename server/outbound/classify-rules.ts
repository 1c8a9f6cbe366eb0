import type { BounceClass } from './classify-meanings.ts'
import type { Stage } from './transport.ts'

/** `when` is tested on the reply as one line, `550 5.1.1 text`. `as-told`: 4yz is tried again, 5yz is final. `seen` is a reply (or ours,
 *  when none came) that taught us the rule, and that a test feeds to it. Patterns must be linear: the text is a stranger's. */
export type Rule = {
  when: RegExp
  stages?: readonly Stage[]
  class: BounceClass
  outcome: 'retry' | 'fail' | 'as-told'
  seen: { stage: Stage; reply: string }
}

const rule = (when: RegExp, name: BounceClass, outcome: Rule['outcome'], stage: Stage, reply: string, stages?: readonly Stage[]): Rule => ({
  when,
  class: name,
  outcome,
  seen: { stage, reply },
  ...(stages && { stages }),
})

const providerWords: readonly Rule[] = [
  rule(/^4.*\bgr[ae]y[- ]?list/i, 'greylisted', 'retry', 'rcpt', '450 4.2.0 <bo@remote.test>: Recipient address rejected: Greylisted'),
  rule(
    /^4.*\[?TSS?\d\d\]/,
    'rate-limited',
    'retry',
    'greeting',
    '421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints',
  ),
  rule(
    /\bRP-00[1-3]\b/,
    'rate-limited',
    'retry',
    'greeting',
    '421 RP-001 (SNT004) Unfortunately, some messages from 192.0.2.1 weren’t sent. We have limits for how many messages can be sent per hour',
  ),
  rule(
    /^4.*(?:unusual rate|rate[- ]?limit|too many (?:messages|connections))/i,
    'rate-limited',
    'retry',
    'dot',
    '421 4.7.0 Our system has detected an unusual rate of unsolicited mail originating from your IP address',
  ),
  rule(
    /\bPTR record|reverse (?:dns|hostname)|IPv6 sending guidelines/i,
    'ptr',
    'as-told',
    'dot',
    '550 5.7.1 [2001:db8::1] Our system has detected that this message does not meet IPv6 sending guidelines regarding PTR records and authentication',
  ),
  rule(/^5.*\b(?:URIBL|SURBL)\b/i, 'content', 'fail', 'dot', '554 5.7.1 Message rejected: a link in it is listed in URIBL black'),
  // Final to the letter, but a person can be delisted within our 72 h, and no recipient is to suffer for our address.
  rule(
    /\(S3\d{3}\)|block ?list|black ?list|\bDNSBL\b|\bRBL\b|spamhaus|blocked using|blocked by .{0,40}list/i,
    'blocklisted',
    'retry',
    'mail',
    '550 5.7.1 Unfortunately, messages from [192.0.2.1] weren’t sent. Please contact your provider since part of their network is on our block list (S3140)',
  ),
  rule(
    /^5.*\breputation\b/i,
    'blocklisted',
    'retry',
    'dot',
    '550 5.7.1 Our system has detected that this message is suspicious due to the very low reputation of the sending IP address',
  ),
  rule(/^550 5\.5\.0 .*mailbox unavailable/i, 'recipient', 'fail', 'rcpt', '550 5.5.0 Requested action not taken: mailbox unavailable'),
  rule(/^550 5\.4\.1 .*recipient address rejected/i, 'recipient', 'fail', 'rcpt', '550 5.4.1 Recipient address rejected: Access denied'),
  rule(
    /must issue (?:a )?STARTTLS|(?:TLS|encryption|STARTTLS) (?:is )?required/i,
    'tls-policy',
    'retry',
    'mail',
    '530 5.7.0 Must issue a STARTTLS command first',
  ),
]

/** RFC 3463 and the registry after it (RFC 5248), with the numbers large providers made up. */
const enhancedCodes: readonly Rule[] = [
  rule(/^\d{3} 5\.1\.(?:1|3|6)\b/, 'recipient', 'fail', 'rcpt', '550 5.1.1 The email account that you tried to reach does not exist'),
  rule(/^\d{3} 5\.1\.10\b/, 'recipient', 'fail', 'route', '556 5.1.10 The domain does not accept mail (null MX)'), // RFC 7505 §4.1
  rule(/^\d{3} 5\.1\.2\b/, 'domain', 'fail', 'route', '550 5.1.2 The domain does not exist'),
  rule(/^\d{3} [45]\.1\.[78]\b/, 'sender', 'as-told', 'mail', '553 5.1.8 Sender address rejected: Domain not found'),
  rule(/^\d{3} 5\.1\.\d/, 'recipient', 'fail', 'rcpt', '553 5.1.0 Address rejected', ['rcpt']),
  rule(
    /^\d{3} 5\.(?:2\.1|7\.13|7\.17|7\.18)\b/,
    'inactive',
    'fail',
    'rcpt',
    '550 5.2.1 The email account that you tried to reach is disabled',
  ),
  // Final to the letter, yet people make room: worth the whole of our 72 h.
  rule(/^\d{3} [45]\.2\.2\b/, 'mailbox-full', 'retry', 'rcpt', '552 5.2.2 The email account that you tried to reach is over quota'),
  rule(/^\d{3} 5\.(?:2\.3|3\.4)\b/, 'too-large', 'fail', 'mail', '552 5.3.4 Message size exceeds fixed limit'),
  rule(
    /^\d{3} [45]\.7\.(?:28|650)\b/,
    'rate-limited',
    'retry',
    'dot',
    '421 4.7.28 We have detected traffic from your address that breaks our limits',
  ),
  rule(/^421 4\.7\.0\b/, 'rate-limited', 'retry', 'mail', '421 4.7.0 Try again later, closing connection'),
  rule(/^\d{3} 5\.7\.6(?:0[6-9]|[1-4]\d)\b/, 'blocklisted', 'retry', 'rcpt', '550 5.7.606 Access denied, banned sending IP'),
  rule(/^\d{3} [45]\.7\.25\b/, 'ptr', 'as-told', 'dot', '550 5.7.25 The sending IP does not match its host name'),
  rule(
    /^\d{3} [45]\.7\.(?:2[0-4]|26|29|30|515)\b/,
    'authentication',
    'as-told',
    'dot',
    '550 5.7.26 This mail has been blocked because the sender is unauthenticated',
  ),
  rule(/^\d{3} [45]\.7\.(?:4|10|11)\b/, 'tls-policy', 'retry', 'mail', '550 5.7.10 Encryption needed'),
  rule(
    /^5\d\d 5\.7\.\d+ .*\b(?:spam|content|virus|malware|phish)/i,
    'content',
    'fail',
    'dot',
    '550 5.7.1 Message rejected as spam by content scanning',
  ),
  rule(
    /^\d{3} 5\.6\.(?:3|7|9)\b/,
    'unsupported',
    'fail',
    'mail',
    '553 5.6.7 The recipient’s server does not take internationalized addresses',
  ),
  rule(/^\d{3} 5\.6\.\d/, 'content', 'fail', 'dot', '554 5.6.0 Message content is not acceptable'),
  rule(/^\d{3} [45]\.4\.(?:6|14)\b/, 'loop', 'as-told', 'dot', '554 5.4.14 Hop count exceeded, possible mail loop'),
  rule(/^\d{3} 5\.4\.4\b/, 'domain', 'fail', 'route', '550 5.4.4 The domain has no host that takes mail'),
  rule(/^\d{3} 5\.5\.\d/, 'protocol', 'fail', 'mail', '501 5.5.4 Syntax error in parameters'),
  rule(/^4\d\d 4\.4\.\d/, 'network', 'retry', 'connect', '451 4.4.1 Connection refused'),
]

/** For replies without an enhanced code. */
const plainWords: readonly Rule[] = [
  rule(
    /^[45]\d\d (?![45]\.\d).*(?:over ?quota|quota exceeded|mailbox (?:is )?full|full mailbox)/i,
    'mailbox-full',
    'retry',
    'rcpt',
    '552 Requested mail action aborted: mailbox full',
  ),
  rule(
    /^5\d\d (?![45]\.\d).*(?:no such (?:user|mailbox|recipient|address|account)|(?:user|recipient|mailbox|address) (?:is )?(?:unknown|not found|unavailable)|unknown (?:user|recipient|mailbox|address)|does(?: not|n't) exist|invalid (?:recipient|mailbox))/i,
    'recipient',
    'fail',
    'rcpt',
    '550 No such user here',
    ['rcpt', 'dot'],
  ),
  rule(/^5\d\d (?![45]\.\d).*\b(?:spam|virus|malware|phish)/i, 'content', 'fail', 'dot', '554 Transaction failed: spam message rejected'),
]

/** RFC 5321 §4.2.3, RFC 7504, RFC 7505, RFC 5248. */
const basicCodes: readonly Rule[] = [
  // Postfix passes over a host that greets with 5yz, and so do we: it is about us, not about the recipient.
  rule(/^5/, 'blocklisted', 'retry', 'greeting', '554 No SMTP service for you here', ['greeting']),
  rule(/^55[13](?: (?![45]\.\d)|$)/, 'recipient', 'fail', 'rcpt', '551 User not local', ['rcpt']),
  rule(/^552(?: (?![45]\.\d)|$)/, 'too-large', 'fail', 'dot', '552 Too much mail data'),
  rule(/^452(?: (?![45]\.\d)|$)/, 'mailbox-full', 'retry', 'rcpt', '452 Insufficient storage'),
  rule(/^450(?: (?![45]\.\d)|$)/, 'greylisted', 'retry', 'rcpt', '450 Please come back'),
  rule(/^525\b/, 'inactive', 'fail', 'rcpt', '525 User account disabled'),
  rule(/^5(?:21|56)\b/, 'domain', 'fail', 'rcpt', '556 Domain does not accept mail'),
  rule(/^530\b/, 'tls-policy', 'retry', 'mail', '530 Access denied'),
  rule(/^50[0-4]\b/, 'protocol', 'fail', 'data', '503 Bad sequence of commands'),
  rule(/^4/, 'temporary', 'retry', 'data', '451 Requested action aborted: local error in processing'),
  rule(/^5/, 'refused', 'fail', 'dot', '554 5.7.1 Refused by local policy'),
]

/** First match wins. */
export const rules: readonly Rule[] = [...providerWords, ...enhancedCodes, ...plainWords, ...basicCodes]
