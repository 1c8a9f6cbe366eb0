/** The short name of an account that somebody signs up for: what stands before the @ of its mailbox. */
import { reserved } from '../mailboxes.ts'

const longest = 40
const shape = /^[a-z0-9](?:[a-z0-9-]{1,38}[a-z0-9])$/
/** Names under which somebody could pass for whoever runs the server: those of RFC 2142 and RFC 5321, those to which certificates are confirmed or reports
 *  go, and others that people trust. */
const ours: ReadonlySet<string> = new Set(
  `abuse account accountant accounting accounts admin administrator alerts api apps autoconfig autodiscover backup billing board bounce bounces ceo
  cfo compliance contact contacts coo cto daemon data-protection director dkim dmarc dns dpo email everyone feedback finance founder ftp gdpr guest
  help helpdesk hostmaster hr human-resources imap info invoice invoices it it-department it-support jobs legal list local localhost login mail
  mailer-daemon mailserver management manager marketing moderator msp multimail mx network news newsletter no-one no-reply nobody noc notification
  notifications office official operations operator ops owner password passwords payment payments payroll phishing pop pop3 postmaster press privacy
  reception registrar replies reply return root sales secretary secure security security-team server service smtp spam spf ssl ssl-admin
  ssl-administrator ssl-webmaster ssladmin staff status subscribe support sys-admin sysadmin system team tech tech-support tls tls-reports trust
  unsubscribe usenet uucp verification verify webadmin webmail webmaster whois www`
    .split(/\s+/)
    .map(bare),
)

/** `no-reply` and `noreply` are one to who reads them. */
function bare(slug: string): string {
  return slug.replaceAll('-', '')
}

/** Why nobody can have it; null: somebody may. */
export function whyNoSlug(slug: string): 'invalid' | 'reserved' | null {
  if (!shape.test(slug)) return 'invalid'
  return reserved.has(slug) || ours.has(bare(slug)) ? 'reserved' : null
}

/** One for a name, such as `ann-s-shop`. */
export function slugFor(name: string): string {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, longest - 8)
    .replaceAll(/^-+|-+$/g, '')
  return whyNoSlug(slug) === null ? slug : `agent${slug === '' ? '' : '-'}${slug}`
}

/** Others to try when it is taken. */
export const likeSlug = (slug: string): string[] => {
  const stem = slug.slice(0, longest - 6).replace(/-+$/, '')
  return ['2', '3', '4', 'mail', 'agent', 'desk'].map((more) => `${stem}-${more}`).filter((one) => whyNoSlug(one) === null)
}
