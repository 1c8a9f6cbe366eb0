/** Who keeps lists of addresses that mail is refused from, and where one asks to be taken off. */
type ListOperator = {
  name: string
  /** a link in a reply is shown only when it leads to one of these, or below */
  hosts: readonly string[]
  /** how a reply names them that has no link */
  says: RegExp
  page: string
}

export const listOperators: readonly ListOperator[] = [
  { name: 'Spamhaus', hosts: ['spamhaus.org'], says: /spamhaus/i, page: 'https://check.spamhaus.org/' },
  { name: 'SpamCop', hosts: ['spamcop.net'], says: /spamcop/i, page: 'https://www.spamcop.net/bl.shtml' },
  {
    name: 'Barracuda',
    hosts: ['barracudanetworks.com', 'barracudacentral.org'],
    says: /barracuda/i,
    page: 'https://www.barracudacentral.org/rbl/removal-request',
  },
  { name: 'Proofpoint', hosts: ['proofpoint.com'], says: /proofpoint/i, page: 'https://ipcheck.proofpoint.com/' },
  { name: 'Cloudmark', hosts: ['csi.cloudmark.com'], says: /cloudmark|\bCSI\b/i, page: 'https://csi.cloudmark.com/en/reset/' },
  {
    name: 'Trend Micro',
    hosts: ['mail-abuse.com', 'trendmicro.com'],
    says: /trend micro/i,
    page: 'https://servicecentral.trendmicro.com/en-us/ers/ip-lookup/',
  },
  { name: 'Abusix', hosts: ['abusix.com'], says: /abusix/i, page: 'https://lookup.abusix.com/' },
  { name: 'SORBS', hosts: ['sorbs.net'], says: /\bsorbs\b/i, page: 'http://www.sorbs.net/lookup.shtml' },
  { name: 'UCEPROTECT', hosts: ['uceprotect.net'], says: /uceprotect/i, page: 'https://www.uceprotect.net/en/rblcheck.php' },
  { name: 'NiX Spam', hosts: ['dnsbl.manitu.net', 'nixspam.net'], says: /manitu|nix ?spam/i, page: 'https://www.nixspam.net/lookup/' },
  { name: 'SpamRats', hosts: ['spamrats.com'], says: /spamrats/i, page: 'https://www.spamrats.com/removal.php' },
  { name: 'Mailspike', hosts: ['mailspike.org'], says: /mailspike/i, page: 'https://www.mailspike.org/iplookup.html' },
  { name: 'PSBL', hosts: ['psbl.org', 'psbl.surriel.com'], says: /\bpsbl\b/i, page: 'https://psbl.org/remove' },
  { name: 'Validity', hosts: ['senderscore.org', 'validity.com'], says: /senderscore|return ?path/i, page: 'https://senderscore.org/' },
  { name: 'invaluement', hosts: ['invaluement.com'], says: /invaluement|ivmSIP/i, page: 'https://www.invaluement.com/removal/' },
  {
    name: 'Cisco Talos',
    hosts: ['talosintelligence.com', 'senderbase.org'],
    says: /sending MTA.s poor reputation/i,
    page: 'https://talosintelligence.com/reputation_center',
  },
  {
    name: 'Microsoft',
    hosts: ['sendersupport.olc.protection.outlook.com', 'sender.office.com', 'mail.live.com', 'postmaster.live.com'],
    says: /\(S3\d{3}\)|\b(?:OU|DY|SC)-00\d\b|banned send/i,
    page: 'https://olcsupport.office.com/',
  },
  {
    name: 'Google',
    hosts: ['support.google.com'],
    says: /gsmtp/i,
    page: 'https://support.google.com/mail/contact/gmail_bulk_sender_escalation',
  },
  {
    name: 'Yahoo',
    hosts: ['postmaster.yahooinc.com', 'senders.yahooinc.com'],
    says: /\[(?:TSS?|BL)\d\d\]/,
    page: 'https://senders.yahooinc.com/contact/',
  },
  {
    name: 'GMX',
    hosts: ['postmaster.gmx.net', 'postmaster.gmx.com', 'postmaster.web.de', 'postmaster.mail.com'],
    says: /Nemesis ESMTP/i,
    page: 'https://postmaster.gmx.net/en/contact',
  },
  { name: 'T-Online', hosts: ['postmaster.t-online.de'], says: /@rx\.t-online\.de/i, page: 'https://postmaster.t-online.de/' },
  { name: 'Comcast', hosts: ['postmaster.comcast.net'], says: /comcast/i, page: 'https://spa.xfinity.com/report' },
  {
    name: 'Cox',
    hosts: ['postmaster.cox.net'],
    says: /AUP#/,
    page: 'https://www.cox.com/business/support/cox-postmaster-administration.html',
  },
  { name: 'Free', hosts: ['postmaster.free.fr'], says: /postmaster\.free\.fr/i, page: 'http://postmaster.free.fr/' },
  { name: 'Mail.ru', hosts: ['help.mail.ru', 'postmaster.mail.ru'], says: /mail\.ru/i, page: 'https://help.mail.ru/notspam-support' },
]

const maxText = 1000
const links = /https?:\/\/[^\s<>"'()[\]]{1,300}/gi

/** Where one asks to be taken off: the link a reply has, when it leads to one who is known to keep a list; else their page, when it names
 *  them; null when it does neither. A stranger's link is never shown to an operator as a remedy. */
export function delistLink(reply: string): string | null {
  const text = reply.slice(0, maxText)
  for (const [link] of text.matchAll(links)) {
    const url = URL.parse(link.replace(/[.,;:!?]{1,5}$/, ''))
    if (url !== null && isOperators(url)) return url.href
  }
  return listOperators.find(({ says }) => says.test(text))?.page ?? null
}

const isOperators = ({ hostname, username, password, port }: URL): boolean =>
  username === '' &&
  password === '' &&
  port === '' &&
  listOperators.some(({ hosts }) => hosts.some((host) => hostname === host || hostname.endsWith(`.${host}`)))
